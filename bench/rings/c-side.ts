/** The C programs of bench/c as children: one line in, one line out. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';

export interface Tally {
  readonly frames: number;
  readonly bytes: number;
  readonly ns: number;
  /** Frames of the wrong length or out of order. */
  readonly bad: number;
}

export class LineChild {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: Interface;
  private readonly ended: Promise<never>;
  private failure = '';

  constructor(program: string, args: readonly string[]) {
    this.child = spawn(program, args);
    this.lines = createInterface({ input: this.child.stdout });
    this.child.stderr.on('data', (chunk) => {
      this.failure += String(chunk);
    });
    this.ended = once(this.child, 'close').then(() => {
      throw new Error(`${program} ${args.join(' ')} ended: ${this.failure}`);
    });
    this.ended.catch(() => undefined); // only whoever waits for a line wants to know
  }

  get pid(): number {
    return this.child.pid!;
  }

  async line(): Promise<string> {
    const [line] = (await Promise.race([once(this.lines, 'line'), this.ended])) as [string];
    return line;
  }

  /** Nothing answers. */
  tell(line: string): void {
    this.child.stdin.write(`${line}\n`);
  }

  ask(question: string): Promise<string> {
    this.tell(question);
    return this.line();
  }

  async close(): Promise<void> {
    const ended = once(this.child, 'close');
    this.child.stdin.end();
    await ended;
  }
}

/** A ring in C: see bench/c/rings.c. */
export class CRing {
  private readonly child: LineChild;

  constructor(
    program: string,
    mode: string,
    name: string,
    frame: number,
    gso: number,
    mac: string,
  ) {
    this.child = new LineChild(program, [mode, name, String(frame), String(gso), mac]);
  }

  async ready(): Promise<void> {
    await this.child.line();
  }

  async run(what: 'rx' | 'tx', frames: number): Promise<Tally> {
    const [n, bytes, ns, bad] = (await this.child.ask(`${what} ${frames}`)).split(' ').map(Number);
    return { frames: n!, bytes: bytes!, ns: ns!, bad: bad! };
  }

  close(): Promise<void> {
    return this.child.close();
  }
}

/** Puts frames into an interface from the kernel's side: see bench/c/source.c. */
export class Source {
  private readonly child: LineChild;

  constructor(program: string, name: string, frame: number, gso: number, mac: string) {
    this.child = new LineChild(program, [name, String(frame), String(gso), mac]);
  }

  /** Sends so many frames and returns how long it took. */
  async send(frames: number): Promise<number> {
    const [sent, ns] = (await this.child.ask(String(frames))).split(' ').map(Number);
    if (sent !== frames) throw new Error(`the source sent ${sent} of ${frames}`);
    return ns!;
  }

  close(): Promise<void> {
    return this.child.close();
  }
}
