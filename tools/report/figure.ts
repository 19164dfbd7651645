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

const HEAD = 48;
const ROW = 18;

/** As a file by itself. */
export function asFile(figure: Figure): string {
  const { width, height, title, said, parts } = figure;
  const [rows, keys] = keyRows(figure);
  const whole = HEAD + height + rows * ROW + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" class="fig" viewBox="0 0 ${width} ${whole}" width="${width}" height="${whole}">
<style>${FILE_STYLE}</style>
<rect width="${width}" height="${whole}" fill="#fff"/>
<text class="head" x="16" y="22">${escapeXml(fitted(title, width - 32))}</text>
<text class="soft" x="16" y="39">${escapeXml(fitted(said, width - 32))}</text>
<g transform="translate(0 ${HEAD})">
${parts.join('\n')}
</g>
${keys}
</svg>
`;
}

function keyRows({ keys, width, height }: Figure): [rows: number, text: string] {
  if (keys.length < 2) return [0, ''];
  const parts: string[] = [];
  let [x, row] = [64, 0];
  for (const { label, look } of keys) {
    const text = fitted(label, 280);
    const wide = 34 + text.length * 6.6 + 14;
    if (x + wide > width && x > 64) [x, row] = [64, row + 1];
    const y = HEAD + height + row * ROW + 6;
    parts.push(
      `<line class="line s${look.colour}" x1="${x}" x2="${x + 22}" y1="${y}" y2="${y}"${dashText(look)}/>`,
    );
    parts.push(`<text class="ink" x="${x + 28}" y="${y}" dy="4">${escapeXml(text)}</text>`);
    x += wide;
  }
  return [row + 1, parts.join('\n')];
}
