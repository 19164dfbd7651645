/**
 * A Docker daemon of our own, which nobody else sees: its socket and its data are in one folder that only its owner
 * may enter, its mounts, processes and (where asked) networks in namespaces that end with it.
 *
 *     this process ── setpriv (dies with us) ── unshare ── dockerd, pid 1 ── containerd ── containers
 *
 * It makes no firewall rules and no default bridge, forwards nothing, and reads no configuration of the machine's.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { lastLines, type Outcome, type Programs, type RunOptions } from './programs.ts';

const START_MS = 60_000;
/** Within it dockerd stops its containers; then it is killed, and they with it. */
const STOP_MS = 10_000;
const POLL_MS = 100;
/** Gigabytes, and disks that are busy with them. */
const REMOVE_MS = 240_000;
const CGROUPS = '/sys/fs/cgroup';
/** dockerd makes these whatever it is told. */
const STRAY = ['/etc/docker', '/opt/containerd', '/run/docker'] as const;

/** `host`: builds reach the package registries as this machine does. `own`: nothing leaves. */
export type DaemonNetwork = 'host' | 'own';

export class OwnDocker {
  readonly dir = mkdtempSync(join(tmpdir(), 'ringway-container-'));
  /** For clients: no configuration of the user's, and builds without plugins. */
  readonly env: NodeJS.ProcessEnv;
  private readonly programs: Programs;
  private readonly strays = STRAY.filter((path) => !existsSync(path));
  private daemon: ChildProcess | null = null;

  constructor(programs: Programs) {
    this.programs = programs;
    this.env = {
      ...process.env,
      DOCKER_BUILDKIT: '0',
      DOCKER_CONFIG: join(this.dir, 'client'),
      DOCKER_HOST: `unix://${join(this.dir, 'docker.sock')}`,
    };
    delete this.env.DOCKER_CONTEXT;
  }

  docker(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return this.programs.run(['docker', ...args], { env: this.env, ...options });
  }

  /** Throws with what dockerd said when it does not start. */
  async start(network: DaemonNetwork): Promise<void> {
    const config = join(this.dir, 'daemon.json');
    writeFileSync(config, '{}\n');
    const log = openSync(join(this.dir, 'dockerd.log'), 'a', 0o600);
    const namespaces = ['--mount', '--pid', '--mount-proc', '--fork', '--kill-child'];
    if (network === 'own') namespaces.push('--net');
    const enter = ['setpriv', '--pdeathsig', 'KILL', 'unshare', ...namespaces];
    const [program, ...args] = [...enter, 'dockerd', ...this.flags(config)];
    const daemon = spawn(program!, args, { detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    this.daemon = daemon;
    daemon.on('error', () => undefined); // it has no exit code then either, and the wait ends
    const untilMs = performance.now() + START_MS;
    while (performance.now() < untilMs && isRunning(daemon)) {
      const { status } = await this.docker(['version'], { limitMs: 10_000 });
      if (status === 0) return;
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
    throw new Error(`dockerd does not start here:\n${this.complaints()}`);
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    const { daemon } = this;
    this.daemon = null;
    if (daemon?.pid === undefined || !isRunning(daemon)) return;
    const ended = new Promise<void>((done) => daemon.once('exit', () => done()));
    for (const pid of childrenOf(daemon.pid)) signal(pid, 'SIGTERM');
    const timer = setTimeout(() => daemon.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
  }

  /** Stops it and removes all that it made. Returns what could not be removed. */
  async remove(): Promise<string[]> {
    await this.stop();
    for (const path of this.cgroups()) removeCgroup(path);
    // The folder last: it is large, and whoever stops us may not wait for it.
    const paths = [...this.strays, this.dir];
    await this.programs.runAlways(['rm', '-rf', ...paths], { limitMs: REMOVE_MS });
    return [...paths.filter((path) => existsSync(path)), ...this.cgroups()];
  }

  private flags(config: string): string[] {
    return [
      `--config-file=${config}`,
      `--data-root=${join(this.dir, 'data')}`,
      `--exec-root=${join(this.dir, 'exec')}`,
      `--pidfile=${join(this.dir, 'docker.pid')}`,
      `--host=unix://${join(this.dir, 'docker.sock')}`,
      `--group=${process.getgid?.() ?? 0}`,
      `--cgroup-parent=/${basename(this.dir)}`,
      '--exec-opt=native.cgroupdriver=cgroupfs',
      '--bridge=none',
      '--iptables=false',
      '--ip6tables=false',
      '--ip-forward=false',
      '--ip-masq=false',
      '--userland-proxy=false',
    ];
  }

  /** Ours, in each hierarchy of version 1 or in that of version 2. */
  private cgroups(): string[] {
    const name = basename(this.dir);
    const hierarchies = existsSync(CGROUPS) ? ['', ...readdirSync(CGROUPS)] : [];
    return hierarchies.map((h) => join(CGROUPS, h, name)).filter((path) => existsSync(path));
  }

  private complaints(): string {
    const text = readFileSync(join(this.dir, 'dockerd.log'), 'utf8');
    const lines = text.split('\n').filter((line) => !/level=(info|debug)/.test(line));
    return lastLines(lines.join('\n'));
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((candidate) => Number.isInteger(candidate) && parentOf(candidate) === pid);
}

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return -1; // gone
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // gone
  }
}

/** From the leaves up: the files in them are the kernel's. */
function removeCgroup(path: string): void {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroup(join(path, entry.name));
    }
    rmdirSync(path);
  } catch {
    // busy or gone: whoever asked looks what is there
  }
}
