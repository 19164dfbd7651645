import { echoText, type Peer } from '../peer.ts';
import type { Step, Tour } from '../step.ts';
import { OURS, THEIRS } from '../world.ts';

const COUNT = 5;

function pingStep(family: 'v4' | 'v6', from: (tour: Tour) => Peer, to: string): Step {
  const label = family === 'v4' ? 'IPv4' : 'IPv6';
  return {
    title: (tour) => `${from(tour).name} pings ${to} (${label})`,
    run: async (tour) => {
      const result = await from(tour).ping(to, 56, COUNT);
      const isPassed = result.sent === COUNT && result.received === COUNT;
      return { isPassed, measured: echoText(result) };
    },
  };
}

/** Ping both ways, both families. */
export const pingSteps: readonly Step[] = (['v4', 'v6'] as const).flatMap((family) => [
  pingStep(family, (tour) => tour.them, OURS[family]),
  pingStep(family, (tour) => tour.us, THEIRS[family]),
]);
