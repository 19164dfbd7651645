/** Many connections, few pages for all of them, or a device without room: everything arrives, nobody waits for ever, nothing is left. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import type { FaultProfile } from '../../src/path/fault-path.ts';
import { dialogue, type TcpHarness } from './tcp-harness.ts';
import { End, TcpPair } from './tcp-pair.ts';

const EMPTY = { pages: 0, cells: 0, records: 0, flows: 0 };

/** Reads nothing until it is told to. */
class LateReader extends End {
  constructor(bytes: number, isReading: boolean) {
    super(bytes);
    this.isReading = isReading;
  }

  begin(): void {
    this.isReading = true;
    if (this.connection !== null) this.readable();
  }
}

interface Crowd {
  readonly pair: TcpPair;
  readonly ends: LateReader[];
}

/** `n` connections, `bytes` each way. Nobody reads before `lateNs`, */
function crowd(
  n: number,
  bytes: number,
  pages: number,
  lateNs: number,
  faults: FaultProfile = {},
): Crowd {
  const pair = new TcpPair({ seed: 3, rateBps: 1e9, delayNs: 1 * MS, pages, faults });
  const ends: LateReader[] = [];
  let isLate = lateNs > 0;
  const add = (): LateReader => {
    const end = new LateReader(bytes, !isLate);
    ends.push(end);
    return end;
  };
  pair.listen((c) => add().attach(c), n);
  for (let i = 0; i < n; i++) {
    const end = add();
    pair.connect({
      established: (c) => end.attach(c),
      failed: (errno) => {
        end.closedWith = errno;
      },
    });
  }
  for (const host of pair.hosts) {
    host.after(lateNs, () => {
      isLate = false;
      const tcp = host === pair.hosts[0] ? pair.client.tcp : pair.server.tcp;
      for (const end of ends) if (end.connection?.tcp === tcp) end.begin();
    });
  }
  return { pair, ends };
}

/** What went wrong at the ends: nothing, or for how many of them. */
function finish({ pair, ends }: Crowd, bytes: number, limitNs: number): Record<string, number> {
  const until = pair.sim.nowNs + limitNs;
  pair.sim.runUntil(() => ends.every((e) => e.closedWith !== null), until);
  return {
    unfinished: ends.filter((e) => e.closedWith === null).length,
    failed: ends.filter((e) => e.closedWith !== null && e.closedWith !== 0).length,
    wrong: ends.filter((e) => e.wrong >= 0).length,
    short: ends.filter((e) => e.received !== bytes).length,
  };
}

const GOOD = { unfinished: 0, failed: 0, wrong: 0, short: 0 };
const timesShut = ({ pair }: Crowd): number =>
  pair.client.tcp.mib.get('TCPToZeroWindowAdv') + pair.server.tcp.mib.get('TCPToZeroWindowAdv');

t.test('a hundred connections write much both ways with pages for a third of them', (t) => {
  const bytes = 100_000;
  const all = crowd(100, bytes, 64, 0);
  t.same(finish(all, bytes, 120 * SEC), GOOD);
  t.same(all.pair.end(), EMPTY);
  t.end();
});

t.test('nobody reads for a while: windows shut, and open again; nobody gives up', (t) => {
  const bytes = 100_000;
  const all = crowd(100, bytes, 64, 60 * SEC);
  t.same(finish(all, bytes, 600 * SEC), GOOD);
  t.ok(timesShut(all) > 0, 'windows were shut');
  t.same(all.pair.end(), EMPTY);
  t.end();
});

t.test('with one segment in ten lost', (t) => {
  const bytes = 100_000;
  const all = crowd(30, bytes, 8, 0, { loss: 0.1 });
  t.same(finish(all, bytes, 600 * SEC), GOOD);
  t.same(all.pair.end(), EMPTY);
  t.end();
});

t.test('four pages in all', (t) => {
  const bytes = 50_000;
  const all = crowd(20, bytes, 4, 0);
  t.same(finish(all, bytes, 600 * SEC), GOOD);
  t.same(all.pair.end(), EMPTY);
  t.end();
});

/** Text from 2 on beyond a gap; then others have all pages that text beyond a gap may have. */
function gapAndNoPages(h: TcpHarness, text: number): () => void {
  h.settings.change({ rcvbufBytes: 1_000_000 });
  h.passive();
  h.trace = [];
  for (let at = 2; at < 2 + text; at += 1000) h.run(`+0 < . ${at}:${at + 1000}(1000) ack 1`);
  const { pages } = h.rig.memory;
  const hoard: number[] = [];
  while (pages.free > pages.capacity >> 3) hoard.push(pages.take());
  return () => {
    for (const page of hoard) pages.release(page);
  };
}

const FURTHER: readonly [string, (i: number) => number][] = [
  ['one after the other', (i) => 50_002 + 200 * i],
  ['from the far end', (i) => 64_002 - 200 * i],
  ['with gaps', (i) => 50_002 + 210 * i],
];

for (const [order, at] of FURTHER) {
  dialogue(`a segment beyond the gap has nothing else copied, without pages: ${order}`, (t, h) => {
    const after = gapAndNoPages(h, 48_000);
    const { u8 } = h.rig.memory.pages.slab;
    let copied = 0;
    u8.copyWithin = (to, from, end) => {
      copied += end! - from; // it is called with three
      return Uint8Array.prototype.copyWithin.call(u8, to, from, end) as typeof u8;
    };
    let most = 0;
    for (let i = 0; i < 70; i++) {
      copied = 0;
      h.run(`+0 < . ${at(i)}:${at(i) + 200}(200) ack 1`);
      most = Math.max(most, copied);
    }
    t.ok(h.mib('RcvPruned') + h.mib('OfoPruned') > 0, 'there was no room in the end');
    t.ok(most > 0 && most <= 2000, `${most} bytes for a segment of 200`);
    after();
    h.run('+0 abort');
  });
}

dialogue('text beyond the gap that comes again drives nothing away, without pages', (t, h) => {
  const after = gapAndNoPages(h, 49_000);
  for (const at of [2, 2002, 20_002]) h.run(`+0 < . ${at}:${at + 1000}(1000) ack 1`);
  t.equal(h.mib('TCPOFOMerge'), 3, 'it is a duplicate');
  t.equal(h.mib('PruneCalled'), 0);
  t.equal(h.flow.received.beyondBytes, 49_000);
  after();
  h.run('+0 abort');
});

dialogue(
  'who finds no room in the device goes on when there is some, without an ACK',
  (t, h) => {
    h.passive({ rtt: 0.1, options: 'mss 1000,sackOK,wscale 7', win: 65535 });
    h.flow.congestion.view.setCwnd(1000);
    const { wire } = h.rig.port;
    wire.isFull = true;
    h.run('0.2 write 60000');
    t.equal(h.rig.port.sent().length, 0, 'the device is full');
    wire.isFull = false;
    h.rig.settle();
    t.equal(h.rig.port.sent().length, 60, 'all of it has left');
    h.flow.release();
  },
  { txFrames: 16 },
);
