/** curl from Linux to a few lines of HTTP on our side, and the other way round. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, linux, SEED } from './lab.ts';
import { fillStream, type OurEnd } from './tcp-end.ts';
import { type Family, type Meeting, OURS, THEIRS } from './tcp-meeting.ts';

const BYTES = 5_000_003;
const HTTP = 80;

function page(seed: number): Uint8Array {
  const bytes = new Uint8Array((BYTES + 3) & ~3);
  fillStream(bytes, 0, seed);
  return bytes.subarray(0, BYTES);
}

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
const latin1 = (text: string) => new TextEncoder().encode(text);

async function serve(end: OurEnd, body: Uint8Array): Promise<void> {
  const buffer = new Uint8Array(4096);
  let request = '';
  while (!request.includes('\r\n\r\n')) {
    const n = await end.read(buffer);
    if (n <= 0) break;
    request += Buffer.from(buffer.subarray(0, n)).toString('latin1');
  }
  await end.write(
    latin1(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`),
  );
  await end.write(body);
  end.close();
}

async function fetchFrom(m: Meeting, family: Family, port: number): Promise<Uint8Array> {
  const end = await m.ends.connect(THEIRS[family], port);
  if (typeof end === 'number') throw new Error(`connect: ${end}`);
  await end.write(latin1('GET /page HTTP/1.0\r\nHost: linux\r\n\r\n'));
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(65536);
  for (let n = await end.read(buffer); n > 0; n = await end.read(buffer)) {
    parts.push(buffer.slice(0, n));
  }
  end.close();
  const answer = Buffer.concat(parts);
  return answer.subarray(answer.indexOf('\r\n\r\n') + 4);
}

export async function curls(m: Meeting): Promise<void> {
  const ours = page(SEED);
  const theirs = page(SEED + 1);
  const dir = mkdtempSync(join(tmpdir(), 'ringway-curl-'));
  const server = createServer((_request, response) => response.end(theirs));
  await new Promise<void>((done) => server.listen(HTTP, '::', done));
  for (const family of ['v4', 'v6'] as const) {
    m.ends.listen(OURS[family], HTTP, (end) => void serve(end, ours));
    await check(`curl fetches ${BYTES} bytes from us, ${family}`, async () => {
      const host = family === 'v4' ? OURS.v4 : `[${OURS.v6}]`;
      const path = join(dir, family);
      const { status, output } = await linux(`curl -gsS -m 30 -o ${path} http://${host}/page`);
      const isSame = status === 0 && sha256(readFileSync(path)) === sha256(ours);
      return isSame ? null : `curl ${status}: ${output}`;
    });
    await check(`we fetch ${BYTES} bytes from Linux, ${family}`, async () => {
      const got = await fetchFrom(m, family, HTTP);
      return sha256(got) === sha256(theirs) ? null : `${got.length} bytes, or others`;
    });
  }
  server.close();
  rmSync(dir, { recursive: true });
}
