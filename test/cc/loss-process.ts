/** Which pieces are lost: asked in the order of transmission. */
import type { RandomStream } from '../../src/base/rng.ts';

export interface LossProcess {
  /** How many of the next n pieces are lost. */
  lostAmong(n: number): number;
}

/** A loss after each `gap()` pieces. */
function withGaps(gap: () => number): LossProcess {
  let left = gap();
  return {
    lostAmong(n: number): number {
      let rest = n;
      let lost = 0;
      while (rest >= left) {
        rest -= left;
        left = gap();
        lost++;
      }
      left -= rest;
      return lost;
    },
  };
}

/** Exactly every n-th piece: the loss for which the closed forms hold. */
export function everyNth(n: number): LossProcess {
  return withGaps(() => n);
}

/** Each piece on its own with probability p: geometric gaps. */
export function independent(p: number, random: RandomStream): LossProcess {
  const perPiece = Math.log1p(-p);
  return withGaps(() => 1 + Math.floor(Math.log(1 - random.unit()) / perPiece));
}
