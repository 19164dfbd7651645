/**
 * Network namespaces of our own. A process with threads cannot change its user namespace, and Node
 * always has threads: so a child is started inside, by util-linux' unshare or nsenter, which become
 * it (same pid, same descriptors). Nothing has a name: what the child makes vanishes with it.
 *
 *     parent ── stdio inherited, IPC channel ──> unshare --net … node script
 *       signals: "stop" over the channel            onStop(): SIGINT, SIGTERM, SIGHUP,
 *       killed -9: the channel ends       ──────>   "stop", or the end of the channel
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What frames come from: a TAP device, a veth through AF_PACKET, or memory. In this order of preference. */
export type World = 'tap' | 'packet' | 'memory';

/** How a namespace is made: as root, inside a user namespace, or not at all. */
export type Entry = 'root' | 'user' | 'none';

export interface WorldReport {
  readonly world: World;
  readonly entry: Entry;
  /** Why each better world is not possible, one sentence each, best first. */
  readonly refused: readonly { readonly world: World; readonly why: string }[];
}

export class NamespaceError extends Error {
  override readonly name = 'NamespaceError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const TUN = '/dev/net/tun';
const UNSHARE: Readonly<Record<Entry, readonly string[]>> = {
  root: ['unshare', '--net'],
  user: ['unshare', '--user', '--map-root-user', '--net'],
  none: [],
};
/** What the parent says over the channel. */
const STOP = 'ringway: stop';
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** What a child gets to end by itself after it was told to. */
const GRACE_MS = 5000;

// ---- Which world ----

/** The best world this process can make, or the one wanted; throws NamespaceError when that one is refused. */
export function detectWorld(wanted?: World): WorldReport {
  const entry = process.getuid?.() === 0 ? 'root' : 'user';
  return firstPossible(wanted, entry, (world) => whyNot(world, entry));
}

/** Likewise in the network namespace that we are in, which may not be ours alone: no veth pair is made there. */
export function detectHere(wanted?: World): WorldReport {
  return firstPossible(wanted, 'none', whyNotHere);
}

function firstPossible(
  wanted: World | undefined,
  entry: Entry,
  whyNotThis: (world: World) => string | null,
): WorldReport {
  const refused: { world: World; why: string }[] = [];
  const worlds: readonly World[] = wanted === undefined ? ['tap', 'packet', 'memory'] : [wanted];
  for (const world of worlds) {
    const why = whyNotThis(world);
    if (why === null) return { world, entry: world === 'memory' ? 'none' : entry, refused };
    refused.push({ world, why });
  }
  throw new NamespaceError('ERR_WORLD', `${wanted} is not possible: ${refused[0]!.why}`);
}

function whyNotHere(world: World): string | null {
  switch (world) {
    case 'tap':
      return whyNoTun();
    case 'packet':
      return 'here it takes an interface that is there: --interface IFACE';
    case 'memory':
      return null;
  }
}

function whyNot(world: World, entry: Entry): string | null {
  switch (world) {
    case 'tap':
      return entry === 'root' ? (whyNoNamespace(entry) ?? whyNoTun()) : 'TAP devices need root';
    case 'packet':
      return whyNoNamespace(entry) ?? whyNoPacket(entry);
    case 'memory':
      return null;
  }
}

function whyNoTun(): string | null {
  try {
    closeSync(openSync(TUN, 'r+'));
    return null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENODEV' || code === 'ENXIO') {
      return `${TUN} is missing (${code}): load the module with \`modprobe tun\`, or start the container with \`--device ${TUN}\``;
    }
    return `${TUN} cannot be opened (${code}): it needs CAP_NET_ADMIN and the device, in a container \`--cap-add NET_ADMIN --device ${TUN}\``;
  }
}

function whyNoNamespace(entry: Entry): string | null {
  const [program, ...args] = UNSHARE[entry];
  const { error, status, stderr } = spawnSync(program!, [...args, 'true'], { encoding: 'utf8' });
  if (error !== undefined) {
    const { code } = error as NodeJS.ErrnoException;
    return `unshare does not start (${code}): it is in the package util-linux`;
  }
  if (status === 0) return null;
  const hint =
    entry === 'root'
      ? 'it needs CAP_SYS_ADMIN'
      : 'see sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns';
  return `no network namespace (${stderr.trim().split('\n').pop()}); ${hint}`;
}

/** Tries inside: a system may let us in and then allow nothing there. */
function whyNoPacket(entry: Entry): string | null {
  const probe = siblingScript('namespace-probe');
  const [program, ...args] = [...UNSHARE[entry], process.execPath, ...inheritedFlags(), probe];
  const { status, stdout, stderr } = spawnSync(program!, args, { encoding: 'utf8' });
  if (status === 0) return null;
  const text = `${stdout}\n${stderr}`.trim().split('\n')[0];
  return `a veth pair and packet sockets in a namespace of our own: ${text}`;
}

/** The script beside this one, as source or compiled. */
function siblingScript(name: string): string {
  const here = import.meta.url;
  return fileURLToPath(new URL(`${name}${extname(here)}`, here));
}

/** Flags of this Node that a child needs too (a loader), but no second debugger, and no script given as text. */
function inheritedFlags(): string[] {
  const flags: string[] = [];
  const given = process.execArgv;
  for (let i = 0; i < given.length; i++) {
    const flag = given[i]!;
    if (/^(-e|-p|-pe|--eval|--print)$/.test(flag)) i++;
    else if (!/^--(inspect|eval=|print=|input-type)/.test(flag)) flags.push(flag);
  }
  return flags;
}

// ---- Entering ----

/** The command that puts a user's own program beside the child: `nsenter …` and the program. */
export function enterCommand(pid: number, entry: Entry): string {
  switch (entry) {
    case 'root':
      return `nsenter -t ${pid} -n`;
    case 'user':
      return `nsenter -t ${pid} -U -n --preserve-credentials`;
    case 'none':
      return '';
  }
}

/** The nsenter command line for `--netns NAME|PATH|PID`; throws NamespaceError when there is no such namespace. */
export function joinCommand(where: string): string[] {
  if (/^\d+$/.test(where)) {
    const own = namespaceOf('self', 'user');
    const its = namespaceOf(where, 'user');
    if (!existsSync(`/proc/${where}/ns`)) {
      throw new NamespaceError('ESRCH', `no process ${where} whose network namespace to join`);
    }
    const isForeign = process.getuid?.() !== 0 && its !== own;
    const user = isForeign ? ['-U', '--preserve-credentials'] : [];
    return ['nsenter', '-t', where, ...user, '-n'];
  }
  const path = where.includes('/') ? where : `/run/netns/${where}`;
  if (!existsSync(path)) {
    throw new NamespaceError('ENOENT', `no network namespace ${path}; see \`ip netns list\``);
  }
  return ['nsenter', `--net=${path}`];
}

/** Like `net:[4026531840]`; '' when it may not be seen. */
export function namespaceOf(pid: number | string, kind: 'net' | 'user'): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return '';
  }
}

// ---- The parent's side ----

export interface NamespaceChildOptions {
  /** A new namespace, made so. Ignored with `join`. */
  readonly entry: Entry;
  /** `--netns`: an existing one instead. */
  readonly join?: string;
  readonly script: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default: our own. */
  readonly stdout?: 'inherit' | 'pipe';
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface NamespaceChild {
  /** Of the Node inside, from the first moment: for `enterCommand`. */
  readonly pid: number;
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Asks it to end; asked again, or after five seconds, kills it. */
  stop(): void;
}

/** Starts `script` under this Node, with its flags, in a namespace. Throws NamespaceError. */
export function startInNamespace(options: NamespaceChildOptions): NamespaceChild {
  const enter = options.join === undefined ? UNSHARE[options.entry] : joinCommand(options.join);
  const node = [process.execPath, ...inheritedFlags(), options.script, ...(options.args ?? [])];
  const [program, ...args] = [...enter, ...node];
  const child = spawn(program!, args, {
    stdio: ['inherit', options.stdout ?? 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...options.env },
  });
  if (child.pid === undefined) {
    child.on('error', () => undefined); // said below
    throw new NamespaceError(
      'ENOENT',
      `${program} does not start: it is in the package util-linux`,
    );
  }
  const ended = new Promise<Ended>((done) => {
    child.once('exit', (code, signal) => done({ code, signal }));
  });
  let isAsked = false;
  const stop = () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    if (isAsked) {
      child.kill('SIGKILL');
      return;
    }
    isAsked = true;
    if (child.connected) child.send(STOP, () => undefined);
    else child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    void ended.then(() => clearTimeout(timer));
  };
  return { pid: child.pid, process: child, ended, stop };
}

/**
 * Runs the child to its end and returns the code to exit with. Our SIGINT, SIGTERM and SIGHUP stop the
 * child first; Ctrl-C reaches both, and the child sees one request.
 */
export async function runInNamespace(options: NamespaceChildOptions): Promise<number> {
  const child = startInNamespace(options);
  const stop = () => child.stop();
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  const ended = await child.ended;
  for (const signal of STOP_SIGNALS) process.off(signal, stop);
  return exitCodeOf(ended);
}

/** As a shell has it: 128 + the signal's number for a child that was killed. */
export function exitCodeOf(ended: Ended): number {
  return ended.signal === null ? (ended.code ?? 1) : 128 + constants.signals[ended.signal];
}

// ---- The child's side ----

/**
 * Calls `stop` once: for a signal, for the parent's request, or because the parent is gone, however it
 * died. A child that has not ended some seconds later is ended. Without a parent, signals only. The
 * channel does not keep the process alive.
 */
export function onStop(stop: () => void): void {
  let isStopping = false;
  const once = () => {
    if (isStopping) return;
    isStopping = true;
    setTimeout(() => process.exit(1), GRACE_MS).unref();
    stop();
  };
  for (const signal of STOP_SIGNALS) process.on(signal, once);
  if (process.channel === undefined) return;
  process.on('message', (message) => {
    if (message === STOP) once();
  });
  process.on('disconnect', once);
  process.channel.unref();
  if (!process.connected) once();
}
