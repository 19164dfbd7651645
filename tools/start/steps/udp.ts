import type { Peer } from '../peer.ts';
import type { Family, Step, StepResult } from '../step.ts';
import { ECHO_PORT } from '../world.ts';

/** Empty, tiny, the largest without fragments on Ethernet and one more of each family, and large. */
const SIZES = [0, 1, 512, 1452, 1453, 1472, 1473, 9000, 60000] as const;

async function exchangeAll(from: Peer, to: string): Promise<StepResult> {
  let bytes = 0;
  const startMs = performance.now();
  for (const size of SIZES) {
    const data = Uint8Array.from({ length: size }, (_, i) => (i * 7 + size) & 0xff);
    const back = await from.exchange(to, ECHO_PORT, data);
    if (back === null) return { isPassed: false, measured: `no answer to ${size} bytes` };
    if (Buffer.compare(back, data) !== 0) {
      return { isPassed: false, measured: `${size} bytes came back changed (${back.length})` };
    }
    bytes += size;
  }
  const each = (performance.now() - startMs) / SIZES.length;
  const measured = `${SIZES.length}/${SIZES.length}, ${bytes} bytes back intact, ${each.toFixed(2)} ms each`;
  return { isPassed: true, measured };
}

/** Our echo server on port 7 answers the peer. */
function inStep(family: Family): Step {
  return {
    family,
    title: ({ them }, { ours }) => `${them.name} → UDP echo of ${ours}`,
    run: ({ them }, { ours }) => exchangeAll(them, ours),
  };
}

/** The peer's echo server answers us. */
function outStep(family: Family): Step {
  return {
    family,
    title: ({ us }, { theirs }) => `${us.name} → UDP echo of ${theirs}`,
    run: async ({ us, them }, { theirs }) => {
      const server = await them.serveEcho(theirs, ECHO_PORT);
      try {
        return await exchangeAll(us, theirs);
      } finally {
        server.close();
      }
    },
  };
}

export const udpSteps: readonly Step[] = [inStep('v4'), inStep('v6'), outStep('v4'), outStep('v6')];
