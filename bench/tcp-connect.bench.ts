/**
 * TCP connections set up and torn down between two stacks in one process: processor time for each, both ends
 * counted. Handshake, close by the client, close by the server, and the TIME-WAIT that is left; no text, no system
 * calls. The clocks then pass the minute of TIME-WAIT, and the ports are free for the next round.
 *
 *     npm run bench -- tcp-connect
 */
import type { Stack } from '../src/stack/stack.ts';
import { tcpClose } from '../src/tcp/user-calls.ts';
import { median, range } from './quantile.ts';
import { TcpRig } from './tcp/rig.ts';

const ROUNDS = 5;
/** Fewer than there are ephemeral ports. */
const PER_ROUND = 10_000;
/** Connections that are under way at once: what a ring takes without loss. */
const CONCURRENCY: readonly number[] = [1, 16, 128];
const TIME_WAIT_OVER_NS = 61e9;

const endpoints = (stack: Stack): number => stack.tcp.demux.size;

class Connector {
  readonly rig = new TcpRig({ caps: { txChecksum: true, rxChecksum: true } });
  private opened = 0;
  private closed = 0;

  constructor() {
    const { rig } = this;
    rig.listen((c) => {
      // The client's ACK carries its FIN, as a rule: then the stream has ended before anybody accepts.
      if (c.isFinReceived) {
        tcpClose(c);
        return;
      }
      c.setOwner({
        readable: () => tcpClose(c), // nothing is ever sent: it is the end of the stream
        writable: () => undefined,
        closed: (errno) => {
          throw new Error(`closed: errno ${errno}`);
        },
      });
    });
  }

  private open(): void {
    this.opened++;
    this.rig.connect((c) => {
      tcpClose(c);
      this.closed++;
    });
  }

  /** Nanoseconds of processor time a connection, from the first SYN until only TIME-WAITs are left. */
  round(concurrency: number): number {
    const { rig } = this;
    this.opened = 0;
    this.closed = 0;
    const before = process.cpuUsage();
    while (this.closed < PER_ROUND) {
      while (this.opened < PER_ROUND && this.opened - this.closed < concurrency) this.open();
      rig.turn();
    }
    for (let i = 0; i < 10; i++) rig.turn();
    const { user, system } = process.cpuUsage(before);
    this.check();
    return ((user + system) * 1000) / PER_ROUND;
  }

  private check(): void {
    const { a, b } = this.rig;
    if (endpoints(b) !== 0) throw new Error(`${endpoints(b)} are left at the server`);
    if (endpoints(a) !== PER_ROUND) throw new Error(`${endpoints(a)} TIME-WAITs`);
    a.env.nowNs += TIME_WAIT_OVER_NS;
    b.env.nowNs += TIME_WAIT_OVER_NS;
    this.rig.turn();
    if (endpoints(a) !== 0) throw new Error('TIME-WAIT does not end');
  }
}

console.log('under way   thousand connections/s (lowest–highest)   µs of processor each');
for (const concurrency of CONCURRENCY) {
  const connector = new Connector();
  connector.round(concurrency);
  const rounds = Array.from({ length: ROUNDS }, () => connector.round(concurrency));
  const rates = range(
    rounds.map((ns) => 1e6 / ns),
    1,
  );
  const us = (median(rounds) / 1000).toFixed(1);
  console.log(`${String(concurrency).padStart(9)}   ${rates.padEnd(41)}   ${us}`);
}
