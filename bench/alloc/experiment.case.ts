/** What an experiment does beside the stacks and links that it is made of: per end of a flow that has something to do. */
import { ReadyEnds } from '../../src/sim/experiment/stream-end.ts';
import type { AllocCase } from './measure.ts';

const ENDS = 4;

function readyEnds(): () => void {
  const ready = new ReadyEnds();
  const ran = new Int32Array(1);
  const ends = Array.from({ length: ENDS }, () => ({
    run: () => {
      ran[0]!++;
    },
  }));
  return () => {
    for (let i = 0; i < ENDS; i++) ready.add(ends[i]!);
    ready.drainReady();
    if (ready.hasReady) throw new Error('all have run');
  };
}

export const cases: readonly AllocCase[] = [
  { name: 'ends of flows that are ready', packetsPerCall: ENDS, build: readyEnds },
];
