/** Thousands of resets at once: each peer is told, unless its device or its route is gone; then that is counted. */
import t from 'tap';
import { ECONNRESET } from '../../src/base/errno.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { closeListener } from '../../src/tcp/listener-close.ts';
import { End, TcpPair } from './tcp-pair.ts';

const WAITING = 2000;
const BATCH = 500;

/** So many connections wait to be accepted; then their listener closes. */
class Crowd {
  readonly pair = new TcpPair({ seed: 9, rateBps: 10e9, delayNs: MS / 10 });
  readonly ends: End[] = [];
  readonly iface = this.pair.server.net.interfaces.at(-1)!;
  private readonly l = this.pair.listen(() => undefined, WAITING, false);

  constructor() {
    this.pair.server.tcp.config.somaxconn = WAITING;
    this.l.setBacklog(WAITING);
    for (let begun = BATCH; begun <= WAITING; begun += BATCH) {
      for (let i = 0; i < BATCH; i++) {
        const end = new End(0, true);
        this.ends.push(end);
        this.pair.connect({ established: (c) => end.attach(c), failed: () => undefined });
      }
      this.pair.sim.runUntil(() => this.l.waiting === begun, this.pair.sim.nowNs + 10 * SEC);
    }
  }

  closeListener(forMs: number): void {
    this.pair.hosts[1]!.after(0, () => closeListener(this.pair.server.tcp, this.l));
    this.run(forMs);
  }

  run(ms: number): void {
    this.pair.sim.run(this.pair.sim.nowNs + ms * MS);
  }

  get told(): number {
    return this.ends.filter((e) => e.closedWith === ECONNRESET).length;
  }

  get lost(): number {
    return this.pair.server.tcp.mib.get('TCPAbortFailed');
  }

  end(): void {
    t.equal(this.pair.server.tcp.resetWait.size, 0, 'nothing waits any more');
    this.pair.end();
  }
}

t.test('a listener closes: all who waited in it are told, within milliseconds', async (t) => {
  const crowd = new Crowd();
  crowd.closeListener(1);
  t.ok(crowd.told > 0 && crowd.told < WAITING, `${crowd.told} after a millisecond`);
  crowd.run(9);
  t.equal(crowd.told, WAITING);
  t.equal(crowd.lost, 0);
  crowd.end();
});

t.test('a device that is full for a while', async (t) => {
  const crowd = new Crowd();
  const { tx } = crowd.iface.device;
  const release = tx.releaseCompleted;
  tx.releaseCompleted = () => undefined;
  crowd.closeListener(500);
  t.ok(crowd.told < WAITING, `${crowd.told} have left`);
  tx.releaseCompleted = release;
  crowd.run(20);
  t.equal(crowd.told, WAITING);
  t.equal(crowd.lost, 0);
  crowd.end();
});

t.test('a device that stays full: after a second they are given up', async (t) => {
  const crowd = new Crowd();
  const { tx } = crowd.iface.device;
  const release = tx.releaseCompleted;
  tx.releaseCompleted = () => undefined;
  crowd.closeListener(1500);
  t.ok(crowd.lost > 0);
  t.equal(crowd.told + crowd.lost, WAITING);
  tx.releaseCompleted = release;
  crowd.end();
});

t.test('an interface that drops what it gets: nothing is waited for', async (t) => {
  const crowd = new Crowd();
  crowd.iface.setDropping(true);
  crowd.closeListener(1);
  t.equal(crowd.lost, WAITING);
  t.equal(crowd.told, 0);
  crowd.end();
});

t.test('a stack that closes forgets them', async (t) => {
  const crowd = new Crowd();
  crowd.closeListener(0.1);
  t.ok(crowd.pair.server.tcp.resetWait.size > 0);
  crowd.pair.server.tcp.closeAll();
  crowd.end();
});
