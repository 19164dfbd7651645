import { cubeRoot } from '../base/elementary.ts';

/** The whole part of the cube root: exact for 0 <= a <= 2^53, one too few or too many at most beyond that, up to 2^63. */
export function wholeCubeRoot(a: number): number {
  let root = Math.round(cubeRoot(a));
  if (root * root * root > a) root--;
  return root;
}
