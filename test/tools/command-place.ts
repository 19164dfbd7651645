/** Where commands are run as users run them: a folder with stacks in it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';

export const RINGWAY = [process.execPath, resolve('bin/ringway.js')];

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Stacks that run in a folder of their own, and commands in that folder. */
export class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'ringway-command-'));
  private readonly stacks: ChildProcess[] = [];

  constructor(t: Test) {
    t.teardown(async () => {
      for (const stack of this.stacks) {
        if (stack.exitCode === null && stack.signalCode === null) stack.kill('SIGKILL');
      }
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** Starts `ringway up -j …`, or what stands before it; resolves with what it says when it is up. */
  async up(args: readonly string[], before: readonly string[] = []): Promise<Up> {
    const [program, ...rest] = [...before, ...RINGWAY, 'up', '-j', ...args];
    const child = spawn(program!, rest, { cwd: this.folder, stdio: ['ignore', 'pipe', 'inherit'] });
    this.stacks.push(child);
    const ended = new Promise<number | null>((done) => child.once('close', done));
    const lines = createInterface({ input: child.stdout! });
    const says = new Promise<{ pid: number; ifname: string; mac: string }>((done, fail) => {
      lines.once('line', (line) => done(JSON.parse(line) as never));
      void ended.then((code) => fail(new Error(`ended with ${code} before it was up`)));
    });
    return { child, ended, ...(await says) };
  }

  run(...args: readonly string[]): Promise<Ended> {
    return collect([...RINGWAY, ...args], this.folder);
  }

  async json(...args: readonly string[]): Promise<never> {
    const { out } = await this.run(...args);
    return JSON.parse(out) as never;
  }
}

export interface Up {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  readonly pid: number;
  readonly ifname: string;
  readonly mac: string;
}

export function collect(command: readonly string[], cwd: string): Promise<Ended> {
  const [program, ...args] = command;
  const child = spawn(program!, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  return new Promise((done) => child.once('close', (code) => done({ code, out, err })));
}

export const ADDRESSES = ['--address', '10.9.0.2/24', '--address', 'fd09::2/64'];
