/**
 * A small page over HTTP/1.1 (RFC 9112), one request a connection: `/` tells who answers, `/bytes/N` is N bytes
 * of a pattern that can be checked anywhere. As little of HTTP as a browser and curl are content with.
 */
import { EAGAIN } from '../../src/base/errno.ts';
import { SHUT } from '../../src/socket/abi.ts';
import type { EventLoop, Handler } from './event-loop.ts';

export const HTTP_PORT = 80;
const MAX_REQUEST = 8192;
/** A prime: no power of two, and no MSS, repeats with it. */
const PATTERN_BYTES = 65_521;
const MAX_BYTES = 2 ** 40;

/** Twice the pattern, so that from every place in it on there are PATTERN_BYTES bytes. */
export function httpPattern(): Uint8Array {
  return new Uint8Array(2 * PATTERN_BYTES).map((_, i) => ((i % PATTERN_BYTES) * 31) >> 3);
}

/** So much of the stream of `/bytes/N` as lies at `offset`, at most `bytes`. */
export function patternAt(pattern: Uint8Array, offset: number, bytes: number): Uint8Array {
  const at = offset % PATTERN_BYTES;
  return pattern.subarray(at, at + Math.min(bytes, PATTERN_BYTES));
}

/** N of a request for `/bytes/N`; -1 for others. */
export function bytesAsked(path: string): number {
  const digits = /^\/bytes\/(\d{1,13})$/.exec(path)?.[1];
  return digits === undefined || Number(digits) > MAX_BYTES ? -1 : Number(digits);
}

export class HttpService {
  readonly loop: EventLoop;
  readonly buffer = new Uint8Array(MAX_REQUEST);
  readonly pattern = httpPattern();
  private readonly page: () => string;

  constructor(loop: EventLoop, page: () => string) {
    this.loop = loop;
    this.page = page;
  }

  /** Returns the listening descriptor, or -errno. */
  open(port: number): number {
    return this.loop.listen(port, (fd) => new HttpConnection(this, fd));
  }

  /** Status line, headers and the page; and how much of the pattern follows. */
  answer(request: string): { head: Uint8Array; bytes: number } {
    const [, method, path] = /^(\S+) (\S+) HTTP\/1\.[01]\r\n/.exec(request) ?? [];
    if (method === undefined) return text('400 Bad Request', 'That is not HTTP/1.1.\n');
    if (method !== 'GET' && method !== 'HEAD')
      return text('405 Method Not Allowed', 'GET or HEAD.\n', 'Allow: GET, HEAD\r\n');
    const isHead = method === 'HEAD';
    const bytes = bytesAsked(path!);
    if (bytes >= 0) return headers('200 OK', 'application/octet-stream', bytes, isHead ? 0 : bytes);
    if (path !== '/') return text('404 Not Found', 'There are / and /bytes/N.\n');
    const page = new TextEncoder().encode(this.page());
    const { head } = headers('200 OK', 'text/html; charset=utf-8', page.length, 0);
    return { head: isHead ? head : join(head, page), bytes: 0 };
  }
}

function headers(status: string, type: string, length: number, bytes: number, more = '') {
  const head = `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n${more}Connection: close\r\n\r\n`;
  return { head: new TextEncoder().encode(head), bytes };
}

function text(status: string, body: string, more = '') {
  const { head } = headers(status, 'text/plain; charset=utf-8', body.length, 0, more);
  return { head: join(head, new TextEncoder().encode(body)), bytes: 0 };
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Reads one request, writes the answer, ends the stream, and waits for the peer's end. */
class HttpConnection implements Handler {
  private readonly service: HttpService;
  private readonly fd: number;
  private request = '';
  private head: Uint8Array | null = null;
  private bytes = 0;
  private sent = 0;
  private isDone = false;

  constructor(service: HttpService, fd: number) {
    this.service = service;
    this.fd = fd;
  }

  ready(): void {
    const isOpen = this.read();
    if (this.head !== null && !this.isDone) this.write();
    else if (!isOpen) this.service.loop.close(this.fd);
  }

  /** False at the end of what comes. After the request it is read and forgotten: unread, it would be a reset. */
  private read(): boolean {
    const { loop, buffer } = this.service;
    for (;;) {
      const n = loop.api.read(this.fd, buffer);
      if (n === -EAGAIN) return true;
      if (n <= 0) return false;
      if (this.head !== null) continue;
      this.request += new TextDecoder('latin1').decode(buffer.subarray(0, n));
      if (this.request.includes('\r\n\r\n') || this.request.length > MAX_REQUEST) {
        const { head, bytes } = this.service.answer(this.request);
        this.head = head;
        this.bytes = bytes;
      }
    }
  }

  private write(): void {
    const { loop, pattern } = this.service;
    for (;;) {
      const part = this.next(pattern);
      if (part.length === 0) break;
      const n = loop.api.write(this.fd, part);
      if (n === -EAGAIN) return;
      if (n < 0) {
        loop.close(this.fd);
        return;
      }
      this.sent += n;
    }
    this.isDone = true;
    loop.api.shutdown(this.fd, SHUT.WR);
    if (!this.read()) loop.close(this.fd);
  }

  private next(pattern: Uint8Array): Uint8Array {
    const head = this.head!;
    if (this.sent < head.length) return head.subarray(this.sent);
    const at = this.sent - head.length;
    return patternAt(pattern, at, this.bytes - at);
  }
}
