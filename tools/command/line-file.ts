import { closeSync, openSync, writeSync } from 'node:fs';
import type { LineSink } from '../../src/stack/flow-trace.ts';

const MOST_WAITING = 1 << 20;

/** Lines into a file, many at a time. What cannot be written ends the run with the system's error. */
export class LineFile implements LineSink {
  private readonly fd: number;
  private waiting: string[] = [];
  private length = 0;

  constructor(path: string) {
    this.fd = openSync(path, 'w');
  }

  line(text: string): void {
    this.waiting.push(text);
    this.length += text.length + 1;
    if (this.length >= MOST_WAITING) this.flush();
  }

  close(): void {
    this.flush();
    closeSync(this.fd);
  }

  private flush(): void {
    if (this.waiting.length === 0) return;
    const bytes = Buffer.from(`${this.waiting.join('\n')}\n`);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at);
    this.waiting = [];
    this.length = 0;
  }
}
