/** The kernel of the namespace we are in, through its own sockets and, where it is installed, its ping. */
import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { kernelEcho } from '../../src/live/kernel-echo.ts';
import type { Fetched } from './fetched.ts';
import { linuxFetch, linuxServe } from './linux-http.ts';
import type { EchoResult, Peer } from './peer.ts';
import { ANSWER_MS, type Closer } from './udp-client.ts';

const PING = ['/usr/bin/ping', '/bin/ping'] as const;
/** What every iputils lets everybody use; it is also how long ping waits for the last reply. */
const INTERVAL_MS = 200;
const WAIT_S = 2;

export class LinuxPeer implements Peer {
  readonly name = 'Linux';
  private readonly program = PING.find((path) => existsSync(path));

  async ping(to: string, size: number, count: number): Promise<EchoResult> {
    if (this.program !== undefined) return runPing(this.program, to, size, count);
    const r = await kernelEcho(to, { size, count, timeoutMs: ANSWER_MS });
    const ms = Array.from(r.rttNs, (ns) => ns / 1e6);
    return {
      sent: r.sent,
      received: r.received,
      min: Math.min(...ms),
      avg: ms.reduce((a, b) => a + b, 0) / Math.max(1, ms.length),
      max: Math.max(...ms),
      note: r.error ?? (r.corrupt > 0 ? `${r.corrupt} corrupt` : ''),
    };
  }

  async exchange(to: string, port: number, data: Uint8Array): Promise<Uint8Array | null> {
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    try {
      return await new Promise<Uint8Array | null>((done, fail) => {
        const timer = setTimeout(() => done(null), ANSWER_MS);
        socket.once('message', (message) => {
          clearTimeout(timer);
          done(message);
        });
        socket.once('error', fail);
        socket.send(data, port, to, (error) => {
          if (error !== null) fail(error);
        });
      });
    } finally {
      socket.close();
    }
  }

  fetch(host: string, port: number, path: string): Promise<Fetched> {
    return linuxFetch(host, port, path);
  }

  serveHttp(address: string, port: number): Promise<Closer> {
    return linuxServe(address, port);
  }

  async serveEcho(address: string, port: number): Promise<Closer> {
    const socket: Socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (message, from) => socket.send(message, from.port, from.address));
    await new Promise<void>((done, fail) => {
      socket.once('error', fail);
      socket.bind(port, address, done);
    });
    return { close: () => void socket.close() };
  }
}

/** iputils' ping; its own count of replies and their times. */
async function runPing(
  program: string,
  to: string,
  size: number,
  count: number,
): Promise<EchoResult> {
  const seconds = `${INTERVAL_MS / 1000}`;
  const limits = ['-c', `${count}`, '-i', seconds, '-W', `${WAIT_S}`];
  const child = spawn(program, ['-n', '-q', ...limits, '-s', `${size}`, to], {
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  let complaint = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  await new Promise((done) => child.once('close', done));
  const counts = /(\d+) packets transmitted, (\d+) received/.exec(text);
  const times = /= ([\d.]+)\/([\d.]+)\/([\d.]+)\//.exec(text);
  const [min, avg, max] = [1, 2, 3].map((i) => Number(times?.[i] ?? 0));
  return {
    sent: Number(counts?.[1] ?? count),
    received: Number(counts?.[2] ?? 0),
    min: min!,
    avg: avg!,
    max: max!,
    note: complaint.trim().split('\n')[0]!,
  };
}
