/**
 * Frames a second of each ring alone, beside a C program that makes the same calls in the same run.
 * `npm run bench -- rings [--quick] [words of a title]`; root, a C compiler, no more than two minutes
 * (quick: 20 s; one case, `rx AF_PACKET 1514`: seconds).
 *
 * Receiving: a source puts a burst into the kernel's queue, then the ring is drained against the clock,
 * so the figure is the ring's own cost and not a race with the sender. Sending: a burst is handed over;
 * the kernel's receive path runs inside our call. The two sides take turns, burst by burst, each on an
 * interface of its own; the ratio is the median over pairs of bursts. All processes are pinned to one
 * core: else one side finds the source's frames in its cache and the other does not, as it falls.
 * It fails when a frame is lost, out of order or wrong, never because it was slow.
 */
import { LAST_CORE, runInNamespace } from './in-namespace.ts';

const args = process.argv.slice(2);
process.exitCode = runInNamespace({
  needs: ['ip'],
  programs: ['rings', 'source'],
  inside: 'rings/inside.ts',
  settings: {
    isQuick: args.includes('--quick'),
    only: args.filter((arg) => !arg.startsWith('--')).join(' '),
  },
  cores: LAST_CORE,
  limitMs: 180_000,
});
