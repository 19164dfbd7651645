/** What TCP's sysctls about ports and TIME-WAIT change, seen from outside. */
import type { Test } from 'tap';
import { SEC } from '../../src/base/time.ts';
import { writeTcpSysctl } from '../../src/stack/tcp-sysctl.ts';
import type { Listener } from '../../src/tcp/listener.ts';
import { closeListener } from '../../src/tcp/listener-close.ts';
import { TcpSettings } from '../../src/tcp/tcp-settings.ts';
import { plainFrom, tcpListen } from '../../src/tcp/user-calls.ts';
import { ANY6 } from '../../src/wire/address.ts';
import { OnePort, SERVER } from '../tcp/one-port.ts';
import { End, PORT, TcpPair } from '../tcp/tcp-pair.ts';

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
  'net.ipv4.tcp_migrate_req': (t, name) => {
    /** Of twenty connections that wait in two listeners, one of which closes. */
    const waiting = (value: string): number => {
      const pair = new TcpPair({ seed: 1 });
      t.equal(writeTcpSysctl(pair.server.tcp, name, value), 0);
      const settings = new TcpSettings();
      settings.change({ isReusePort: true });
      const from = { ...plainFrom(pair.server.tcp, ANY6, PORT), settings };
      const [first, second] = [0, 1].map(() =>
        tcpListen(pair.server.tcp, from, 100, { acceptable: () => undefined }),
      ) as [Listener, Listener];
      for (let i = 0; i < 20; i++) {
        pair.connect({ established: () => undefined, failed: () => undefined });
      }
      pair.sim.run(pair.sim.nowNs + SEC);
      t.equal(first.waiting + second.waiting, 20);
      pair.hosts[1]!.after(0, () => closeListener(pair.server.tcp, first));
      pair.sim.run(pair.sim.nowNs + SEC);
      return second.waiting;
    };
    const few = waiting('0');
    t.ok(few > 2 && few < 18, `${few}`);
    t.equal(waiting('1'), 20);
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
