/**
 * Checks docs/rfc-coverage.md: each row says which clause, in short words of our own, whether we do it, where,
 * and which test would fail without it. A claim that names a function or a test that is not there is an error.
 *
 *   | clause | requirement | status | where | test |
 *
 * yes      where: `src/net/arp.ts:arpInput`, and a test title, word for word
 * partial  as yes, and after `; ` what is missing
 * no       nothing, or the reason
 * n/a      the reason why the clause does not bind us
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const COVERAGE_FILE = 'docs/rfc-coverage.md';
/** The RFCs that the table has to name. */
export const REQUIRED_RFCS: readonly number[] = [
  768, 791, 792, 826, 1122, 1191, 2018, 2131, 2132, 2861, 2883, 3042, 3168, 3396, 3442, 3465, 3522,
  3927, 4015, 4191, 4443, 4821, 4861, 4862, 5227, 5482, 5681, 5682, 5722, 5961, 6056, 6093, 6298,
  6528, 6582, 6675, 6928, 7217, 7323, 7559, 7661, 8033, 8106, 8200, 8201, 8289, 8290, 8981, 8985,
  9293, 9332, 9406, 9438, 9937,
];
/** In place of the number of what has none yet. */
const DRAFT = -1;
const STATUSES = ['yes', 'partial', 'no', 'n/a'] as const;
type Status = (typeof STATUSES)[number];

export interface Row {
  readonly rfc: number;
  readonly line: number;
  readonly clause: string;
  readonly requirement: string;
  readonly status: string;
  readonly where: string;
  readonly test: string;
}

/** Where claims are looked up. */
export interface Evidence {
  /** The names declared in a file, `Class.method` included; null when there is no such file. */
  names(file: string): ReadonlySet<string> | null;
  /** Whether a test has the title. */
  hasTest(title: string): boolean;
}

export function parseCoverage(markdown: string): Row[] {
  const rows: Row[] = [];
  let rfc = 0;
  for (const [i, text] of markdown.split('\n').entries()) {
    const heading = /^## (?:(?:RFC|IEEE) ([\d.]+)|draft-)/.exec(text);
    if (heading !== null) rfc = Number(heading[1] ?? DRAFT);
    if (!text.startsWith('|') || /^\|\s*(clause\b|-)/.test(text)) continue;
    const cells = text.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
    const [, clause = '', requirement = '', status = '', where = '', test = ''] = cells;
    // Seven parts: an empty one before the first bar and one after the last.
    const isWhole = cells.length === 7;
    rows.push({
      rfc,
      line: i + 1,
      clause,
      requirement,
      status: isWhole ? status : '',
      where,
      test,
    });
  }
  return rows;
}

/** What is wrong, one line each. */
export function checkCoverage(rows: readonly Row[], evidence: Evidence): string[] {
  const problems: string[] = [];
  for (const row of rows) {
    for (const what of rowProblems(row, evidence)) {
      problems.push(`${COVERAGE_FILE}:${row.line}: ${nameOf(row.rfc)} ${row.clause}: ${what}`);
    }
  }
  for (const rfc of REQUIRED_RFCS) {
    if (!rows.some((row) => row.rfc === rfc))
      problems.push(`${COVERAGE_FILE}: no row for RFC ${rfc}`);
  }
  return problems;
}

function rowProblems(row: Row, evidence: Evidence): string[] {
  if (row.rfc === 0) return ['a row before the first "## RFC n" heading'];
  if (!isStatus(row.status)) return ['five cells, the third one of: yes, partial, no, n/a'];
  if (row.clause === '' || row.requirement === '')
    return ['the clause and the requirement are empty'];
  if (row.status === 'no') return row.test === '' ? [] : ['a test, but status no'];
  if (row.status === 'n/a') return row.where === '' ? ['n/a without the reason'] : [];
  const [places = '', ...missing] = row.where.split('; ');
  const problems = places === '' ? ['no file:function'] : placeProblems(places, evidence);
  if (row.status === 'partial' && missing.length === 0) problems.push('partial: what is missing?');
  const titles = row.test.split('<br>').map((title) => title.trim());
  for (const title of titles) {
    if (title === '') problems.push('no test title');
    else if (!evidence.hasTest(title)) problems.push(`no test has the title "${title}"`);
  }
  return problems;
}

function placeProblems(places: string, evidence: Evidence): string[] {
  const problems: string[] = [];
  for (const place of places.split(', ')) {
    const [file = '', name = ''] = place.replaceAll('`', '').split(':');
    const names = evidence.names(file);
    if (names === null) problems.push(`there is no file "${file}"`);
    else if (!names.has(name)) problems.push(`${file} declares no "${name}"`);
  }
  return problems;
}

function isStatus(text: string): text is Status {
  return (STATUSES as readonly string[]).includes(text);
}

/** Every name that a TypeScript text declares: functions, constants, classes, members, types. */
export function declaredNames(text: string): Set<string> {
  const names = new Set<string>();
  const source = ts.createSourceFile('x.ts', text, ts.ScriptTarget.ES2023, false);
  const visit = (node: ts.Node, owner: string): void => {
    let inner = owner;
    const name = (node as Partial<ts.NamedDeclaration>).name;
    if (name !== undefined && (ts.isIdentifier(name) || ts.isPrivateIdentifier(name))) {
      names.add(name.text);
      if (owner !== '') names.add(`${owner}.${name.text}`);
      if (ts.isClassDeclaration(node)) inner = name.text;
    }
    ts.forEachChild(node, (child) => visit(child, inner));
  };
  visit(source, '');
  return names;
}

/** The evidence of the checkout. */
export function realEvidence(): Evidence {
  const known = new Map<string, ReadonlySet<string> | null>();
  // The tests of the tools quote titles; they are no evidence.
  const tests = textsUnder(join(ROOT, 'test'), 'tools');
  return {
    names: (file) => {
      let names = known.get(file);
      if (names === undefined) {
        const path = join(ROOT, file);
        const isFile = /^(src|native|tools)\/.*\.ts$/.test(file) && existsSync(path);
        names = isFile ? declaredNames(readFileSync(path, 'utf8')) : null;
        known.set(file, names);
      }
      return names;
    },
    hasTest: (title) => tests.some((text) => text.includes(title)),
  };
}

function textsUnder(dir: string, except = ''): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === except) return [];
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return textsUnder(path);
    // A title with an apostrophe stands in the source with a backslash before it.
    return /\.(ts|pkt)$/.test(path) ? [readFileSync(path, 'utf8').replaceAll("\\'", "'")] : [];
  });
}

/** `RFC 826: 9 yes, 1 partial, 2 no, 0 n/a`. */
export function summary(rows: readonly Row[]): string[] {
  const rfcs = [...new Set(rows.map((row) => row.rfc))];
  return rfcs.map((rfc) => {
    const counts = STATUSES.map((status) => {
      const n = rows.filter((row) => row.rfc === rfc && row.status === status).length;
      return `${n} ${status}`;
    });
    return `${nameOf(rfc)}: ${counts.join(', ')}`;
  });
}

function nameOf(rfc: number): string {
  if (rfc === DRAFT) return 'drafts';
  return `${Number.isInteger(rfc) ? 'RFC' : 'IEEE'} ${rfc}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const rows = parseCoverage(readFileSync(join(ROOT, COVERAGE_FILE), 'utf8'));
  const problems = checkCoverage(rows, realEvidence());
  for (const problem of problems) console.error(problem);
  if (problems.length === 0) for (const line of summary(rows)) console.log(line);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
