import { echoText, type Peer } from '../peer.ts';
import type { Step, Tour } from '../step.ts';
import { OURS, THEIRS } from '../world.ts';

/** The most that fits into an IPv4 packet: 45 fragments on Ethernet, each way. */
const SIZE = 65507;
const COUNT = 5;

function largeStep(family: 'v4' | 'v6', from: (tour: Tour) => Peer, to: string): Step {
  const label = family === 'v4' ? 'IPv4' : 'IPv6';
  return {
    title: (tour) => `${from(tour).name} pings ${to} with ${SIZE} bytes (${label})`,
    run: async (tour) => {
      const result = await from(tour).ping(to, SIZE, COUNT);
      const isPassed = result.sent === COUNT && result.received === COUNT;
      return { isPassed, measured: `${echoText(result)}, in fragments` };
    },
  };
}

export const largePingSteps: readonly Step[] = (['v4', 'v6'] as const).flatMap((family) => [
  largeStep(family, (tour) => tour.them, OURS[family]),
  largeStep(family, (tour) => tour.us, THEIRS[family]),
]);
