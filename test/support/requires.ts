/**
 * What a test needs from the machine: `t.test('…', { skip: requires({ root: true, programs: ['ping'] }) }, …)`.
 * The reason names what is missing and the line that brings it. With CI=true or REQUIRE_ALL=1 the run
 * fails on any such skip.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { otherNode } from '../../tools/dev/nodes.ts';
import { aptLine, missingPrograms, programPath } from '../../tools/dev/requirements.ts';

export interface Requirements {
  readonly root?: boolean;
  readonly programs?: readonly string[];
  /** /dev/net/tun, and the right to open it. */
  readonly tun?: boolean;
  /** User and network namespaces for whoever runs the test. */
  readonly userNamespaces?: boolean;
  /** The compiled addon. */
  readonly addon?: boolean;
  /** Other versions of Node. */
  readonly nodes?: readonly number[];
}

/** What is missing, in one line; false when nothing is. Suits tap's `skip` option as it is. */
export function requires(wanted: Requirements): string | false {
  const reasons: string[] = [];
  if (wanted.root === true && process.getuid?.() !== 0) reasons.push('needs root: run as root');
  if (wanted.tun === true && !canUseTun())
    reasons.push('needs /dev/net/tun: modprobe tun, as root');
  const missing = missingPrograms(wanted.programs ?? []);
  if (missing.length > 0) reasons.push(`needs ${missing.join(', ')}: ${aptLine(missing)}`);
  if (wanted.userNamespaces === true && !canUnshare()) {
    reasons.push('needs user namespaces: sysctl kernel.unprivileged_userns_clone=1');
  }
  if (wanted.addon === true && !existsSync('build/Release/ringway.node')) {
    reasons.push('needs the addon: npm run build:native');
  }
  const nodes = (wanted.nodes ?? []).filter((major) => otherNode(major) === null);
  if (nodes.length > 0) reasons.push(`needs Node ${nodes.join(', ')}: npm run nodes`);
  return reasons.length === 0 ? false : reasons.join('; ');
}

function canUseTun(): boolean {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function canUnshare(): boolean {
  const unshare = programPath('unshare');
  return unshare !== null && spawnSync(unshare, ['-Urn', 'true'], { stdio: 'ignore' }).status === 0;
}
