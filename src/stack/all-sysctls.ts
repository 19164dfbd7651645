/** The settings of a stack, its network layer's and TCP's, as one tree of names: what sysctl(8) shows and sets. */
import { EINVAL, ENOENT } from '../base/errno.ts';
import type { Stack } from './stack.ts';
import { dottedName, findSysctl, readSysctl, SYSCTLS, writeSysctl } from './sysctl.ts';
import { CC_SYSCTLS, readTcpSysctl, TCP_SYSCTLS, writeTcpSysctl } from './tcp-sysctl.ts';

/** Every name, in the order of a sorted tree. */
export const SYSCTL_NAMES: readonly string[] = [
  ...SYSCTLS.map((s) => s.name),
  ...TCP_SYSCTLS.map((s) => s.name),
  ...CC_SYSCTLS,
].sort();

/** Those of a name, or of a branch of the tree ('' is all of it); none where there is neither. */
export function sysctlsUnder(name: string): readonly string[] {
  const dotted = dottedName(name);
  if (dotted === '') return SYSCTL_NAMES;
  return SYSCTL_NAMES.filter((n) => n === dotted || n.startsWith(`${dotted}.`));
}

/** As the file under /proc/sys shows it; undefined where there is no such name. */
export function readAnySysctl(stack: Stack, name: string): string | undefined {
  const dotted = dottedName(name);
  const sysctl = findSysctl(dotted);
  if (sysctl !== undefined) return readSysctl(stack.net.config, sysctl);
  return readTcpSysctl(stack.tcp, dotted);
}

/** 0, or what `writeSysctl` and `writeTcpSysctl` say; -EINVAL for a branch of the tree. */
export function writeAnySysctl(stack: Stack, name: string, text: string): number {
  const dotted = dottedName(name);
  if (findSysctl(dotted) !== undefined) return writeSysctl(stack.net.config, dotted, text);
  if (readTcpSysctl(stack.tcp, dotted) !== undefined) {
    return writeTcpSysctl(stack.tcp, dotted, text);
  }
  return sysctlsUnder(dotted).length > 0 ? -EINVAL : -ENOENT;
}
