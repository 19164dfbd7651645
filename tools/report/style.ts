/** How the page looks: on light and dark screens, wide and narrow, and on paper. */
import { FIGURE_STYLE, PAGE_COLOURS } from './palette.ts';

export const STYLE = `${PAGE_COLOURS}${FIGURE_STYLE}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; -webkit-text-size-adjust: 100%; }
main { max-width: 1480px; margin: 0 auto; padding: 32px 28px 56px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.015em; overflow-wrap: anywhere; }
h2 { font-size: 20px; margin: 44px 0 4px; letter-spacing: -0.01em; overflow-wrap: anywhere; } h3 { font-size: 15px; margin: 30px 0 6px; }
.facts, .note { color: var(--soft); margin: 0 0 18px; } .note { font-size: 13px; margin: 0 0 8px; max-width: 90ch; }
.bad { background: var(--badpage); color: var(--bad); border-left: 3px solid var(--bad); padding: 8px 14px; border-radius: 4px; margin: 0 0 14px; overflow-wrap: anywhere; }
.good { color: var(--soft); margin: 0 0 14px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 0 0 20px; }
.card, .panel { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; min-width: 0; }
.card b { display: block; font-size: 22px; line-height: 1.3; font-variant-numeric: tabular-nums; letter-spacing: -0.01em; } .card span { color: var(--soft); font-size: 13px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(600px, 100%), 1fr)); gap: 16px; margin: 16px 0; }
.panel { margin: 0; padding: 14px 16px 10px; } .panel.wide { grid-column: 1 / -1; }
.panel h4 { margin: 0; font-size: 15px; } .panel p { margin: 0 0 8px; color: var(--soft); font-size: 13px; min-height: 1.5em; overflow-wrap: anywhere; }
.panel svg { display: block; width: 100%; height: auto; margin: 0 auto; } .plot { min-height: 264px; }
.keys { display: flex; flex-wrap: wrap; gap: 2px 4px; margin: 6px 0 0; padding: 0; max-height: 112px; overflow-y: auto; }
.keys button { display: inline-flex; align-items: center; gap: 6px; font: inherit; font-size: 12.5px; color: var(--ink); background: none; border: 1px solid transparent; border-radius: 6px; padding: 2px 7px; cursor: pointer; max-width: 100%; }
.keys button:hover, .keys button:focus-visible { border-color: var(--axis); outline: none; } .keys button[aria-pressed="false"] { opacity: 0.4; text-decoration: line-through; }
.keys span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } .keys svg { width: 22px; height: 8px; flex: none; margin: 0; } .keys output { color: var(--soft); font-variant-numeric: tabular-nums; min-width: 1ch; }
.dim { opacity: 0.12; } .off { display: none; }
.table { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: 0 0 8px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 13.5px; }
th, td { padding: 6px 14px; text-align: right; white-space: nowrap; } th:first-child, td:first-child, .t2 th:nth-child(2), .t2 td:nth-child(2), .t3 th:nth-child(-n+3), .t3 td:nth-child(-n+3), .t4 th:nth-child(-n+4), .t4 td:nth-child(-n+4) { text-align: left; }
td:first-child { max-width: 36ch; overflow: hidden; text-overflow: ellipsis; } th { color: var(--soft); font-weight: 600; border-bottom: 1px solid var(--line); } tbody tr + tr td { border-top: 1px solid var(--line); } tbody tr:hover td { background: color-mix(in srgb, var(--line) 45%, transparent); }
td i { display: inline-block; width: 10px; height: 10px; border-radius: 5px; margin-right: 8px; } .harm { display: inline-block; min-width: 52px; padding: 0 8px; border-radius: 5px; }
details > summary { cursor: pointer; color: var(--soft); padding: 4px 0; } details > summary h2 { display: inline-block; margin: 24px 0 4px; color: var(--ink); }
.uplot { font-family: inherit; } .u-over { cursor: crosshair; } footer { margin-top: 44px; color: var(--soft); font-size: 13px; }
@media (max-width: 720px) { main { padding: 20px 14px 40px; } h1 { font-size: 23px; } .card b { font-size: 19px; } th, td { padding: 5px 10px; } }
@media print { body { background: #fff; } main { max-width: none; padding: 0; } .panel, .card, .table, tr { break-inside: avoid; } .keys { max-height: none; } .charts { grid-template-columns: 1fr 1fr; gap: 10px; } footer { display: none; } @page { size: A4 landscape; margin: 12mm; } }
`;
