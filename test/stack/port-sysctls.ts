/** What TCP's sysctls about ports and TIME-WAIT change, seen from outside. */
import type { Test } from 'tap';
import { writeTcpSysctl } from '../../src/stack/tcp-sysctl.ts';
import { OnePort, SERVER } from '../tcp/one-port.ts';
import { End } from '../tcp/tcp-pair.ts';

type Settings = Readonly<Record<string, string>>;

/** A client with one port connects again, so long after its first connection; and how many TIME-WAITs there were. */
function reconnected(settings: Settings, afterMs: number): { error: string; waits: number } {
  const one = new OnePort();
  for (const [name, value] of Object.entries(settings)) {
    if (writeTcpSysctl(one.client.tcp, name, value) !== 0) throw new Error(name);
  }
  one.comeAndGo();
  const waits = one.client.tcp.timeWaits.size;
  one.run(afterMs);
  const error = one.connect(new End(0), SERVER, one.any());
  one.end();
  return { error, waits };
}

const REUSE = 'net.ipv4.tcp_tw_reuse';
const BUSY = 'EADDRNOTAVAIL';

export const PORT_SYSCTLS: Readonly<Record<string, (t: Test, name: string) => void>> = {
  'net.ipv4.tcp_max_tw_buckets': (t, name) => {
    t.same(reconnected({}, 0), { error: BUSY, waits: 1 });
    t.same(reconnected({ [name]: '0' }, 0), { error: '', waits: 0 });
  },
  [REUSE]: (t, name) => {
    t.equal(reconnected({}, 2000).error, BUSY);
    t.equal(reconnected({ [name]: '1' }, 2000).error, '');
  },
  'net.ipv4.tcp_tw_reuse_delay': (t, name) => {
    t.equal(reconnected({ [REUSE]: '1', [name]: '1000' }, 500).error, BUSY);
    t.equal(reconnected({ [REUSE]: '1', [name]: '400' }, 500).error, '');
  },
};
