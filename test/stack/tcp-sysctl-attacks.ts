/** Proofs of the sysctls that are about attackers; `tcp-sysctl-acts.test.ts` runs them. */
import { TcpHarness } from '../tcp/tcp-harness.ts';
import { type Act, byDefault, PLAIN, type Setter, setting, talk } from './tcp-sysctl-rig.ts';

export const ATTACK_ACTS: Readonly<Record<string, Act>> = {
  'net.ipv4.tcp_challenge_ack_limit': (t, name) => {
    /** Of 40 resets in the window, in each of 20 seconds, so many are challenged. */
    const challenged = (set: Setter): number[] => {
      const h = new TcpHarness();
      setting('net.ipv4.tcp_invalid_ratelimit', '0')(h.tcp);
      set(h.tcp);
      h.passive();
      h.trace = [];
      return Array.from({ length: 20 }, (_, i) => {
        const before = h.mib('TCPChallengeACK');
        h.run(`${i + 1}.5 < R 1001:1001(0)\n`.repeat(40));
        return h.mib('TCPChallengeACK') - before;
      });
    };
    t.ok(challenged(byDefault).every((n) => n === 40));
    t.ok(challenged(setting(name, '0')).every((n) => n === 0));
    const counts = challenged(setting(name, '10'));
    t.ok(
      counts.every((n) => n >= 5 && n <= 14),
      counts.join(' '),
    );
    t.ok(new Set(counts).size > 3, 'nobody can count on a number');
  },
  'net.ipv4.tcp_invalid_ratelimit': (_t, name) => {
    const twice = (second: string) => `
      0.1    < . 900001:900001(0) ack 1
      0.1    > . 1:1(0) ack 1
      0.2    < . 900001:900001(0) ack 1
      ${second}`;
    talk(byDefault, PLAIN, twice('0.2 nothing'));
    talk(setting(name, '0'), PLAIN, twice('0.2 > . 1:1(0) ack 1'));
  },
  'net.ipv4.tcp_max_orphans': (t, name) => {
    const closing = `
      0.1   write 100
      0.1   > P. 1:101(100) ack 1
      0.1   close`;
    t.doesNotThrow(() =>
      talk(byDefault, PLAIN, `${closing}\n0.1 > F. 101:101(0) ack 1\n0.1 mib TCPAbortOnMemory 0`),
    );
    t.doesNotThrow(() =>
      talk(setting(name, '0'), PLAIN, `${closing}\n0.1 > R. 101:101(0) ack 1\n0.1 state CLOSED`),
    );
  },
  'net.ipv4.tcp_mem': (_t, name) => {
    /** A page is taken at 0.1 and given back at 0.3. */
    const held = (block: string, pressures: number, ms: number) => `
      0.1 < . 1001:2001(1000) ack 1
      0.1 > . 1:1(0) ack 1 ${block}
      0.2 < . 1:1001(1000) ack 1
      0.2 > . 1:1(0) ack ${block === '' ? 1001 : 2001}
      0.3 read ${block === '' ? 1000 : 2000}
      0.3 mib TCPMemoryPressures ${pressures}
      0.3 mib TCPMemoryPressuresChrono ${ms}
      0.3 mib TCPOFODrop ${block === '' ? 1 : 0}`;
    const kept = '<sack 1001:2001>';
    talk(byDefault, PLAIN, held(kept, 0, 0));
    talk(setting(name, '1 2 100'), PLAIN, held(kept, 1, 200));
    talk(setting(name, '0 2 100'), PLAIN, held(kept, 1, 0)); // it does not end
    talk(setting(name, '1 2 3'), PLAIN, held('', 1, 100));
  },
  'net.ipv4.tcp_rfc1337': (t, name) => {
    const ends = `
      0.1   close
      0.1   > F. 1:1(0) ack 1
      0.2   < F. 1:1(0) ack 2
      0.2   > . 2:2(0) ack 2
      1     < R 2:2(0)`;
    t.doesNotThrow(() => talk(byDefault, PLAIN, `${ends}\n1 state CLOSED`));
    t.doesNotThrow(() => talk(setting(name, '1'), PLAIN, `${ends}\n1 state TIME-WAIT`));
  },
};
