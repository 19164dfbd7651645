/**
 * `--netns`: the same command again, as a child inside the namespace. The child knows by its
 * environment that it is there; its other arguments are ours.
 */
import type { NamespaceChildOptions } from '../../src/live/namespace.ts';

const INSIDE = 'RINGWAY_INSIDE_NETNS';

export const netnsChild = {
  get isInside(): boolean {
    return process.env[INSIDE] === '1';
  },

  options(join: string): NamespaceChildOptions {
    return {
      entry: 'none',
      join,
      script: process.argv[1]!,
      args: process.argv.slice(2),
      env: { [INSIDE]: '1' },
    };
  },
};
