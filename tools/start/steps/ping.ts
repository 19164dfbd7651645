import { echoText, type Peer } from '../peer.ts';
import type { Ends, Family, Step, Tour } from '../step.ts';

const COUNT = 5;

function pingStep(family: Family, from: (tour: Tour) => Peer, to: keyof Ends): Step {
  const label = family === 'v4' ? 'IPv4' : 'IPv6';
  return {
    family,
    title: (tour, ends) => `${from(tour).name} pings ${ends[to]} (${label})`,
    run: async (tour, ends) => {
      const result = await from(tour).ping(ends[to], 56, COUNT);
      const isPassed = result.sent === COUNT && result.received === COUNT;
      return { isPassed, measured: echoText(result) };
    },
  };
}

/** Ping both ways, both families. */
export const pingSteps: readonly Step[] = (['v4', 'v6'] as const).flatMap((family) => [
  pingStep(family, (tour) => tour.them, 'ours'),
  pingStep(family, (tour) => tour.us, 'theirs'),
]);
