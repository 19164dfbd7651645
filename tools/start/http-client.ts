/** An HTTP client on the integer API: one GET, hashed as it comes. */
import { createHash } from 'node:crypto';
import { EAGAIN, errnoName } from '../../src/base/errno.ts';
import { SO, SOL } from '../../src/socket/abi.ts';
import { parseAddress } from '../../src/wire/address-text.ts';
import type { EventLoop, Handler } from '../command/event-loop.ts';
import type { Fetched } from './fetched.ts';

const BUFFER_BYTES = 131_072;
const MAX_HEAD = 8192;
const END_OF_HEAD = '\r\n\r\n';

class HttpGet implements Handler {
  private readonly loop: EventLoop;
  private readonly fd: number;
  private readonly done: (result: Fetched) => void;
  private readonly request: Uint8Array;
  private readonly buffer = new Uint8Array(BUFFER_BYTES);
  private readonly hash = createHash('sha256');
  private readonly startMs = performance.now();
  private sent = 0;
  private head = '';
  private isBody = false;
  private bytes = 0;

  constructor(loop: EventLoop, fd: number, request: Uint8Array, done: (result: Fetched) => void) {
    this.loop = loop;
    this.fd = fd;
    this.request = request;
    this.done = done;
  }

  ready(): void {
    const { api } = this.loop;
    while (this.sent < this.request.length) {
      const n = api.write(this.fd, this.request.subarray(this.sent));
      if (n === -EAGAIN) return;
      if (n < 0) {
        this.end(n);
        return;
      }
      this.sent += n;
    }
    for (;;) {
      const n = api.read(this.fd, this.buffer);
      if (n === -EAGAIN) return;
      if (n <= 0) {
        this.end(n);
        return;
      }
      this.take(this.buffer.subarray(0, n));
    }
  }

  private take(data: Uint8Array): void {
    if (this.isBody) {
      this.hash.update(data);
      this.bytes += data.length;
      return;
    }
    const before = this.head.length;
    this.head += Buffer.from(data).toString('latin1');
    const at = this.head.indexOf(END_OF_HEAD);
    this.isBody = at >= 0 || this.head.length > MAX_HEAD;
    if (at < 0) return;
    const body = data.subarray(at + END_OF_HEAD.length - before);
    this.hash.update(body);
    this.bytes = body.length;
  }

  private end(result: number): void {
    const error = this.loop.api.getInt(this.fd, SOL.SOCKET, SO.ERROR);
    this.loop.close(this.fd);
    const errno = result < 0 ? result : -error;
    this.done({
      status: Number(/^HTTP\/1\.[01] (\d{3}) /.exec(this.head)?.[1] ?? 0),
      bytes: this.bytes,
      sha256: this.hash.digest('hex'),
      ms: performance.now() - this.startMs,
      note: errno < 0 ? errnoName(errno) : '',
    });
  }
}

/** Called from outside a turn: after a kick. */
export function fetchHttp(
  loop: EventLoop,
  host: string,
  port: number,
  path: string,
): Promise<Fetched> {
  const name = host.includes(':') ? `[${host}]` : host;
  const request = new TextEncoder().encode(
    `GET ${path} HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`,
  );
  return new Promise((done, fail) => {
    const fd = loop.connect(
      parseAddress(host)!,
      port,
      (fd) => new HttpGet(loop, fd, request, done),
    );
    if (fd < 0) fail(new Error(`socket: ${errnoName(fd)}`));
  });
}
