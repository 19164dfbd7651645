/** Peers that are not there any more: nothing tells us, until we have asked often enough. */
import { ETIMEDOUT } from '../../src/base/errno.ts';
import { check, mustLinux } from './lab.ts';
import type { Meeting, Pair } from './tcp-meeting.ts';

/** tcp_retries2: a second or some seconds of real time, and not 15 minutes. */
const RETRIES = 2;

async function timesOut({ ours, theirs }: Pair, vanish: string): Promise<string | null> {
  theirs.socket.pause();
  await ours.write(new Uint8Array(100));
  await mustLinux(vanish);
  await ours.write(new Uint8Array(100_000));
  const errno = await ours.over();
  const n = await ours.read(new Uint8Array(10));
  ours.close();
  theirs.socket.destroy();
  return errno === ETIMEDOUT && n === -ETIMEDOUT ? null : `errno ${errno}, read ${n}`;
}

export async function vanishing(m: Meeting): Promise<void> {
  const { config } = m.us.stack.tcp;
  const before = config.retries2;
  config.retries2 = RETRIES;
  await check('a peer that lost its address: ETIMEDOUT', async () =>
    timesOut(await m.pair('v4', 'Linux'), 'ip addr del 10.9.0.1/24 dev wire0'),
  );
  await check('a link that went down: ETIMEDOUT', async () =>
    timesOut(await m.pair('v6', 'Linux'), 'ip link set wire0 down'),
  );
  config.retries2 = before;
}
