/**
 * The other end of the tour on a machine of its own: `node peer-server.ts [PORT]` runs Linux's ping and curl, and
 * small servers, as `npm start -- --demo --interface IFACE --peer HOST` asks it to. Whoever reaches the port can have it
 * send packets: it belongs on a network made for the purpose, as docker-compose.yml makes one.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { pathToFileURL } from 'node:url';
import { parseAddress } from '../../src/wire/address-text.ts';
import { LinuxPeer } from './linux-peer.ts';
import { LineCutter, PEER_PORT, type PeerAnswer, type PeerRequest } from './peer-protocol.ts';
import type { Closer } from './udp-client.ts';

const MAX_SERVERS = 16;
const MAX_ECHOES = 100;
const MAX_PING = 65507;
const MAX_PORT = 65535;

/** What one connection has opened. */
class Visit {
  private readonly peer = new LinuxPeer();
  private readonly servers = new Map<number, Closer>();
  private opened = 0;

  async answer(request: PeerRequest): Promise<unknown> {
    switch (request.op) {
      case 'addresses':
        return ownAddresses();
      case 'ping': {
        const size = bounded(request.size, 0, MAX_PING);
        return this.peer.ping(addressIn(request.to), size, bounded(request.count, 1, MAX_ECHOES));
      }
      case 'exchange': {
        const data = Buffer.from(String(request.data), 'base64');
        const port = bounded(request.port, 1, MAX_PORT);
        const back = await this.peer.exchange(addressIn(request.to), port, data);
        return back === null ? null : Buffer.from(back).toString('base64');
      }
      case 'fetch': {
        const port = bounded(request.port, 1, MAX_PORT);
        return this.peer.fetch(addressIn(request.host), port, pathIn(request.path));
      }
      case 'serve':
        return this.serve(request.what, addressIn(request.address), request.port);
      case 'close':
        this.servers.get(request.server)?.close();
        this.servers.delete(request.server);
        return null;
      default:
        throw new Error(`no operation ${String((request as { op?: unknown }).op)}`);
    }
  }

  end(): void {
    for (const server of this.servers.values()) server.close();
    this.servers.clear();
  }

  private async serve(what: 'echo' | 'http', address: string, at: number): Promise<number> {
    if (this.servers.size >= MAX_SERVERS) throw new Error(`${MAX_SERVERS} servers are running`);
    const port = bounded(at, 1, MAX_PORT);
    const server =
      what === 'http'
        ? await this.peer.serveHttp(address, port)
        : await this.peer.serveEcho(address, port);
    this.servers.set(++this.opened, server);
    return this.opened;
  }
}

function bounded(value: unknown, least: number, most: number): number {
  const isIn = Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
  if (!isIn) throw new Error(`${String(value)} is not from ${least} to ${most}`);
  return Number(value);
}

/** Nothing that ping or curl could take for an option, or for a name to look up. */
function addressIn(text: unknown): string {
  if (typeof text !== 'string' || parseAddress(text) === null) {
    throw new Error(`${String(text)} is not an address`);
  }
  return text;
}

function pathIn(text: unknown): string {
  if (typeof text !== 'string' || !/^\/[\w/]*$/.test(text)) throw new Error('not a path of ours');
  return text;
}

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.filter((a) => !a.internal).map((a) => a.address);
}

/** One request after the other, in the order in which they came. */
function visit(socket: Socket): void {
  const own = new Visit();
  let last = Promise.resolve();
  const cutter = new LineCutter((line) => {
    last = last.then(async () => {
      const answer = await own.answer(JSON.parse(line) as PeerRequest).then(
        (result): PeerAnswer => ({ result }),
        (error: unknown): PeerAnswer => ({ error: messageOf(error) }),
      );
      socket.write(`${JSON.stringify(answer)}\n`);
    });
    last.catch((error: unknown) => socket.destroy(error as Error)); // a line that is no JSON
  });
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    if (!cutter.take(text)) socket.destroy();
  });
  socket.on('error', () => socket.destroy());
  // What is being opened at this moment ends too.
  socket.on('close', () => void last.finally(() => own.end()).catch(() => undefined));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Without a host on all addresses of ours. */
export function openPeerServer(port: number, host?: string): Promise<Server> {
  const server = createServer(visit);
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(port, host, () => done(server));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const port = Number(process.argv[2] ?? PEER_PORT);
  await openPeerServer(port);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit());
  console.log(`the other end of the tour, on port ${port}`);
}
