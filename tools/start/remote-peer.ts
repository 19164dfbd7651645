/** A Linux machine at the other end of a network, which runs tools/start/peer-server.ts. */
import { connect, type Socket } from 'node:net';
import { Failure } from '../command/failure.ts';
import type { Fetched } from './fetched.ts';
import type { EchoResult, Peer } from './peer.ts';
import { LineCutter, PEER_PORT, type PeerAnswer, type PeerRequest } from './peer-protocol.ts';
import type { Closer } from './udp-client.ts';

/** A container that starts beside ours may take so long. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 200;
const NOT_YET = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ECONNRESET'];

interface Waiting {
  done(result: unknown): void;
  fail(error: Error): void;
}

export class RemotePeer implements Peer {
  readonly name = 'Linux';
  private readonly socket: Socket;
  private readonly waiting: Waiting[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    const cutter = new LineCutter((line) => this.take(JSON.parse(line) as PeerAnswer));
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      if (!cutter.take(text)) socket.destroy(new Error('the peer says too much'));
    });
    socket.on('error', (error) => this.lost(error));
    socket.on('close', () => this.lost(new Error('the peer is gone')));
  }

  /** `HOST` or `HOST:PORT`, an IPv6 address in brackets. Through the kernel's own sockets. */
  static async connect(where: string): Promise<RemotePeer> {
    const [, v6, name, digits] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(where) ?? [];
    const host = v6 ?? name;
    if (host === undefined) throw new Failure('ERR_USAGE', `--peer ${where}: not HOST[:PORT]`, 2);
    const port = digits === undefined ? PEER_PORT : Number(digits);
    const startMs = performance.now();
    for (;;) {
      try {
        return new RemotePeer(await connected(host, port));
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException;
        const isOver = performance.now() - startMs > PATIENCE_MS;
        if (!NOT_YET.includes(code) || isOver) {
          throw new Failure(code, `no peer at ${host}, port ${port} (${code}): is it running?`);
        }
        await new Promise((done) => setTimeout(done, RETRY_MS));
      }
    }
  }

  addresses(): Promise<readonly string[]> {
    return this.ask({ op: 'addresses' }) as Promise<readonly string[]>;
  }

  ping(to: string, size: number, count: number): Promise<EchoResult> {
    return this.ask({ op: 'ping', to, size, count }) as Promise<EchoResult>;
  }

  async exchange(to: string, port: number, data: Uint8Array): Promise<Uint8Array | null> {
    const text = Buffer.from(data).toString('base64');
    const back = (await this.ask({ op: 'exchange', to, port, data: text })) as string | null;
    return back === null ? null : Buffer.from(back, 'base64');
  }

  fetch(host: string, port: number, path: string): Promise<Fetched> {
    return this.ask({ op: 'fetch', host, port, path }) as Promise<Fetched>;
  }

  serveEcho(address: string, port: number): Promise<Closer> {
    return this.serve('echo', address, port);
  }

  serveHttp(address: string, port: number): Promise<Closer> {
    return this.serve('http', address, port);
  }

  close(): void {
    this.socket.destroy();
  }

  private async serve(what: 'echo' | 'http', address: string, port: number): Promise<Closer> {
    const server = (await this.ask({ op: 'serve', what, address, port })) as number;
    // Answered in order: whoever asks next finds it closed.
    return { close: () => void this.ask({ op: 'close', server }).catch(() => undefined) };
  }

  private ask(request: PeerRequest): Promise<unknown> {
    return new Promise((done, fail) => {
      if (this.socket.destroyed) {
        fail(new Error('the peer is gone'));
        return;
      }
      this.waiting.push({ done, fail });
      this.socket.write(`${JSON.stringify(request)}\n`);
    });
  }

  private take(answer: PeerAnswer): void {
    const first = this.waiting.shift();
    if (first === undefined) return;
    if ('error' in answer) first.fail(new Error(`the peer: ${answer.error}`));
    else first.done(answer.result);
  }

  private lost(error: Error): void {
    for (const { fail } of this.waiting.splice(0)) fail(error);
  }
}

function connected(host: string, port: number): Promise<Socket> {
  return new Promise((done, fail) => {
    const socket = connect({ host, port });
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.off('error', fail);
      done(socket);
    });
  });
}
