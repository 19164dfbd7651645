/** Connections with Fast Open (RFC 7413): that we open to servers of the kernel, and the kernel's clients to ours. */
import type { Server } from 'node:net';
import { FAST_OPEN } from '../../src/tcp/fast-open-option.ts';
import { check, linux } from './lab.ts';
import type { OurEnd } from './tcp-end.ts';
import { linuxCounters, linuxServer, setTcpSysctl } from './tcp-linux.ts';
import { type Family, type Meeting, OURS, THEIRS } from './tcp-meeting.ts';

const FAST_PORT = 4100;
const OUR_PORT = 4101;
/** Data of SYNs is taken, and every listener does so; what the kernel has by default. */
const ALL_LISTENERS = 0x403;
const USUAL = 1;
const REQUEST = Buffer.from('what travels in the SYN, if it may'.repeat(30));
const scratch = new Uint8Array(1 << 16);

/** One question and its answer; how many bytes of it were in the SYN. */
async function ask(m: Meeting, family: Family): Promise<{ inSyn: number; isTaken: boolean }> {
  const { end, taken } = await m.ends.connectFast(THEIRS[family], FAST_PORT, REQUEST);
  if (typeof end === 'number') throw new Error(`connect: ${end}`);
  await end.write(REQUEST.subarray(taken));
  let got = '';
  while (got.length < REQUEST.length) {
    const n = await end.read(scratch);
    if (n <= 0) throw new Error(`read ${n} behind ${got.length} bytes`);
    got += Buffer.from(scratch.subarray(0, n)).toString();
  }
  const isTaken = end.c.fastOpen?.isTaken === true;
  end.close();
  if (got !== REQUEST.toString()) throw new Error('another answer');
  return { inSyn: taken, isTaken };
}

async function twice(m: Meeting, family: Family): Promise<string | null> {
  const { mib } = m.us.stack.tcp;
  const passive = (): number => linuxCounters().get('TcpExtTCPFastOpenPassive')!;
  const before = passive();
  const active = mib.get('TCPFastOpenActive');
  const first = await ask(m, family);
  const second = await ask(m, family);
  const seen = [first.inSyn, second.inSyn, second.isTaken, passive() - before];
  const counted = mib.get('TCPFastOpenActive') - active;
  const isRight = first.inSyn === 0 && second.inSyn === REQUEST.length && second.isTaken;
  return isRight && passive() - before === 1 && counted === 1 ? null : seen.join(', ');
}

/** The kernel has another key: what we know is good for nothing, and it says what is. */
async function anotherKey(m: Meeting): Promise<string | null> {
  setTcpSysctl('fastopen_key', '01234567-89abcdef-01234567-89abcdef');
  const { mib } = m.us.stack.tcp;
  const failed = mib.get('TCPFastOpenActiveFail');
  const first = await ask(m, 'v4');
  const second = await ask(m, 'v4');
  const fails = mib.get('TCPFastOpenActiveFail') - failed;
  const isRight = !first.isTaken && first.inSyn > 0 && second.isTaken && fails === 1;
  return isRight ? null : JSON.stringify({ first, second, fails });
}

/** Answers a request with a line. */
async function answer(end: OurEnd): Promise<void> {
  await end.read(scratch);
  await end.write(
    Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfast\n'),
  );
  end.close();
}

/** curl asks for a cookie; the next time its request is in the SYN, and answered before the handshake is over. */
async function curlTwice(m: Meeting, family: Family): Promise<string | null> {
  const { mib } = m.us.stack.tcp;
  const before = ['TCPFastOpenCookieReqd', 'TCPFastOpenPassive'].map((n) => mib.get(n as never));
  const host = family === 'v4' ? OURS.v4 : `[${OURS.v6}]`;
  const seen: unknown[] = [];
  for (let i = 0; i < 2; i++) {
    const { status, output } = await linux(
      `curl -gsS -m 10 --tcp-fastopen http://${host}:${OUR_PORT}/`,
    );
    seen.push(status, output.trim());
  }
  seen.push(
    mib.get('TCPFastOpenCookieReqd') - before[0]!,
    mib.get('TCPFastOpenPassive') - before[1]!,
  );
  return `${seen}` === '0,fast,0,fast,1,1' ? null : `${seen}`;
}

export async function isOpenedFast(m: Meeting): Promise<void> {
  const { config } = m.us.stack.tcp;
  config.fastOpen |= FAST_OPEN.SERVER;
  for (const family of ['v4', 'v6'] as const) {
    m.ends.listen(OURS[family], OUR_PORT, (end) => void answer(end), 16);
    await check(`fast open from Linux, ${family}: a cookie, then the request in the SYN`, () =>
      curlTwice(m, family),
    );
  }
  config.fastOpen &= ~FAST_OPEN.SERVER;
}

export async function fastOpens(m: Meeting): Promise<void> {
  setTcpSysctl('fastopen', ALL_LISTENERS);
  const servers: Server[] = [];
  for (const family of ['v4', 'v6'] as const) {
    const serve = linuxServer(THEIRS[family], FAST_PORT, (end) => end.socket.pipe(end.socket));
    servers.push(await serve);
  }
  for (const family of ['v4', 'v6'] as const) {
    await check(`fast open to Linux, ${family}: a cookie, then data in the SYN`, () =>
      twice(m, family),
    );
  }
  await check('fast open to Linux: another key, another cookie', () => anotherKey(m));
  for (const server of servers) server.close();
  setTcpSysctl('fastopen', USUAL);
}
