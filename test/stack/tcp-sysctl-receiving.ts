/** Proofs of the sysctls about what is acknowledged, and the room for it; `tcp-sysctl-acts.test.ts` runs them. */
import { MS, SEC } from '../../src/base/time.ts';
import { tcpReadable } from '../../src/tcp/user-calls.ts';
import { TcpHarness } from '../tcp/tcp-harness.ts';
import { End, TcpPair } from '../tcp/tcp-pair.ts';
import {
  type Act,
  byDefault,
  joined,
  PLAIN,
  type Setter,
  setting,
  talk,
} from './tcp-sysctl-rig.ts';

/** Text beyond a gap, when nobody waits for quick ACKs: what answers the fourth of them. */
function compressed(set: Setter, fourth: string): void {
  const h = new TcpHarness();
  set(h.tcp);
  h.passive({ rtt: 0.05, options: PLAIN });
  h.flow.delack.setInteractive(true);
  h.run(`
    0.1   < . 1001:2001(1000) ack 1
    0.1   > . 1:1(0) ack 1 <sack 1001:2001>
    0.11  < . 2001:3001(1000) ack 1
    0.11  > . 1:1(0) ack 1 <sack 1001:3001>
    0.12  < . 3001:4001(1000) ack 1
    0.12  > . 1:1(0) ack 1 <sack 1001:4001>
    0.13  < . 4001:5001(1000) ack 1
    ${fourth} > . 1:1(0) ack 1 <sack 1001:5001>`);
}

export const RECEIVING_ACTS: Readonly<Record<string, Act>> = {
  'net.ipv4.tcp_comp_sack_delay_ns': (_t, name) => {
    compressed(byDefault, '0.131');
    compressed(setting(name, '2000000'), '0.132');
  },
  'net.ipv4.tcp_comp_sack_nr': (_t, name) => {
    compressed(setting(name, '1'), '0.131');
    compressed(setting(name, '0'), '0.13');
  },
  'net.ipv4.tcp_stdurg': (t, name) => {
    /** Bytes in front of the urgent one, where the pointer says 5. */
    const ahead = (set: Setter): number => {
      const h = new TcpHarness();
      set(h.tcp);
      h.passive();
      h.run('0.1 < PU. 1:11(10) ack 1 urg 5\n0.1 > . 1:1(0) ack 11');
      return tcpReadable(h.flow);
    };
    t.equal(ahead(byDefault), 4);
    t.equal(ahead(setting(name, '1')), 5);
  },
  'net.ipv4.tcp_dsack': (_t, name) => {
    const twice = (block: string) => `
      0.1 < P. 1:501(500) ack 1
      0.1 > . 1:1(0) ack 501
      0.2 < P. 1:501(500) ack 1
      0.2 > . 1:1(0) ack 501 ${block}`;
    talk(byDefault, PLAIN, twice('<sack 1:501>'));
    talk(setting(name, '0'), PLAIN, twice(''));
  },
  'net.ipv4.tcp_moderate_rcvbuf': (t, name) => {
    const buffer = (set: Setter): number => {
      const pair = new TcpPair({ seed: 1, delayNs: 20 * MS });
      set(pair.server.tcp);
      const [client, server] = [new End(5_000_000, true), new End(0, true)];
      pair.listen((c) => server.attach(c));
      pair.connect({ established: (c) => client.attach(c), failed: () => undefined });
      pair.sim.run(pair.sim.nowNs + 5 * SEC);
      return server.connection!.rcvbufBytes;
    };
    t.equal(buffer(setting(name, '0')), 131072);
    t.ok(buffer(byDefault) > 131072);
  },
  'net.ipv4.tcp_rmem': (t, name) => {
    const { client } = joined(setting(name, '4096 50000 60000'), 0);
    t.equal(client.connection!.rcvbufBytes, 50_000);
  },
};
