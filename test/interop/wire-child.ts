/** What a stack of ours and the kernel do at the two ends of one wire: `node wire-child.ts WORLD`. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rng } from '../../src/base/rng.ts';
import { LiveDriver } from '../../src/live/driver.ts';
import { openMemory } from '../../src/live/native-sum.ts';
import { ICMP4, ICMP6 } from '../../src/wire/icmp.ts';
import { address, check, connect, isLong, linux, SEED, Station, until, type World } from './lab.ts';
import { malformedFlood } from './malformed.ts';

const world = process.argv[2] as World;
const memory = openMemory();
const driver = new LiveDriver();
const device = await connect(world, memory, 'wire0', ['10.9.0.1/24', 'fd09::1/64']);
const us = new Station(driver, memory, device, SEED, ['10.9.0.2/24', 'fd09::2/64']);

/** Nothing, odd, one frame exactly, one byte more, several fragments, the most there is. */
const SIZES4 = [0, 1, 8, 56, 1472, 1473, 4000, 65507];
const SIZES6 = [0, 1, 8, 56, 1452, 1453, 4000, 65487];
const FLOOD = isLong ? 1_000_000 : 10_000;

/** One request a run: then ping waits its full limit, not twice the longest round trip seen so far. */
async function pingsOf(to: string, size: number): Promise<string | null> {
  for (let i = 0; i < 2; i++) {
    const { status, output } = await linux(`ping -n -c 1 -W 10 -s ${size} ${to}`);
    if (status !== 0 || !output.includes(' 0% packet loss')) return output;
  }
  return null;
}

function answered(to: string): number {
  const { icmp4, icmp6 } = us.stack.net.mib;
  return to.includes(':') ? icmp6.outType[ICMP6.ECHO_REPLY]! : icmp4.outType[ICMP4.ECHO_REPLY]!;
}

async function flood(to: string): Promise<string | null> {
  const limitSec = 60 + FLOOD / 1000;
  const before = answered(to);
  // With -w it goes on until so many replies are there: what it sent beyond them was still under way.
  const command = `ping -n -q -f -c ${FLOOD} -w ${limitSec} ${to}`;
  const { status, output } = await linux(command, (limitSec + 10) * 1000);
  const counts = /(\d+) packets transmitted, (\d+) received/.exec(output);
  const sent = Number(counts?.[1]);
  const isAllAnswered = await until(() => answered(to) - before === sent, 1000);
  const isComplete = status === 0 && Number(counts?.[2]) === FLOOD && sent - FLOOD <= 2;
  return isComplete && isAllAnswered ? null : `answered ${answered(to) - before}: ${output}`;
}

/** socat sends each file as one datagram and keeps what comes back. */
async function socatAsks(to: string, sizes: readonly number[]): Promise<string | null> {
  const dir = mkdtempSync(join(tmpdir(), 'ringway-socat-'));
  const random = new Rng(SEED).stream('socat');
  try {
    const results = await Promise.all(
      sizes.map(async (size, i) => {
        const sent = new Uint8Array(size).map(() => random.int32() & 255);
        writeFileSync(join(dir, `${i}.in`), sent);
        const ends = `OPEN:${dir}/${i}.in,rdonly!!CREATE:${dir}/${i}.out ${to}`;
        const { status, output } = await linux(`socat -b 70000 -t 2 ${ends}`);
        const back = status === 0 ? readFileSync(join(dir, `${i}.out`)) : Buffer.alloc(0);
        return back.equals(sent) ? null : `${size} bytes: ${back.length} came back ${output}`;
      }),
    );
    return results.find((r) => r !== null) ?? null;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** socat answers; we ask, with random sizes. */
async function weAsk(
  to: string,
  listen: string,
  port: number,
  sizes: readonly number[],
): Promise<string | null> {
  const server = spawn('socat', ['-b', '70000', listen, 'PIPE'], { stdio: 'ignore' });
  const table = listen.startsWith('UDP6') ? '/proc/net/udp6' : '/proc/net/udp';
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  const s = us.stack.udp.open('dual');
  s.rcvbufBytes = 1 << 20;
  try {
    if (!(await until(() => readFileSync(table, 'utf8').includes(hex))))
      return 'socat does not listen';
    const random = new Rng(SEED).stream('ask');
    for (const size of sizes) {
      const data = new Uint8Array(size).map(() => random.int32() & 255);
      const failed = await us.askEcho(s, to, port, data);
      if (failed !== null) return failed;
    }
    return null;
  } finally {
    server.kill();
    us.stack.udp.close(s);
  }
}

function randomSizes(count: number, most: number): number[] {
  const random = new Rng(SEED).stream(`sizes ${most}`);
  return [1, most, ...Array.from({ length: count - 2 }, () => 1 + random.below(most))];
}

await check('every address passes duplicate address detection', async () =>
  (await until(() => us.isSettled())) ? null : 'still tentative',
);
for (const size of SIZES4) {
  await check(`Linux pings us, IPv4, ${size} bytes`, () => pingsOf('10.9.0.2', size));
  await check(`we ping Linux, IPv4, ${size} bytes`, () => us.ping('10.9.0.1', size, size & 0xffff));
}
for (const size of SIZES6) {
  await check(`Linux pings us, IPv6, ${size} bytes`, () => pingsOf('fd09::2', size));
  await check(`we ping Linux, IPv6, ${size} bytes`, () => us.ping('fd09::1', size, size & 0xffff));
}
await check(`a flood of ${FLOOD} pings loses none, IPv4`, () => flood('10.9.0.2'));
await check(`a flood of ${FLOOD} pings loses none, IPv6`, () => flood('fd09::2'));
await check('arping finds our address', async () => {
  const { status, output } = await linux('arping -c 3 -w 10 -I wire0 10.9.0.2');
  const mac = us.device.mac.toString().toUpperCase();
  return status === 0 && output.includes(`[${mac}]`) ? null : output;
});
await check('arping detects that our address is taken', async () => {
  const { status, output } = await linux('arping -D -c 2 -w 10 -I wire0 10.9.0.2');
  return status === 1 ? null : output;
});
await check('tracepath reaches us', async () => {
  const { status, output } = await linux('tracepath -n 10.9.0.2');
  return status === 0 && output.includes('reached') ? null : output;
});
us.serveEcho(7);
await check('socat gets its datagrams back, IPv4', () =>
  socatAsks('UDP4:10.9.0.2:7', randomSizes(20, 65507)),
);
await check('socat gets its datagrams back, IPv6', () =>
  socatAsks('UDP6:[fd09::2]:7', randomSizes(20, 65527)),
);
await check('socat gives our datagrams back, IPv4', () =>
  weAsk('10.9.0.1', 'UDP4-LISTEN:9007', 9007, randomSizes(40, 65507)),
);
await check('socat gives our datagrams back, IPv6', () =>
  weAsk('fd09::1', 'UDP6-LISTEN:9007', 9007, randomSizes(40, 65507)),
);
await check('a closed port of Linux refuses a connected socket', async () => {
  const { udp } = us.stack;
  const s = udp.open('ipv4');
  udp.connect(s, address('10.9.0.1'), 9);
  driver.kick();
  udp.send(s, new Uint8Array(3));
  const told = await until(() => s.pendingError !== 0);
  const errno = udp.takeError(s);
  udp.close(s);
  return told && errno === 111 ? null : `SO_ERROR ${errno}`;
});
await malformedFlood(us, 'wire0', pingsOf);
await check('closing leaves no memory held', async () => {
  us.close();
  driver.close();
  const { cells, chunks } = memory;
  // The loopback device keeps the chunk it fills.
  return cells.held === 0 && chunks.held <= 1 ? null : `${cells.held} cells, ${chunks.held} chunks`;
});
