/**
 * The rules of the house that a machine can check (ARCHITECTURE, decision 7). `npm run check` and
 * test/architecture.test.ts run the same analysis; the test also shows each rule failing on a bad file.
 *
 * A rule looks at files by their path in the repository (`src/net/arp.ts`), with TypeScript's own parser
 * and checker, and returns findings.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { fieldWriterFindings } from './rules/field-writers.ts';
import { globalFindings } from './rules/globals.ts';
import { type Finding, openHouse } from './rules/house.ts';
import { importFindings } from './rules/layers.ts';
import { moduleStateFindings } from './rules/module-state.ts';
import { shapeFindings } from './rules/shape.ts';
import { textFindings } from './rules/text.ts';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Everything git knows or would take, except what is ignored. */
export function repositoryFiles(): string[] {
  const git = spawnSync('git', ['ls-files', '-co', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const listed = git.stdout.split('\n').filter((file) => file !== '');
  return [...new Set(listed)].filter((file) => existsSync(join(ROOT, file)));
}

/** The house as it stands. */
export function realSources(): Map<string, string> {
  const text = new Map<string, string>();
  for (const file of repositoryFiles()) {
    if (/\.(png|pcapng|pcap|node|gz|ico)$/.test(file)) continue;
    text.set(file, readFileSync(join(ROOT, file), 'utf8'));
  }
  return text;
}

/** All rules over all files, in order of path and line. */
export function inspect(sources: ReadonlyMap<string, string>): Finding[] {
  const house = openHouse(sources);
  const findings = [
    ...importFindings(house),
    ...globalFindings(house),
    ...fieldWriterFindings(house),
    ...shapeFindings(house),
    ...moduleStateFindings(house),
    ...textFindings(sources),
  ];
  return findings.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}

export function formatFinding(finding: Finding): string {
  return `${finding.file}:${finding.line}: ${finding.rule}: ${finding.what}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const findings = inspect(realSources());
  for (const finding of findings) console.error(formatFinding(finding));
  process.exitCode = findings.length === 0 ? 0 : 1;
}
