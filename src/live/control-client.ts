/** Asks a running stack over its control socket. */
import { createConnection, type Socket } from 'node:net';
import {
  CONTROL_DIR,
  ControlError,
  checkControlDir,
  controlNames,
  controlPath,
  isControlName,
  MAX_LINE_BYTES,
} from './control-protocol.ts';

export interface ControlListener {
  event?(event: unknown): void;
  bytes?(bytes: Buffer): void;
}

/** One request in progress. */
export class ControlCall {
  /** The result; rejects with what the stack said, or because it is gone. */
  readonly result: Promise<unknown>;
  private readonly socket: Socket;
  private readonly listener: ControlListener;
  private pending: Buffer = Buffer.alloc(0);
  /** Raw bytes that are still to come. */
  private rawLeft = 0;
  private settle: { done: (result: unknown) => void; fail: (error: Error) => void } | null = null;

  constructor(socket: Socket, request: object, listener: ControlListener) {
    this.socket = socket;
    this.listener = listener;
    this.result = new Promise((done, fail) => {
      this.settle = { done, fail };
    });
    socket.on('data', (chunk: Buffer) => this.received(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => this.fail(error.code ?? 'EIO', goneText));
    socket.on('end', () => this.fail('EPIPE', goneText)); // half open: no 'close' comes by itself
    socket.on('close', () => this.fail('EPIPE', goneText));
    socket.write(`${JSON.stringify(request)}\n`);
  }

  /** Enough: what has a result without being complete still sends it. */
  cancel(): void {
    this.socket.end();
  }

  /** Reads no more until the stream has written what it has. */
  pauseUntil(stream: NodeJS.WritableStream): void {
    this.socket.pause();
    stream.once('drain', () => this.socket.resume());
  }

  private received(chunk: Buffer): void {
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    while (this.settle !== null && this.takeOne()) {
      // each round takes one line, or some raw bytes
    }
    if (this.pending.length > MAX_LINE_BYTES) {
      this.fail('EPROTO', 'the stack answers with a line that has no end');
    }
  }

  private takeOne(): boolean {
    if (this.rawLeft > 0) return this.takeRaw();
    const end = this.pending.indexOf(0x0a);
    if (end < 0) return false;
    const line = this.pending.toString('utf8', 0, end);
    this.pending = this.pending.subarray(end + 1);
    this.line(line);
    return true;
  }

  private takeRaw(): boolean {
    if (this.pending.length === 0) return false;
    const bytes = this.pending.subarray(0, this.rawLeft);
    this.pending = this.pending.subarray(bytes.length);
    this.rawLeft -= bytes.length;
    this.listener.bytes?.(bytes);
    return true;
  }

  private line(line: string): void {
    const message = parseMessage(line);
    if (message === null) this.fail('EPROTO', 'the stack answers with something that is no JSON');
    else if (message.event !== undefined) this.listener.event?.(message.event);
    else if (isByteCount(message.bytes)) this.rawLeft = message.bytes;
    else if (typeof message.error === 'string') {
      this.fail(typeof message.code === 'string' ? message.code : 'EIO', message.error, true);
    } else if ('result' in message) {
      this.settle?.done(message.result);
      this.finish();
    } else this.fail('EPROTO', 'the stack answers with something else than was agreed');
  }

  private fail(code: string, message: string, isAnswer = false): void {
    this.settle?.fail(new ControlError(code, message, isAnswer));
    this.finish();
  }

  private finish(): void {
    this.settle = null;
    this.socket.destroy();
  }
}

const goneText = 'the stack ended before it had answered';

function isByteCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parseMessage(line: string): Record<string, unknown> | null {
  try {
    const message: unknown = JSON.parse(line);
    return typeof message === 'object' && message !== null
      ? (message as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** Rejects with ControlError when there is no such stack, or none, or several and no name. */
export async function controlCall(
  name: string | undefined,
  request: object,
  listener: ControlListener = {},
): Promise<ControlCall> {
  checkControlDir();
  if (name !== undefined) {
    if (!isControlName(name))
      throw new ControlError('EINVAL', `${name} is not the name of a stack`);
    const socket = await connect(name);
    if (socket === null) {
      throw new ControlError(
        'ENOENT',
        `no stack named "${name}" is running in this folder; start it: ringway up --name ${name} …`,
      );
    }
    return new ControlCall(socket, request, listener);
  }
  const sockets: [string, Socket][] = [];
  for (const candidate of controlNames()) {
    const socket = await connect(candidate);
    if (socket !== null) sockets.push([candidate, socket]);
  }
  if (sockets.length === 1) return new ControlCall(sockets[0]![1], request, listener);
  for (const [, socket] of sockets) socket.destroy();
  if (sockets.length > 1) {
    const names = sockets.map(([found]) => found).join(', ');
    throw new ControlError('ENOTUNIQ', `several stacks are running (${names}); give --name`);
  }
  throw new ControlError(
    'ENOENT',
    `no stack is running in this folder (./${CONTROL_DIR}); start one: ringway up …, or npm start`,
  );
}

/** null: nobody listens there. */
function connect(name: string): Promise<Socket | null> {
  return new Promise((done, fail) => {
    const socket = createConnection({ path: controlPath(name), allowHalfOpen: true });
    socket.once('connect', () => done(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const { code } = error;
      if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTSOCK') done(null);
      else if (code === 'EACCES' || code === 'EPERM') {
        const text = `the stack "${name}" belongs to another user (${code})`;
        fail(new ControlError(code, text));
      } else fail(error);
    });
  });
}
