/** What probers send, and a host that must answer it as Linux does, or say why not, and go on. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { EXPLAINED } from './probes-explained.ts';
import { scenario } from './scenario.ts';

scenario(
  'nmap, thc-ipv6 and 19,000 malformed packets, TAP and AF_PACKET',
  'probes-child.ts',
  [],
  11,
  ['nmap', 'atk6-implementation6', 'nsenter', 'sysctl'],
);

t.test('what we answer otherwise than Linux has a row in docs/interop-probes.md', async (t) => {
  const text = readFileSync(new URL('../../docs/interop-probes.md', import.meta.url), 'utf8');
  for (const { row } of EXPLAINED) t.ok(text.includes(`| ${row} |`), row);
});
