import { echoText, type Peer } from '../peer.ts';
import type { Ends, Family, Step, Tour } from '../step.ts';

/** The most that fits into an IPv4 packet: 45 fragments on Ethernet, each way. */
const SIZE = 65507;
const COUNT = 5;

function largeStep(family: Family, from: (tour: Tour) => Peer, to: keyof Ends): Step {
  const label = family === 'v4' ? 'IPv4' : 'IPv6';
  return {
    family,
    title: (tour, ends) => `${from(tour).name} pings ${ends[to]} with ${SIZE} bytes (${label})`,
    run: async (tour, ends) => {
      const result = await from(tour).ping(ends[to], SIZE, COUNT);
      const isPassed = result.sent === COUNT && result.received === COUNT;
      return { isPassed, measured: `${echoText(result)}, in fragments` };
    },
  };
}

export const largePingSteps: readonly Step[] = (['v4', 'v6'] as const).flatMap((family) => [
  largeStep(family, (tour) => tour.them, 'ours'),
  largeStep(family, (tour) => tour.us, 'theirs'),
]);
