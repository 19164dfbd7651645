/**
 * `--netns`: the same command again, as a child inside the namespace. The child knows by its
 * environment that it is there; its other arguments are ours.
 */
import { spawnSync } from 'node:child_process';
import { joinCommand, type NamespaceChildOptions } from '../../src/live/namespace.ts';
import { Failure } from './failure.ts';

const INSIDE = 'RINGWAY_INSIDE_NETNS';

export const netnsChild = {
  get isInside(): boolean {
    return process.env[INSIDE] === '1';
  },

  /** Throws a Failure when we may not go there; NamespaceError when there is nothing to go to. */
  options(join: string): NamespaceChildOptions {
    const [program, ...args] = joinCommand(join);
    const tried = spawnSync(program!, [...args, 'true'], { encoding: 'utf8' });
    if (tried.status !== 0) {
      const why = tried.error?.message ?? tried.stderr.trim().split('\n')[0];
      throw new Failure('EPERM', `--netns ${join}: cannot be entered (${why}); run as root`);
    }
    return {
      entry: 'none',
      join,
      script: process.argv[1]!,
      args: process.argv.slice(2),
      env: { [INSIDE]: '1' },
    };
  },
};
