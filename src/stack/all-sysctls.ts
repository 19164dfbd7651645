/** The settings of a stack, its network layer's and TCP's, as one tree of names: what sysctl(8) shows and sets. */
import { EINVAL, ENOENT } from '../base/errno.ts';
import { conf4Range, conf4SysctlNames, readConf4Sysctl, writeConf4Sysctl } from './conf4-sysctl.ts';
import { conf6Range, conf6SysctlNames, readConf6Sysctl, writeConf6Sysctl } from './conf6-sysctl.ts';
import type { Stack } from './stack.ts';
import { dottedName, findSysctl, readSysctl, SYSCTLS, writeSysctl } from './sysctl.ts';
import {
  CC_SYSCTLS,
  findTcpSysctl,
  readTcpSysctl,
  TCP_SYSCTLS,
  writeTcpSysctl,
} from './tcp-sysctl.ts';

const FIXED_NAMES: readonly string[] = [
  ...SYSCTLS.map((s) => s.name),
  ...TCP_SYSCTLS.map((s) => s.name),
  ...CC_SYSCTLS,
];

/** Those of a name, or of a branch of the tree ('' is all of it), sorted; none where there is neither. */
export function sysctlsUnder(stack: Stack, name: string): readonly string[] {
  const dotted = dottedName(name);
  const all = [
    ...FIXED_NAMES,
    ...conf4SysctlNames(stack.net),
    ...conf6SysctlNames(stack.net),
  ].sort();
  if (dotted === '') return all;
  return all.filter((n) => n === dotted || n.startsWith(`${dotted}.`));
}

/** As the file under /proc/sys shows it; undefined where there is no such name. */
export function readAnySysctl(stack: Stack, name: string): string | undefined {
  const dotted = dottedName(name);
  const sysctl = findSysctl(dotted);
  if (sysctl !== undefined) return readSysctl(stack.net.config, sysctl);
  const { net, tcp } = stack;
  return readConf4Sysctl(net, dotted) ?? readConf6Sysctl(net, dotted) ?? readTcpSysctl(tcp, dotted);
}

/** 0, -ENOENT, or -EINVAL (for a branch of the tree too), or what `writeTcpSysctl` says. */
export function writeAnySysctl(stack: Stack, name: string, text: string): number {
  const dotted = dottedName(name);
  if (findSysctl(dotted) !== undefined) return writeSysctl(stack.net.config, dotted, text);
  if (readConf4Sysctl(stack.net, dotted) !== undefined) {
    return writeConf4Sysctl(stack.net, dotted, text);
  }
  if (readConf6Sysctl(stack.net, dotted) !== undefined) {
    return writeConf6Sysctl(stack.net, dotted, text);
  }
  if (readTcpSysctl(stack.tcp, dotted) !== undefined) {
    return writeTcpSysctl(stack.tcp, dotted, text);
  }
  return sysctlsUnder(stack, dotted).length > 0 ? -EINVAL : -ENOENT;
}

/** The least and the most of a number; undefined where the setting is none. */
export function sysctlRange(stack: Stack, name: string): readonly [number, number] | undefined {
  const dotted = dottedName(name);
  const row = findSysctl(dotted) ?? findTcpSysctl(dotted);
  if (row !== undefined) return [row.min, row.max];
  return conf4Range(stack.net, dotted) ?? conf6Range(stack.net, dotted);
}
