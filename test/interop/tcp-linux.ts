/** The kernel's end of TCP connections for scenarios: its sockets through Node's `net`, its tables and counters. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server, Socket } from 'node:net';

/** A socket of the kernel. Half-open is allowed: it closes when it is told to. */
export class LinuxEnd {
  readonly socket: Socket;
  /** The code it failed with; '' while it has not. */
  error = '';
  private readonly gone: Promise<void>;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? error.message;
    });
    this.gone = new Promise((done) => socket.once('close', () => done()));
  }

  static connect(host: string, port: number): Promise<LinuxEnd> {
    return new Promise((done, fail) => {
      const socket = new Socket({ allowHalfOpen: true });
      const end = new LinuxEnd(socket);
      socket.once('connect', () => done(end));
      socket.once('error', fail);
      socket.connect(port, host);
    });
  }

  /** False when the connection is gone. */
  write(data: Uint8Array): Promise<boolean> {
    return new Promise((done) => {
      const wait = !this.socket.write(data, (error) => {
        if (error) done(false);
      });
      if (wait) this.socket.once('drain', () => done(true));
      else done(true);
    });
  }

  /** What comes, up to the end of the stream. */
  read(take: (data: Uint8Array) => void): Promise<void> {
    this.socket.on('data', take);
    return new Promise((done) => {
      this.socket.once('end', done);
      this.socket.once('close', () => done());
    });
  }

  shutdown(): void {
    this.socket.end();
  }

  /** SO_LINGER with no time: a reset. */
  abort(): void {
    this.socket.resetAndDestroy();
  }

  /** Closed, whoever did it. Returns the error's code, or ''. */
  async over(): Promise<string> {
    await this.gone;
    return this.error;
  }
}

export function linuxServer(
  host: string,
  port: number,
  serve: (end: LinuxEnd) => void,
): Promise<Server> {
  return new Promise((done, fail) => {
    const server = createServer({ allowHalfOpen: true }, (socket) => serve(new LinuxEnd(socket)));
    server.once('error', fail);
    server.listen({ host, port, backlog: 1024 }, () => done(server));
  });
}

export function setTcpSysctl(name: string, value: number | string): void {
  writeFileSync(`/proc/sys/net/ipv4/tcp_${name}`, String(value));
}

/** The state of the kernel's connection with this local and remote port, as in `net/tcp_states.h`; 0 when there is none. */
export function linuxState(localPort: number, remotePort: number): number {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readFileSync(table, 'latin1').split('\n')) {
      const [, local, remote, state] = line.trim().split(/\s+/);
      if (local?.endsWith(`:${hex(localPort)}`) && remote?.endsWith(`:${hex(remotePort)}`)) {
        return Number.parseInt(state!, 16);
      }
    }
  }
  return 0;
}

/** `nstat`: the counters of this namespace by name, `Tcp` and `TcpExt` first in the name. */
export function linuxCounters(): Map<string, number> {
  const counters = new Map<string, number>();
  for (const file of ['/proc/net/snmp', '/proc/net/netstat']) {
    const lines = readFileSync(file, 'latin1').trim().split('\n');
    for (let i = 0; i + 1 < lines.length; i += 2) {
      const [group, ...names] = lines[i]!.split(' ');
      const values = lines[i + 1]!.split(' ').slice(1);
      for (const [k, name] of names.entries()) {
        counters.set(`${group!.slice(0, -1)}${name}`, Number(values[k]));
      }
    }
  }
  return counters;
}
