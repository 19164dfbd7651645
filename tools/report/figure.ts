/** A figure that does not move: its drawing, what it is called, and what its colours mean. */
import { escapeXml, fitted } from './frame.ts';
import { DASHES, FILE_STYLE, type Look } from './palette.ts';

export interface Key {
  readonly label: string;
  readonly look: Look;
}

export interface Figure {
  readonly id: string;
  readonly title: string;
  /** One sentence: what there is to see. */
  readonly said: string;
  readonly width: number;
  readonly height: number;
  readonly parts: readonly string[];
  /** Elements of the n-th key have the class kn. */
  readonly keys: readonly Key[];
}

/** In a page, which has the style, the title and the keys. */
export function inPage({ width, height, parts, title }: Figure): string {
  return `<svg class="fig" viewBox="0 0 ${width} ${height}" style="max-width:${width}px" role="img" aria-label="${escapeXml(title)}">\n${parts.join('\n')}\n</svg>`;
}

export const dashText = ({ dash }: Look): string =>
  dash === 0 ? '' : ` stroke-dasharray="${DASHES[dash]!.join(' ')}"`;

const HEAD = 32;
const SAID_ROW = 16;
const ROW = 18;

/** As many lines as it takes. */
function wrapped(text: string, pixels: number): readonly string[] {
  const most = Math.floor(pixels / 6.6);
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < most)
      lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** As a file by itself. */
export function asFile(figure: Figure): string {
  const { width, height, title, said, parts } = figure;
  const told = said === '' ? [] : wrapped(said, width - 32);
  const head = HEAD + told.length * SAID_ROW;
  const [rows, keys] = keyRows(figure, head + height);
  const whole = head + height + rows * ROW + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" class="fig" viewBox="0 0 ${width} ${whole}" width="${width}" height="${whole}">
<style>${FILE_STYLE}</style>
<rect width="${width}" height="${whole}" fill="#fff"/>
<text class="head" x="16" y="22">${escapeXml(fitted(title, width - 32))}</text>
${told.map((line, i) => `<text class="soft" x="16" y="${39 + i * SAID_ROW}">${escapeXml(fitted(line, width - 32))}</text>`).join('\n')}
<g transform="translate(0 ${head})">
${parts.join('\n')}
</g>
${keys}
</svg>
`;
}

function keyRows({ keys, width }: Figure, top: number): [rows: number, text: string] {
  if (keys.length < 2) return [0, ''];
  const parts: string[] = [];
  let [x, row] = [64, 0];
  for (const { label, look } of keys) {
    const text = fitted(label, 280);
    const wide = 34 + text.length * 6.6 + 14;
    if (x + wide > width && x > 64) [x, row] = [64, row + 1];
    const y = top + row * ROW + 6;
    parts.push(
      `<line class="line s${look.colour}" x1="${x}" x2="${x + 22}" y1="${y}" y2="${y}"${dashText(look)}/>`,
    );
    parts.push(`<text class="ink" x="${x + 28}" y="${y}" dy="4">${escapeXml(text)}</text>`);
    x += wide;
  }
  return [row + 1, parts.join('\n')];
}
