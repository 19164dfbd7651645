/** Bytes both ways, with a hash of them at each end; many short connections; every combination of options. */
import { createHash } from 'node:crypto';
import { check, isLong, SEED, type World } from './lab.ts';
import { fillStream, type OurEnd } from './tcp-end.ts';
import { LinuxEnd, setTcpSysctl } from './tcp-linux.ts';
import { type Family, type Meeting, OURS, type Pair, PORT, THEIRS } from './tcp-meeting.ts';

const MB = 1 << 20;
const GB = 1024 * MB;
/** Without a vnet header: what it shows of frames of 1,448 bytes it has shown after a quarter, and a test file has five minutes. */
const PLAIN_BULK = GB / 4;
const SHORT = isLong ? 10_000 : 1000;
/** Open at the same time. */
const AT_ONCE = 50;
const BLOCK = 256 * 1024;

interface Sum {
  readonly bytes: number;
  readonly sha256: string;
}

/** Writes `bytes`, in pieces that are no multiple of anything, and ends the stream. */
async function send(
  bytes: number,
  seed: number,
  write: (data: Uint8Array) => Promise<unknown>,
): Promise<Sum> {
  const hash = createHash('sha256');
  for (let done = 0, i = 0; done < bytes; i++) {
    const size = Math.min(bytes - done, BLOCK - ((i * 4099) & 0xffff));
    const data = new Uint8Array((size + 3) & ~3);
    fillStream(data, done, seed);
    const part = data.subarray(0, size);
    hash.update(part);
    await write(part);
    done += size;
  }
  return { bytes, sha256: hash.digest('hex') };
}

async function weSend(end: OurEnd, bytes: number, seed: number): Promise<Sum> {
  const sum = await send(bytes, seed, async (data) => {
    const n = await end.write(data);
    if (n !== data.length) throw new Error(`write: ${n}`);
  });
  end.shutdown();
  return sum;
}

async function theySend(end: LinuxEnd, bytes: number, seed: number): Promise<Sum> {
  const sum = await send(bytes, seed, async (data) => {
    if (!(await end.write(data))) throw new Error(`Linux' write: ${end.error}`);
  });
  end.shutdown();
  return sum;
}

async function weReceive(end: OurEnd): Promise<Sum> {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(BLOCK);
  for (let bytes = 0; ; ) {
    const n = await end.read(buffer);
    if (n < 0) throw new Error(`read: ${n} after ${bytes} bytes`);
    if (n === 0) return { bytes, sha256: hash.digest('hex') };
    hash.update(buffer.subarray(0, n));
    bytes += n;
  }
}

async function theyReceive(end: LinuxEnd): Promise<Sum> {
  const hash = createHash('sha256');
  let bytes = 0;
  await end.read((data) => {
    hash.update(data);
    bytes += data.length;
  });
  return { bytes, sha256: hash.digest('hex') };
}

/** So many bytes each way at the same time (0: only the end of the stream), then both close. */
export async function exchange(pair: Pair, toUs: number, toThem: number): Promise<string | null> {
  const { ours, theirs } = pair;
  const [sentThere, got, sent, gotThere] = await Promise.all([
    theySend(theirs, toUs, SEED),
    weReceive(ours),
    weSend(ours, toThem, SEED + 1),
    theyReceive(theirs),
  ]);
  ours.close();
  await theirs.over();
  if (got.bytes !== sentThere.bytes || got.sha256 !== sentThere.sha256) {
    return `to us: ${got.bytes} of ${sentThere.bytes} bytes, or others`;
  }
  if (gotThere.bytes !== sent.bytes || gotThere.sha256 !== sent.sha256) {
    return `to Linux: ${gotThere.bytes} of ${sent.bytes} bytes, or others`;
  }
  return theirs.error === '' ? null : theirs.error;
}

/** The peer's timestamps, SACK and window scaling on and off, both families, either opens. */
export async function optionCombinations(m: Meeting): Promise<void> {
  for (let bits = 0; bits < 8; bits++) {
    const [timestamps, sack, window_scaling] = [bits & 1, (bits >> 1) & 1, (bits >> 2) & 1];
    const names = Object.entries({ timestamps, sack, window_scaling });
    for (const [name, value] of names) setTcpSysctl(name, value!);
    const title = names.filter(([, on]) => on).map(([name]) => name);
    for (const family of ['v4', 'v6'] as const) {
      await check(`${family}, the peer has ${title.join(', ') || 'no options'}`, async () => {
        for (const opener of ['us', 'Linux'] as const) {
          const pair = await m.pair(family, opener);
          const a = pair.ours.c.agreed;
          const agreed = [a.hasTimestamps, a.hasSack, a.hasWindowScale].map(Number);
          if (agreed.join() !== [timestamps, sack, window_scaling].join())
            return `agreed ${agreed}`;
          const failed = await exchange(pair, MB / 4, MB / 4);
          if (failed !== null) return `${opener} opened: ${failed}`;
        }
        return null;
      });
    }
  }
  for (const name of ['timestamps', 'sack', 'window_scaling']) setTcpSysctl(name, 1);
}

/** TRANSFER_MB for a very long run: 10,000 and more. */
function bulkBytes(world: World): number {
  const { TRANSFER_MB } = process.env;
  if (TRANSFER_MB !== undefined) return Number(TRANSFER_MB) * MB;
  return isLong || world === 'tap' || world === 'packet' ? GB : PLAIN_BULK;
}

export async function transfers(m: Meeting, world: World): Promise<void> {
  const bulk = bulkBytes(world);
  for (const family of ['v4', 'v6'] as const) {
    const size = `${bulk / MB} MiB`;
    await check(`${size} from Linux, same SHA-256, ${family}`, async () =>
      exchange(await m.pair(family, 'Linux'), bulk, 0),
    );
    await check(`${size} to Linux, same SHA-256, ${family}`, async () =>
      exchange(await m.pair(family, 'us'), 0, bulk),
    );
    await check(`${size} both ways at once, same SHA-256, ${family}`, async () =>
      exchange(await m.pair(family, 'Linux'), bulk / 2, bulk / 2),
    );
  }
}

export async function shortConnections(m: Meeting): Promise<void> {
  for (const opener of ['us', 'Linux'] as const) {
    const them = opener === 'us' ? 'Linux' : 'us';
    await check(`${SHORT} short connections from ${opener} to ${them}`, async () => {
      const families: Family[] = Array.from({ length: SHORT }, (_, i) => (i & 1 ? 'v6' : 'v4'));
      const failed: string[] = [];
      const worker = async () => {
        for (let family = families.pop(); family !== undefined; family = families.pop()) {
          const why = await (opener === 'us' ? weAsk(m, family) : theyAsk(m, family));
          if (why !== null) failed.push(why);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      if (failed.length > 0) return `${failed.length} of ${SHORT} failed: ${failed[0]}`;
      return null;
    });
  }
}

const REQUEST = new TextEncoder().encode('how are you?');

/** Port + 1 on either side gives back what it gets, up to the end. */
async function weAsk(m: Meeting, family: Family): Promise<string | null> {
  const end = await m.ends.connect(THEIRS[family], PORT + 1);
  if (typeof end === 'number') return `connect: ${end}`;
  await end.write(REQUEST);
  end.shutdown();
  const buffer = new Uint8Array(64);
  let got = 0;
  let n = await end.read(buffer);
  for (; n > 0; n = await end.read(buffer.subarray(got))) got += n;
  end.close();
  const isSame = n === 0 && Buffer.compare(buffer.subarray(0, got), REQUEST) === 0;
  return isSame ? null : `answer: ${got} bytes, then ${n}`;
}

export async function theyAsk(_m: Meeting, family: Family): Promise<string | null> {
  const end = await LinuxEnd.connect(OURS[family], PORT + 1);
  const parts: Uint8Array[] = [];
  const all = end.read((data) => parts.push(data));
  await end.write(REQUEST);
  end.shutdown();
  await all;
  const error = await end.over();
  const isSame = Buffer.concat(parts).equals(REQUEST);
  return isSame && error === '' ? null : `answer: ${Buffer.concat(parts)} ${error}`;
}
