import { readFileSync } from 'node:fs';
import t from 'tap';
import {
  COVERAGE_FILE,
  checkCoverage,
  declaredNames,
  type Evidence,
  parseCoverage,
  REQUIRED_RFCS,
  type Row,
  realEvidence,
} from '../../tools/dev/rfc-coverage.ts';

t.test(
  'docs/rfc-coverage.md names every RFC, and each claim has its function and its test',
  (t) => {
    const rows = parseCoverage(readFileSync(COVERAGE_FILE, 'utf8'));
    t.ok(rows.length > 100, `${rows.length} rows`);
    t.strictSame(checkCoverage(rows, realEvidence()), []);
    t.end();
  },
);

const EVIDENCE: Evidence = {
  names: (file) => (file === 'src/net/arp.ts' ? new Set(['arpInput', 'ArpCache.find']) : null),
  hasTest: (title) => title === 'a request is answered' || title === 'a reply is not',
};

/** A table in which every required RFC has a row, and the row to be judged. */
function problems(row: string): string[] {
  const others = REQUIRED_RFCS.map((rfc) => `## RFC ${rfc} — x\n| §1 | x | no | | |`).join('\n');
  const rows: Row[] = parseCoverage(`${others}\n## RFC 826 — ARP\n${row}`);
  return checkCoverage(rows, EVIDENCE).map((p) => p.replace(/^.*§\d: /, ''));
}

const CASES: readonly [string, string[]][] = [
  ['| §1 | answer | yes | `src/net/arp.ts:arpInput` | a request is answered |', []],
  [
    '| §1 | answer | yes | src/net/arp.ts:ArpCache.find, src/net/arp.ts:arpInput | a request is answered<br>a reply is not |',
    [],
  ],
  ['| §1 | answer | no | | |', []],
  ['| §1 | answer | no | we never send it | |', []],
  ['| §1 | answer | n/a | we are no router | |', []],
  [
    '| §1 | answer | partial | src/net/arp.ts:arpInput; not for IEEE 802 | a request is answered |',
    [],
  ],
  [
    '| §1 | answer | partial | src/net/arp.ts:arpInput | a request is answered |',
    ['partial: what is missing?'],
  ],
  [
    '| §1 | answer | yes | src/net/arp.ts:arpInput | a request is answer |',
    ['no test has the title "a request is answer"'],
  ],
  ['| §1 | answer | yes | src/net/arp.ts:arpInput | |', ['no test title']],
  ['| §1 | answer | yes | | a request is answered |', ['no file:function']],
  [
    '| §1 | answer | yes | src/net/arp.ts:gone | a request is answered |',
    ['src/net/arp.ts declares no "gone"'],
  ],
  [
    '| §1 | answer | yes | src/net/nda.ts:arpInput | a request is answered |',
    ['there is no file "src/net/nda.ts"'],
  ],
  ['| §1 | answer | no | | a request is answered |', ['a test, but status no']],
  ['| §1 | answer | n/a | | |', ['n/a without the reason']],
  ['| §1 | answer | maybe | | |', ['five cells, the third one of: yes, partial, no, n/a']],
  ['| §1 | answer | no | |', ['five cells, the third one of: yes, partial, no, n/a']],
  ['| §1 | | no | | |', ['the clause and the requirement are empty']],
];

t.test('a claim that does not hold is an error', (t) => {
  for (const [row, expected] of CASES) t.strictSame(problems(row), expected, row);
  const rows = parseCoverage('## RFC 826 — ARP\n| §1 | x | no | | |');
  const missing = checkCoverage(rows, EVIDENCE);
  t.equal(missing.length, REQUIRED_RFCS.length - 1, 'an RFC without a row is missed');
  t.end();
});

t.test('names are found wherever TypeScript declares them', (t) => {
  const names = declaredNames(
    'export const f = () => 1; function g() {} export class C { m() {} readonly p = 1; } interface I { q: 1 }',
  );
  t.strictSame([...names].sort(), ['C', 'C.m', 'C.p', 'I', 'f', 'g', 'm', 'p', 'q']);
  t.end();
});
