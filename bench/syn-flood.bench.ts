/**
 * A flood from the other core beside an established transfer and new connections on the same device.
 * `npm run bench -- syn-flood [--all] [--syn-rate N] [--rounds N] [--ms N] [--cores A,B] [words of a title]`; root and a C compiler.
 *
 * A C program (bench/c/flood.c) sends frames from made-up addresses through AF_PACKET as fast as core A makes them; the
 * kernel's ends of the transfer and of new connections (bench/c/tcp-peer.c) share that core with it, our process has core
 * B. So the transfer has less of core A as soon as there is a generator: what counts is the goodput beside a flood at us,
 * divided by that beside the same flood sent nowhere. The three kinds of rounds (no flood, nowhere, at us) take turns;
 * figures are medians with the 10 and 90 % quantiles. A new connection begins every 10 ms in the first half of a round,
 * and counts when its first byte has come back. Below each line: what was counted, and memory before and after. Before
 * it is measured every byte of a transfer is compared. The kernel's ends use CUBIC. SYNs only, without `--all`; `--syn-rate` is the device's limit.
 */
import { parseArgs } from 'node:util';
import { coresOf, runInNamespace } from './in-namespace.ts';

const { values, positionals } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '9' },
    ms: { type: 'string', default: '3000' },
    cores: { type: 'string' },
    'syn-rate': { type: 'string' },
  },
  allowPositionals: true,
});
const cores = coresOf(values.cores);
console.log(`flood and the kernel's ends on core ${cores[0]}, our process on core ${cores[1]}`);
process.exitCode = runInNamespace({
  needs: ['ip', 'ethtool'],
  programs: ['tcp-peer', 'flood'],
  inside: 'floods/inside.ts',
  settings: {
    rounds: Number(values.rounds),
    ms: Number(values.ms),
    only: positionals.join(' '),
    isAll: values.all,
    cores,
    ...(values['syn-rate'] === undefined ? {} : { synRate: Number(values['syn-rate']) }),
  },
  cores: cores[1],
  limitMs: 1_800_000,
});
