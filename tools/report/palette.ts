/** Colours and dashes that tell lines apart. */

/**
 * Told apart by people with any kind of colour vision: Okabe and Ito's (2008), without the yellow that white paper
 * swallows; beside it the same ones for dark screens.
 */
const PAIRS: readonly (readonly [light: string, dark: string])[] = [
  ['#0072b2', '#4aa9e0'],
  ['#d55e00', '#f58a45'],
  ['#009e73', '#2fc79a'],
  ['#cc79a7', '#e29cc4'],
  ['#e69f00', '#f2b93b'],
  ['#56b4e9', '#9ad6f7'],
  ['#7f7f7f', '#a9b0ba'],
  ['#6f5a00', '#d6c95a'],
];

export const LIGHT: readonly string[] = PAIRS.map(([light]) => light);
export const DARK: readonly string[] = PAIRS.map(([, dark]) => dark);

/** Of the second line of a colour, the third and the fourth. */
export const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [8, 3, 2, 3]];

/** How a line looks: places in the lists above, which begin again where they end. */
export interface Look {
  readonly colour: number;
  readonly dash: number;
}

export const lookOf = (colour: number, dash = 0): Look => ({
  colour: colour % PAIRS.length,
  dash: (dash + Math.floor(colour / PAIRS.length)) % DASHES.length,
});

const classes = (colours: readonly string[]): string =>
  colours
    .map((c, i) => `.s${i} { stroke: ${c}; } .f${i} { fill: ${c}; } .b${i} { background: ${c}; }`)
    .join('\n');

/** What figures are drawn with: in the page, and in each file by itself. */
export const FIGURE_STYLE = `
.fig { font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; font-size: 12px; }
.fig .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
.fig .thin { stroke-width: 1; stroke-opacity: 0.75; } .fig .band { fill-opacity: 0.13; stroke: none; }
.fig .whisker { stroke-width: 1.2; fill: none; } .fig .dot { stroke: var(--card); stroke-width: 1; }
.fig small, td small { color: var(--soft); } .fig .ring { fill-opacity: 0.1; stroke-width: 1; stroke-opacity: 0.6; }
.fig .head { font-size: 14px; font-weight: 600; fill: var(--ink); } .fig .ink { fill: var(--ink); } .fig .soft { fill: var(--soft); }
.fig .grid { stroke: var(--line); stroke-width: 1; } .fig .axis { stroke: var(--axis); stroke-width: 1; } .fig .mark { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 3 3; }
`;

const LIGHT_NAMES =
  '--ink: #1b2330; --soft: #566070; --line: #e6e9ee; --axis: #9aa3b0; --card: #fff;';
const DARK_NAMES =
  '--ink: #e7ebf1; --soft: #a3adbb; --line: #2b333f; --axis: #5d6878; --card: #181e27;';

/** On paper everything is light. */
export const PAGE_COLOURS = `
:root { color-scheme: light; ${LIGHT_NAMES} --page: #f4f6f9; --accent: #0072b2; --bad: #a33a00; --badpage: #fff3ec; }
${classes(LIGHT)}
@media screen and (prefers-color-scheme: dark) {
:root { color-scheme: dark; ${DARK_NAMES} --page: #0f131a; --accent: #4aa9e0; --bad: #ffa06b; --badpage: #2b1b12; }
${classes(DARK)}
}
`;

/** Of a file by itself: light, for paper and slides. */
export const FILE_STYLE = `svg { ${LIGHT_NAMES} }\n${classes(LIGHT)}${FIGURE_STYLE}`;
