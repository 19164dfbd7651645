/**
 * Our own packet scripts, one clause each, in every version. A file is called by its RFC and requirement; the first
 * comment of a script is its title, which docs/rfc-coverage.md quotes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { IP_VERSIONS } from '../../src/sim/packetdrill/options.ts';
import { runText } from '../../src/sim/packetdrill/run-text.ts';

const FOLDER = dirname(fileURLToPath(import.meta.url));
const scripts = readdirSync(FOLDER).filter((name) => name.endsWith('.pkt'));
/** Scripts of the other family do not apply. */
const fits = (name: string, version: string): boolean =>
  !name.endsWith(version === 'ipv6' ? 'v4.pkt' : 'v6.pkt');

for (const name of scripts) {
  const text = readFileSync(join(FOLDER, name), 'utf8');
  const title = /^\/\/ (.+)$/m.exec(text)?.[1] ?? '';
  t.test(`${name}: ${title}`, async (t) => {
    t.match(title, /^RFC \d+ (MUST|SHLD|MAY|§)/);
    for (const version of IP_VERSIONS.filter((v) => fits(name, v))) {
      const setting = { name: 'ip_version', value: version, quote: 'none' } as const;
      const { status, line, message, expected, actual } = runText(name, text, [setting]);
      t.equal(status, 'pass', `${version}: ${line}: ${message} [${expected}] [${actual}]`);
    }
  });
}
