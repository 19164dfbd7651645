/** The options of a run: from the command line, which wins, and from the head of the script. */
import { MS, US } from '../../base/time.ts';
import { type Address, isV4 } from '../../wire/address.ts';
import { parsePrefix } from '../../wire/address-text.ts';

/** `--name=value` as written. `quote` tells `-D X=word`, `-D X="text"` and -D X=`command` apart. */
export interface OptionSetting {
  readonly name: string;
  readonly value: string | null;
  readonly quote: Quote;
}
export type Quote = 'none' | 'string' | 'command';

export const IP_VERSIONS = ['ipv4', 'ipv6', 'ipv4-mapped-ipv6'] as const;
export type IpVersion = (typeof IP_VERSIONS)[number];

/** What a word that is defined stands for. */
export interface Define {
  readonly text: string;
  readonly quote: Quote;
}

export interface ScriptOptions {
  readonly ipVersion: IpVersion;
  /** The address of the stack under test, of its peer, and of the router to the peer. */
  readonly localIp: Address;
  readonly remoteIp: Address;
  readonly gatewayIp: Address;
  /** Bits of the local network, counted within the family. */
  readonly prefixBits: number;
  /** The stack's port when it binds, the peer's port when the stack connects. */
  readonly bindPort: number;
  readonly connectPort: number;
  readonly mtu: number;
  /** Injected segments are super-segments of pieces of this size; 0: they are single packets. */
  readonly mss: number;
  readonly toleranceNs: number;
  readonly tolerancePercent: number;
  /** What one tick of the stack's TCP timestamps stands for; 0: outbound values are not checked. */
  readonly tsTickNs: number;
  readonly isTsEcrScaled: boolean;
  /** One packet on the wire for each line. */
  readonly isStrictSegments: boolean;
  /** Mismatches that are reported and do not end the run. */
  readonly nonFatal: ReadonlySet<'packet' | 'syscall'>;
  /** Parse and check, run nothing. */
  readonly isDryRun: boolean;
  readonly defines: ReadonlyMap<string, Define>;
  /** An option that this runner knows and cannot follow, or null. */
  readonly unsupported: string | null;
}

/** Options that say how the original runs; in virtual time there is nothing for them to say. */
const WITHOUT_EFFECT = new Set([
  'init_scripts',
  'speed',
  'code_command',
  'code_format',
  'code_sockopt',
  'is_anyip',
  'send_omit_free',
  'psp_udp_port',
  'debug',
  'verbose',
]);
/** Runs on two machines, or against another stack's shared library: no such thing here. */
const UNSUPPORTED = /^(wire_[a-z_]+|so_filename|so_flags)$/;

/** Options whose value is an integer from the first number to the second. */
const INTEGERS: Readonly<Record<string, readonly [number, number]>> = {
  bind_port: [1, 65535],
  connect_port: [1, 65535],
  mtu: [68, 65535],
  mss: [0, 65495],
  tolerance_usecs: [0, 1e12],
  tcp_ts_tick_usecs: [0, 1e9],
};
const FLAGS = new Set(['strict_segments', 'tcp_ts_ecr_scaled', 'dry_run']);
const ADDRESSES = new Set(['local_ip', 'remote_ip', 'gateway_ip', 'netmask_ip']);

/** What is wrong with one setting, taken for itself; null when nothing is. */
export function settingError(setting: OptionSetting): string | null {
  const { name, value } = setting;
  if (WITHOUT_EFFECT.has(name) || UNSUPPORTED.test(name)) return null;
  if (FLAGS.has(name)) return value === null ? null : `--${name} takes no value`;
  const isKnown =
    name in INTEGERS ||
    ADDRESSES.has(name) ||
    ['define', 'ip_version', 'tolerance_percent', 'non_fatal'].includes(name);
  if (!isKnown) return `unknown option --${name}`;
  if (value === null) return `--${name} wants a value`;
  const wanted = valueError(name, value);
  return wanted === null ? null : `--${name} wants ${wanted}, not ${value}`;
}

function valueError(name: string, value: string): string | null {
  const range = INTEGERS[name];
  if (range !== undefined) {
    const isGood = /^\d+$/.test(value) && Number(value) >= range[0] && Number(value) <= range[1];
    return isGood ? null : `a number from ${range[0]} to ${range[1]}`;
  }
  if (ADDRESSES.has(name)) return parsePrefix(value) === null ? 'an address' : null;
  switch (name) {
    case 'define':
      return /^[A-Za-z0-9_]+=/.test(value) ? null : 'NAME=VALUE';
    case 'ip_version':
      return versionOf(value) === null ? IP_VERSIONS.join(', ') : null;
    case 'tolerance_percent':
      return /^\d*\.?\d+$/.test(value) ? null : 'a number';
    default:
      return nonFatalOf(value) === null ? 'packet, syscall or both' : null;
  }
}

const versionOf = (text: string): IpVersion | null =>
  IP_VERSIONS.find((version) => version === text) ?? null;

function nonFatalOf(text: string): Set<'packet' | 'syscall'> | null {
  const kinds = new Set<'packet' | 'syscall'>();
  for (const word of text.split(',')) {
    if (word === 'packet' || word === 'syscall') kinds.add(word);
    else return null;
  }
  return kinds;
}

/**
 * All settings together, or what is wrong with the whole. Each of them has passed `settingError`.
 * Addresses that are not given are fixed here, where the original draws them: runs repeat.
 */
export function resolveOptions(
  script: readonly OptionSetting[],
  commandLine: readonly OptionSetting[],
): ScriptOptions | string {
  const values = new Map<string, string>();
  const defines = new Map<string, Define>();
  let unsupported: string | null = null;
  for (const setting of [...script, ...commandLine]) {
    if (UNSUPPORTED.test(setting.name)) unsupported = `option --${setting.name}`;
    if (setting.name === 'define') addDefine(defines, setting);
    else values.set(setting.name, setting.value ?? '');
  }
  const ipVersion = versionOf(values.get('ip_version') ?? 'ipv4')!;
  const addresses = addressesOf(ipVersion !== 'ipv6', values);
  if (typeof addresses === 'string') return addresses;
  const integer = (name: string, otherwise: number) => Number(values.get(name) ?? otherwise);
  return {
    ipVersion,
    ...addresses,
    bindPort: integer('bind_port', 8080),
    connectPort: integer('connect_port', 8080),
    mtu: integer('mtu', 1500),
    mss: integer('mss', 0),
    toleranceNs: integer('tolerance_usecs', (4 * MS) / US) * US,
    tolerancePercent: integer('tolerance_percent', 12.5),
    tsTickNs: integer('tcp_ts_tick_usecs', 0) * US,
    isTsEcrScaled: values.has('tcp_ts_ecr_scaled'),
    isStrictSegments: values.has('strict_segments'),
    nonFatal: nonFatalOf(values.get('non_fatal') ?? '') ?? new Set(),
    isDryRun: values.has('dry_run'),
    defines,
    unsupported,
  };
}

function addDefine(defines: Map<string, Define>, setting: OptionSetting): void {
  const text = setting.value ?? '';
  const equals = text.indexOf('=');
  defines.set(text.slice(0, equals), { text: text.slice(equals + 1), quote: setting.quote });
}

const DEFAULTS4 = { local: '192.168.0.1', remote: '192.0.2.1', gateway: '192.168.0.1', bits: 16 };
const DEFAULTS6 = {
  local: 'fd3d:fa7b:d17d::1',
  remote: '2001:db8::1',
  gateway: 'fd3d:fa7b:d17d:8888::0',
  bits: 48,
};

type Addresses = Pick<ScriptOptions, 'localIp' | 'remoteIp' | 'gatewayIp' | 'prefixBits'>;

function addressesOf(wantsV4: boolean, values: ReadonlyMap<string, string>): Addresses | string {
  const defaults = wantsV4 ? DEFAULTS4 : DEFAULTS6;
  const local = parsePrefix(values.get('local_ip') ?? defaults.local)!;
  const remote = parsePrefix(values.get('remote_ip') ?? defaults.remote)!;
  const gateway = parsePrefix(values.get('gateway_ip') ?? defaults.gateway)!;
  for (const { address } of [local, remote, gateway]) {
    if (isV4(address) !== wantsV4) return `the addresses are not ${wantsV4 ? 'IPv4' : 'IPv6'}`;
  }
  const mask = wantsV4 ? values.get('netmask_ip') : undefined;
  const word = mask === undefined ? null : parsePrefix(mask)!.address.w3;
  return {
    localIp: local.address,
    remoteIp: remote.address,
    gatewayIp: gateway.address,
    prefixBits: word === null ? defaults.bits : Math.clz32(~word),
  };
}
