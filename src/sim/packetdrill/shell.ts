/**
 * The commands of scripts, done inside: what would change the kernel changes the stack under test. There
 * is a fixed list; a script with anything else is unsupported, and told so before it runs.
 */
import { ENOENT } from '../../base/errno.ts';
import { parsePrefix } from '../../wire/address-text.ts';
import { type Pipeline, parseShell, type ShellCommand } from './shell-syntax.ts';
import { grep, grepExpression, procNetTcp, sockstat } from './shell-text.ts';
import type { RouteChange, ShellHost } from './system-under-test.ts';

export type ShellOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly what: string }
  | { readonly kind: 'unsupported'; readonly what: string };

/** One command's exit status and output. */
interface StepResult {
  readonly status: number;
  readonly output: string;
}
type Step = (host: ShellHost, input: string) => StepResult;

/** What a command is not able to do here: the stack knows no such name. */
class Unsupported extends Error {
  override readonly name = 'Unsupported';
}

/** Why the text cannot be run here, or null. */
export function shellProblem(text: string): string | null {
  const pipelines = parseShell(text);
  if (typeof pipelines === 'string') return pipelines;
  for (const { commands } of pipelines) {
    for (const command of commands) {
      const step = planned(command);
      if (typeof step === 'string') return step;
    }
  }
  return null;
}

/** As `sh -c` would: it fails when its last command does. */
export function runShell(text: string, host: ShellHost): ShellOutcome {
  const what = shellProblem(text);
  if (what !== null) return { kind: 'unsupported', what };
  let status = 0;
  let last = '';
  try {
    const pipelines = parseShell(text) as readonly Pipeline[];
    for (const [i, pipeline] of pipelines.entries()) {
      if (pipeline.after === 'success' && status !== 0) continue;
      if (pipeline.after === 'failure' && status === 0) continue;
      last = pipeline.commands.map(({ words }) => words.join(' ')).join(' | ');
      status = runPipeline(pipeline, host, pipelines[i + 1]?.after === 'failure');
    }
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    return { kind: 'unsupported', what: error.message };
  }
  return status === 0
    ? { kind: 'done' }
    : { kind: 'failed', what: `exit status ${status}: ${last}` };
}

/** @param hasOther What is not known here has simply failed: the script knows another way (`||`). */
function runPipeline(pipeline: Pipeline, host: ShellHost, hasOther: boolean): number {
  let result: StepResult = { status: 0, output: '' };
  try {
    for (const command of pipeline.commands) {
      result = (planned(command) as Step)(host, result.output);
      if (command.output !== null) result = { status: result.status, output: '' };
    }
  } catch (error) {
    if (!hasOther || !(error instanceof Unsupported)) throw error;
    return 1;
  }
  return result.status;
}

type Planner = (args: readonly string[], command: ShellCommand) => Step | string;

/** What a command does, or why it is not done here. */
function planned(command: ShellCommand): Step | string {
  const [name = '', ...args] = command.words;
  const base = name.slice(name.lastIndexOf('/') + 1);
  if (/^sysctl_restore_.*\.sh$/.test(base)) return nothing;
  const planner = COMMANDS[base];
  return planner === undefined ? `command ${base}` : planner(args, command);
}

const DONE: StepResult = { status: 0, output: '' };
const nothing: Step = () => DONE;
const freeBsd: Planner = (_args, { words }) => `command ${words[0]}, of FreeBSD`;

const COMMANDS: Readonly<Record<string, Planner>> = {
  'defaults.sh': () => defaults,
  'set_sysctls.py': planSetSysctls,
  sysctl: planSysctl,
  tc: planTc,
  ethtool: planEthtool,
  ip: planIp,
  nstat: () => nstat,
  grep: planGrep,
  echo: planEcho,
  rm: planRm,
  dd: planDd,
  sockstat: (args) => planSockstat(args),
  true: () => nothing,
  false: () => () => ({ status: 1, output: '' }),
  tcpdrop: freeBsd,
  kldload: freeBsd,
};

/** What the suites set before each script: Linux's defaults where nothing is said. */
const DEFAULT_SYSCTLS: readonly (readonly [string, string])[] = [
  ['tcp_rmem', '4096 540000 15728640'],
  ['tcp_wmem', '4096 262144 4194304'],
  ['tcp_timestamps', '1'],
  ['tcp_syn_retries', '5'],
  ['tcp_synack_retries', '5'],
  ['tcp_frto', '2'],
  ['tcp_sack', '1'],
  ['tcp_dsack', '1'],
  ['tcp_fack', '0'],
  ['tcp_reordering', '3'],
  ['tcp_congestion_control', 'cubic'],
  ['tcp_slow_start_after_idle', '0'],
  ['tcp_early_retrans', '4'],
  ['tcp_recovery', '1'],
  ['tcp_tso_win_divisor', '3'],
  ['tcp_ecn', '0'],
  ['tcp_ecn_option', '2'],
  ['tcp_pacing_ss_ratio', '200'],
  ['tcp_pacing_ca_ratio', '120'],
  ['tcp_notsent_lowat', '4294967295'],
  ['tcp_fastopen', '0x70403'],
  ['tcp_fastopen_key', 'a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4'],
  ['tcp_syncookies', '1'],
];

const defaults: Step = (host) => {
  host.flushTcpMetrics();
  // A name that the stack does not have is left at what the stack does.
  for (const [name, value] of DEFAULT_SYSCTLS) host.setSysctl(`net.ipv4.${name}`, value);
  return statusOf(host.setQdisc({ kind: 'pfifo', limit: null }));
};

const statusOf = (result: number): StepResult => (result >= 0 ? DONE : { status: 1, output: '' });

function setSysctl(host: ShellHost, name: string, value: string, mayBeMissing = false): StepResult {
  const result = host.setSysctl(name, value);
  if (result === -ENOENT) {
    if (mayBeMissing) return DONE;
    throw new Unsupported(`sysctl ${name}`);
  }
  return statusOf(result);
}

/** `/proc/sys/net/ipv4/tcp_sack` → `net.ipv4.tcp_sack`; null when it is no such file. */
function sysctlOfPath(path: string): string | null {
  const rest = /^\/proc\/sys\/(.+)$/.exec(path)?.[1];
  return rest === undefined ? null : rest.replaceAll('/', '.');
}

/** The first step that fails ends it. */
function inTurn(steps: readonly Step[]): Step {
  return (host, input) => {
    for (const step of steps) {
      const result = step(host, input);
      if (result.status !== 0) return result;
    }
    return DONE;
  };
}

function planSetSysctls(args: readonly string[]): Step | string {
  const steps: Step[] = [];
  for (const arg of args) {
    const equals = arg.indexOf('=');
    const name = equals < 0 ? null : sysctlOfPath(arg.slice(0, equals));
    if (name === null) return `set_sysctls.py ${arg}`;
    steps.push((host) => setSysctl(host, name, arg.slice(equals + 1)));
  }
  return inTurn(steps);
}

function planSysctl(args: readonly string[]): Step | string {
  const steps: Step[] = [];
  const mayBeMissing = args.some((arg) => /^-[a-z]*e/.test(arg));
  for (const arg of args.filter((word) => !/^-[qwe]+$/.test(word))) {
    const equals = arg.indexOf('=');
    const name = arg.slice(0, Math.max(0, equals)).replaceAll('/', '.');
    if (/^(net\.inet6?|kern)\./.test(name)) return `sysctl ${name}, of FreeBSD`;
    if (equals <= 0) return `sysctl ${arg}`;
    steps.push((host) => setSysctl(host, name, arg.slice(equals + 1), mayBeMissing));
  }
  return inTurn(steps);
}

/** `tc qdisc VERB dev DEV root [KIND [limit N]]`. */
function planTc(args: readonly string[]): Step | string {
  const text = args.join(' ');
  const match =
    /^qdisc (add|replace|change|del|delete) dev \S+ root(?: (\w+)(?: limit (\d+))?)?$/.exec(text);
  if (match === null) return `tc ${text}`;
  const [, verb, kind, limit] = match;
  if (verb!.startsWith('del')) {
    return (host) => statusOf(host.setQdisc({ kind: 'default', limit: null }));
  }
  if (kind === undefined) return `tc ${text}`;
  const qdisc = { kind, limit: limit === undefined ? null : Number(limit) };
  return (host) => {
    const result = host.setQdisc(qdisc);
    if (result === -ENOENT) throw new Unsupported(`qdisc ${kind}`);
    return statusOf(result);
  };
}

/** `ethtool -K DEV FEATURE on|off …`. */
function planEthtool(args: readonly string[]): Step | string {
  const [verb, , ...features] = args;
  if (verb !== '-K' || features.length % 2 !== 0) return `ethtool ${args.join(' ')}`;
  const steps: Step[] = [];
  for (let i = 0; i < features.length; i += 2) {
    const feature = features[i]!;
    const state = features[i + 1]!;
    if (state !== 'on' && state !== 'off') return `ethtool ${args.join(' ')}`;
    steps.push((host) => statusOf(host.setOffload(feature, state === 'on')));
  }
  return inTurn(steps);
}

function planIp(args: readonly string[]): Step | string {
  const words = args.filter((word) => word !== '-4' && word !== '-6');
  if (/^tcp_metrics? flush( all)?$/.test(words.join(' '))) {
    return (host) => {
      host.flushTcpMetrics();
      return DONE;
    };
  }
  const [object, verb, ...rest] = words;
  const isRoute = object === 'route' && ['add', 'change', 'replace'].includes(verb ?? '');
  const route = isRoute ? routeOf(rest) : null;
  if (route === null) return `ip ${args.join(' ')}`;
  return (host) => statusOf(host.setRoute(route));
}

/** `PREFIX [via A] [dev D] [advmss N] [mtu [lock] N] [initcwnd N]`, or null. */
function routeOf(words: readonly string[]): RouteChange | null {
  const to = parsePrefix(words[0] ?? '');
  if (to === null) return null;
  const route = { ...to, mtu: 0, isMtuLocked: false, advmss: 0, initcwnd: 0 };
  for (let i = 1; i < words.length; i += 2) {
    const word = words[i]!;
    if (word === 'mtu' && words[i + 1] === 'lock') {
      route.isMtuLocked = true;
      i++;
    }
    const value = words[i + 1] ?? '';
    if (word === 'via' || word === 'dev') continue;
    if (!/^\d+$/.test(value)) return null;
    if (word !== 'mtu' && word !== 'advmss' && word !== 'initcwnd') return null;
    route[word] = Number(value);
  }
  return route;
}

const nstat: Step = (host) => {
  const lines = host.nstat().map(([name, value]) => `${name.padEnd(31)} ${value}    0.0\n`);
  return { status: 0, output: `#kernel\n${lines.join('')}` };
};

/** In its input, or in the tables of sockets under /proc/net. */
function planGrep(args: readonly string[]): Step | string {
  const flags = args
    .filter((arg) => /^-[a-zA-Z]+$/.test(arg))
    .join('')
    .replaceAll('-', '');
  const [pattern, ...files] = args.filter((arg) => !/^-[a-zA-Z]+$/.test(arg));
  const isKnown = pattern !== undefined && /^[cqviEF]*$/.test(flags);
  const expression = isKnown ? grepExpression(pattern, flags) : null;
  if (expression === null) return `grep ${args.join(' ')}`;
  const unknown = files.find((file) => !/^\/proc\/net\/tcp6?$/.test(file));
  if (unknown !== undefined) return `grep in ${unknown}`;
  return (host, input) => {
    const contents = files.map((file) => procNetTcp(host.tcpSockets(), !file.endsWith('6')));
    const { output, found } = grep(
      expression,
      flags,
      files.length === 0 ? input : contents.join(''),
    );
    return { status: found ? 0 : 1, output };
  };
}

/** Prints; into a file of /proc/sys or a module's parameters it sets them. */
function planEcho(args: readonly string[], { output }: ShellCommand): Step | string {
  const value = args.filter((arg, i) => !(i === 0 && arg === '-n')).join(' ');
  if (output === null || output === '/dev/null') return () => ({ status: 0, output: `${value}\n` });
  const name = sysctlOfPath(output);
  if (name !== null) return (host) => setSysctl(host, name, value);
  const parameter = /^\/sys\/module\/([^/]+)\/parameters\/([^/]+)$/.exec(output);
  if (parameter === null) return `echo into ${output}`;
  const [, module, key] = parameter;
  return (host) => {
    const result = host.setModuleParameter(module!, key!, value);
    if (result === -ENOENT) throw new Unsupported(`parameter ${module}.${key}`);
    return statusOf(result);
  };
}

function planRm(args: readonly string[]): Step | string {
  const isForced = args.some((arg) => /^-[a-z]*f/.test(arg));
  const files = args.filter((arg) => !arg.startsWith('-'));
  return inTurn(
    files.map(
      (file): Step =>
        (host) => {
          const result = host.removeFile(file);
          return isForced && result === -ENOENT ? DONE : statusOf(result);
        },
    ),
  );
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, K: 1024, M: 1 << 20 };
/** Scripts make files of a few bytes. */
const MAX_FILE = 64 << 20;

/** `dd if=/dev/zero of=FILE bs=N count=N`. */
function planDd(args: readonly string[]): Step | string {
  const given = new Map(args.map((arg) => [arg.split('=')[0]!, arg.slice(arg.indexOf('=') + 1)]));
  const size = (name: string, otherwise: string): number => {
    const match = /^(\d+)([kKM]?)$/.exec(given.get(name) ?? otherwise);
    return match === null ? Number.NaN : Number(match[1]) * UNITS[match[2]!]!;
  };
  const len = size('bs', '512') * size('count', '');
  const file = given.get('of');
  const isZeros = given.get('if') === '/dev/zero' && file !== undefined && len <= MAX_FILE;
  if (!isZeros) return `dd ${args.join(' ')}`;
  return (host) => statusOf(host.writeFile(file, new Uint8Array(len)));
}

/** FreeBSD's list of sockets: `-4|-6`, `-P tcp`, `-p PORT`, `-s` for states. */
function planSockstat(args: readonly string[]): Step | string {
  const match = /^(?:(-[46]) )?-P tcp -p (\d+) -s$/.exec(args.join(' '));
  if (match === null) return `sockstat ${args.join(' ')}`;
  const [, family, port] = match;
  return (host) => {
    const sockets = host
      .tcpSockets()
      .filter((socket) => socket.localPort === Number(port) || socket.remotePort === Number(port))
      .filter(({ isV4 }) => family === undefined || isV4 === (family === '-4'));
    return { status: 0, output: sockstat(sockets) };
  };
}
