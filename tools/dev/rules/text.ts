/** Rules about plain text: they hold for every tracked file, C++ included. */
import type { Finding } from './house.ts';

export const MAX_FILE_LINES = 600;

const CODE = /^(src|native|tools|test|bench|examples|bin)\/.*\.(ts|js|mjs|cc|h|sh|py)$/;
const GENERATED = /^(package-lock\.json|LICENSE|test\/.*\/(golden|seeds|traces)\/)/;

interface TextRule {
  readonly rule: string;
  readonly applies: (file: string) => boolean;
  readonly pattern: RegExp;
  readonly what: string;
}

/** Written so that this file does not match itself. */
const RULES: readonly TextRule[] = [
  {
    rule: 'open end',
    applies: (file) => CODE.test(file),
    pattern: /\b(?:TO[D]O|FIX[M]E|XX[X])\b(?!\(#\d+\))/,
    what: 'name an issue, (#12), or do it now',
  },
  {
    rule: 'machine path',
    applies: () => true,
    pattern: /(?:^|[^\w.$}/-])\/(?:home|ro[o]t|Users|wo[r]k|farm|workspace)\/[\w.-]/,
    what: 'a path of one machine',
  },
  {
    rule: 'registry host',
    applies: () => true,
    pattern: /registry\.[\w-]+\.[\w]|\/\/[\w.-]*(?:artifac[t]ory|verdac[c]io|nexus[.-])/i,
    what: 'the name of a package registry',
  },
  {
    rule: 'frame without tag',
    applies: (file) => /^src\/(net|udp|tcp)\/(?!interface\.ts)/.test(file),
    pattern: /\btx\.comm[i]t\(/,
    what: "a VLAN's frame would leave without its tag: Interface.commit",
  },
];

export function textFindings(sources: ReadonlyMap<string, string>): Finding[] {
  const findings: Finding[] = [];
  for (const [file, text] of sources) {
    const lines = text.split('\n');
    const length = lines.at(-1) === '' ? lines.length - 1 : lines.length;
    if (CODE.test(file) && !GENERATED.test(file) && length > MAX_FILE_LINES) {
      findings.push({ rule: 'file length', file, line: 0, what: `${length} lines` });
    }
    for (const { rule, applies, pattern, what } of RULES) {
      if (!applies(file)) continue;
      for (let i = 0; i < lines.length; i++) {
        if (pattern.test(lines[i]!)) findings.push({ rule, file, line: i + 1, what });
      }
    }
  }
  return findings;
}
