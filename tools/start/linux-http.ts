/**
 * Linux's side of HTTP: curl where it is installed, Node's client where it is not; and a server of Node's, in a
 * process of its own so that it has a core of its own, over the kernel's sockets.
 */
import { fork, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { get } from 'node:http';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Fetched } from './fetched.ts';
import type { Closer } from './udp-client.ts';

const TOOLS = ['/usr/bin/curl', '/usr/bin/sha256sum', '/bin/sh'];
/** Tells curl's own figures from the hash. */
const CURL = `curl -gsS -m 300 -w '%{stderr}%{http_code} %{size_download} %{time_total}' "$0" | sha256sum`;

export function linuxFetch(host: string, port: number, path: string): Promise<Fetched> {
  const name = host.includes(':') ? `[${host}]` : host;
  const url = `http://${name}:${port}${path}`;
  return TOOLS.every((tool) => existsSync(tool)) ? byCurl(url) : byNode(url);
}

function byCurl(url: string): Promise<Fetched> {
  return new Promise((done, fail) => {
    const child = spawn('/bin/sh', ['-c', CURL, url], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (data) => {
      out += data;
    });
    child.stderr.on('data', (data) => {
      err += data;
    });
    child.once('error', fail);
    child.once('close', () => {
      const figures = /(\d{3}) (\d+) ([\d.]+)$/.exec(err);
      const [status, bytes, seconds] = (figures ?? []).slice(1).map(Number);
      const note = figures === null ? err : err.slice(0, figures.index).trim();
      done({
        ...{ status: status ?? 0, bytes: bytes ?? 0, ms: (seconds ?? 0) * 1000, note },
        sha256: out.slice(0, 64),
      });
    });
  });
}

function byNode(url: string): Promise<Fetched> {
  const startMs = performance.now();
  const hash = createHash('sha256');
  let bytes = 0;
  return new Promise((done, fail) => {
    get(url, (response) => {
      response.on('data', (data: Buffer) => {
        hash.update(data);
        bytes += data.length;
      });
      response.once('end', () => {
        const ms = performance.now() - startMs;
        const sha256 = hash.digest('hex');
        done({ status: response.statusCode ?? 0, bytes, sha256, ms, note: '' });
      });
      response.once('error', fail);
    }).once('error', fail);
  });
}

/** Resolves when it listens. It ends with us, however we end. */
export function linuxServe(host: string, port: number): Promise<Closer> {
  const script = new URL(`linux-http-child${extname(import.meta.url)}`, import.meta.url);
  const child = fork(fileURLToPath(script), [host, String(port)]);
  return new Promise((done, fail) => {
    child.once('message', () => done({ close: () => void child.kill() }));
    child.once('exit', (code) => fail(new Error(`the HTTP server of Linux ended with ${code}`)));
    child.once('error', fail);
  });
}
