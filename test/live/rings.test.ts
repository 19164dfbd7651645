/**
 * The rings against the kernel. Each part runs in a network namespace of its own, which a child
 * process enters (Node's own threads forbid it to do so itself) and which vanishes with it.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { programPath } from '../../tools/dev/requirements.ts';
import { requires } from '../support/requires.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const skip = requires({
  root: true,
  tun: true,
  addon: true,
  programs: ['ip', 'setpriv', 'tc', 'unshare'],
});

for (const part of ['tap', 'tap-trouble', 'packet', 'packet-trouble', 'syn-limit', 'lifetime']) {
  if (skip !== false) {
    t.test(`rings: ${part}`, { skip }, () => undefined);
    continue;
  }
  const inside = [process.execPath, '--import=tsx', join(HERE, 'rings', `${part}.ts`)];
  t.spawn(programPath('unshare')!, ['-n', ...inside], {}, `rings: ${part}`);
}
