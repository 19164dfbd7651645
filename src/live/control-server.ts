/**
 * Answers on a stack's control socket. Clients are not trusted with anything but their request: it is
 * bounded in size and time, and one that lies, stalls or vanishes costs a connection and nothing else.
 */
import { chmodSync, linkSync, renameSync, unlinkSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import {
  ControlError,
  controlPath,
  isControlName,
  MAX_REQUEST_BYTES,
  openControlDir,
} from './control-protocol.ts';

const MAX_CONNECTIONS = 64;
const REQUEST_MS = 5000;
/** What may wait for a client that does not read; then it is cut off. */
const MAX_BACKLOG_BYTES = 8 << 20;

/** Works on one request. What it throws (an Error with a string `code`) goes to the client. */
export type ControlHandler = (
  request: Readonly<Record<string, unknown>>,
  session: ControlSession,
) => void;

/** One request in progress. Nothing here throws, and after the end nothing here does anything. */
export class ControlSession {
  private readonly socket: Socket;
  private lines: string[] = [];
  private isFlushDue = false;
  private isOver = false;
  private cancel: (() => void) | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  get isOpen(): boolean {
    return !this.isOver;
  }

  /** Bytes on their way to a client that has not read them yet. */
  get backlog(): number {
    return this.socket.writableLength;
  }

  /** Called once, when the client has had enough or is gone; not after the end. */
  onCancel(cancel: () => void): void {
    this.cancel = cancel;
  }

  /** Events of one turn leave in one write. */
  event(event: object): void {
    if (this.isOver) return;
    this.lines.push(JSON.stringify({ event }));
    if (this.isFlushDue) return;
    this.isFlushDue = true;
    setImmediate(() => this.flush());
  }

  /** Copies `len` bytes at `off`. */
  bytes(u8: Uint8Array, off: number, len: number): void {
    if (this.isOver) return;
    this.flush();
    this.write(`${JSON.stringify({ bytes: len })}\n`);
    this.write(Buffer.from(u8.slice(off, off + len).buffer));
  }

  result(result: unknown): void {
    this.end({ result });
  }

  error(code: string, message: string): void {
    this.end({ error: message, code });
  }

  /** The server's: the client is gone, or has closed its half. */
  cancelled(): void {
    const { cancel } = this;
    this.cancel = null;
    if (!this.isOver) cancel?.();
  }

  private end(last: object): void {
    if (this.isOver) return;
    this.lines.push(JSON.stringify(last));
    this.flush();
    this.isOver = true;
    this.socket.end();
    // A client that keeps its half open, or never reads, does not keep the connection.
    this.socket.setTimeout(REQUEST_MS, () => this.socket.destroy());
  }

  private flush(): void {
    this.isFlushDue = false;
    if (this.lines.length === 0) return;
    const text = `${this.lines.join('\n')}\n`;
    this.lines = [];
    this.write(text);
  }

  private write(data: string | Buffer): void {
    if (this.isOver || this.socket.destroyed) return;
    this.socket.write(data);
    if (this.socket.writableLength > MAX_BACKLOG_BYTES) this.socket.destroy();
  }
}

export class ControlServer {
  readonly path: string;
  private readonly server: Server;
  private readonly handlers: ReadonlyMap<string, ControlHandler>;
  private readonly sockets = new Set<Socket>();

  private constructor(path: string, handlers: ReadonlyMap<string, ControlHandler>) {
    this.path = path;
    this.handlers = handlers;
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.accept(socket));
    this.server.maxConnections = MAX_CONNECTIONS;
  }

  /**
   * Serves under a name; rejects with EADDRINUSE when a stack of that name is running in this folder.
   * A socket that a killed run left behind is replaced.
   */
  static async open(
    name: string,
    handlers: ReadonlyMap<string, ControlHandler>,
  ): Promise<ControlServer> {
    checkName(name);
    openControlDir();
    const path = controlPath(name);
    if (!(await removeStale(path))) throw alreadyRunning(name);
    const server = new ControlServer(path, handlers);
    await server.listen(name);
    return server;
  }

  /**
   * Rejects as `open` would when a stack of that name is running: before a device is made, or a file
   * of the running stack is opened. `open` has the last word.
   */
  static async checkFree(name: string): Promise<void> {
    checkName(name);
    if ((await knock(controlPath(name))) === 'alive') throw alreadyRunning(name);
  }

  /** Ends all connections and removes the socket. Idempotent. */
  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private async listen(name: string): Promise<void> {
    const { server, path } = this;
    await new Promise<void>((done, fail) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        fail(error.code === 'EADDRINUSE' ? alreadyRunning(name) : error);
      });
      server.listen(path, done);
    });
    chmodSync(path, 0o600);
    server.unref(); // the stack keeps the process alive, not its socket
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    const session = new ControlSession(socket);
    let text = '';
    let isAsked = false;
    const late = setTimeout(() => socket.destroy(), REQUEST_MS);
    late.unref();
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      if (isAsked) return; // one request, and nothing after it
      text += chunk;
      const end = text.indexOf('\n');
      if (end < 0 && text.length <= MAX_REQUEST_BYTES) return;
      isAsked = true;
      clearTimeout(late);
      if (end < 0 || end > MAX_REQUEST_BYTES) session.error('EMSGSIZE', 'the request is too long');
      else this.handle(text.slice(0, end), session);
      text = '';
    });
    socket.on('end', () => {
      session.cancelled();
      if (!isAsked) socket.destroy();
    });
    socket.on('error', () => undefined); // 'close' follows
    socket.on('close', () => {
      clearTimeout(late);
      this.sockets.delete(socket);
      session.cancelled();
    });
  }

  private handle(line: string, session: ControlSession): void {
    const request = parseRequest(line);
    if (request === null) {
      session.error('EPROTO', 'a request is one line of JSON with "op"');
      return;
    }
    const handler = this.handlers.get(request.op);
    if (handler === undefined) {
      session.error('EOPNOTSUPP', `this stack does not know "${request.op.slice(0, 40)}"`);
      return;
    }
    try {
      handler(request, session);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      session.error(typeof code === 'string' ? code : 'EIO', message ?? String(error));
    }
  }
}

function parseRequest(line: string): { readonly op: string } | null {
  try {
    const request: unknown = JSON.parse(line);
    if (typeof request !== 'object' || request === null || Array.isArray(request)) return null;
    const { op } = request as { op?: unknown };
    return typeof op === 'string' ? (request as { op: string }) : null;
  } catch {
    return null;
  }
}

function checkName(name: string): void {
  if (isControlName(name)) return;
  throw new ControlError('EINVAL', `${name} is no name: letters, digits, dot, dash; at most 32`);
}

function alreadyRunning(name: string): ControlError {
  return new ControlError(
    'EADDRINUSE',
    `a stack named "${name}" is already running in this folder; end it, or give another --name`,
  );
}

/**
 * True when the path is free now. Two starters may find the same dead socket: it is moved aside before
 * it is removed, and if it turns out to be alive after all (the other was faster), it is put back.
 */
async function removeStale(path: string): Promise<boolean> {
  const answer = await knock(path);
  if (answer === 'none') return true;
  if (answer === 'alive') return false;
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
  const isAlive = (await knock(aside)) === 'alive';
  if (isAlive) linkSync(aside, path);
  unlinkSync(aside);
  return !isAlive;
}

function knock(path: string): Promise<'alive' | 'dead' | 'none'> {
  return new Promise((done, fail) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      done('alive');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') done('none');
      else if (error.code === 'ECONNREFUSED' || error.code === 'ENOTSOCK') done('dead');
      else if (error.code === 'EAGAIN')
        done('alive'); // its backlog is full
      else fail(error);
    });
  });
}
