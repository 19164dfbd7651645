/**
 * One TCP connection between a kernel and a stack of ours, beside two kernels over a veth in the same run.
 * `npm run bench -- tcp-live [--sockets] [--rounds N] [--cores A,B] [--cc NAME] [words of a title]`; root and a C compiler.
 *
 * The kernel's end is the same C program everywhere (bench/c/tcp-peer.c, blocking calls, 128 KiB buffers) and
 * it holds the clock. RX: it sends to us; until we have read all and closed. TX: we send to it. The two
 * wires take turns, round by round; a ratio is of two rounds that follow each other. Figures are medians
 * with the 10 and 90 % quantiles. The client runs on core A, who answers it (the other kernel's program;
 * our process) on core B; `--cores any` leaves both to the scheduler. Every kernel's end uses CUBIC, whatever
 * the machine's default is, or the module that `--cc` names. In a first round every byte is
 * compared (by us only without `--sockets`, which puts our services on the integer API instead of the calls
 * below it); after that they are counted. It fails when bytes are lost or wrong, never because it was slow.
 */
import { parseArgs } from 'node:util';
import { coresOf, runInNamespace } from './in-namespace.ts';

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    cores: { type: 'string' },
    cc: { type: 'string', default: 'cubic' },
    sockets: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const cores = coresOf(values.cores);
console.log(
  `client on core ${cores[0] || 'any'}, the other end on core ${cores[1] || 'any'}; kernels with ${values.cc}`,
);
process.exitCode = runInNamespace({
  needs: ['ip', 'ethtool', 'nsenter'],
  programs: ['tcp-peer'],
  inside: 'tcp-live/inside.ts',
  settings: {
    rounds: Number(values.rounds),
    only: positionals.join(' '),
    cores,
    congestion: values.cc,
    isSockets: values.sockets,
  },
  cores: cores[1],
  limitMs: 300_000,
});
