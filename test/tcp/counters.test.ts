/**
 * What the counters say is what was on the wire: transfers over links that lose, reorder and duplicate, captured at
 * both ends, and counted again from the frames alone (`capture-audit.ts`).
 */
import t, { type Test } from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { CaptureDevice } from '../../src/link/capture.ts';
import { CaptureWriter } from '../../src/link/capture-writer.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { connectionInfo, TcpInfo } from '../../src/tcp/tcp-info.ts';
import { tcpShutdown } from '../../src/tcp/user-calls.ts';
import { Audit, type ExpectedInfo, type Frame, gather, readFrames } from './capture-audit.ts';
import { End, type PairOptions, TcpPair } from './tcp-pair.ts';

const MSS = 1448;

interface Books {
  readonly parts: Uint8Array[];
  readonly writer: CaptureWriter;
}

/** A pair that is captured at both ends; the connection stays open until `finish`. */
class AuditedPair {
  readonly pair: TcpPair;
  readonly ends = [new End(0, true), new End(0, true)] as const;
  private readonly books: Books[] = [];

  constructor(options: PairOptions) {
    this.pair = new TcpPair({
      ...options,
      wrap: (device, env) => {
        const parts: Uint8Array[] = [];
        const write = (u8: Uint8Array, off: number, len: number): number => {
          parts.push(u8.slice(off, off + len));
          return 0;
        };
        const writer = new CaptureWriter(env.memory, env, { write });
        this.books.push({ parts, writer });
        return new CaptureDevice(device, writer);
      },
    });
    const [client, server] = this.ends;
    this.pair.listen((c) => server.attach(c));
    this.pair.connect({ established: (c) => client.attach(c), failed: () => undefined });
    const { sim } = this.pair;
    const isOpen = () => client.connection !== null && server.connection !== null;
    sim.runUntil(isOpen, sim.nowNs + 60 * SEC);
  }

  /** Both ends write so much; over when all has been read and acknowledged, and nothing is on its way. */
  transfer(clientBytes: number, serverBytes: number): void {
    const { sim, hosts } = this.pair;
    const [client, server] = this.ends;
    hosts[0]!.after(0, () => client.send(clientBytes));
    hosts[1]!.after(0, () => server.send(serverBytes));
    const isOver = (): boolean =>
      client.received === serverBytes &&
      server.received === clientBytes &&
      this.ends.every((end) => end.connection!.sendQueue.length === 0);
    sim.runUntil(isOver, sim.nowNs + 600 * SEC);
    sim.run(sim.nowNs + 5 * SEC);
    this.pair.tellTime();
  }

  finish(): void {
    const { sim, hosts } = this.pair;
    for (const [i, end] of this.ends.entries()) {
      hosts[i]!.after(i * 100 * MS, () => tcpShutdown(end.connection!));
    }
    sim.runUntil(() => this.ends.every((end) => end.closedWith !== null), sim.nowNs + 600 * SEC);
    sim.run(sim.nowNs + 5 * SEC);
  }

  stack(i: number): Stack {
    return i === 0 ? this.pair.client : this.pair.server;
  }

  frames(i: number): Frame[] {
    const { parts, writer } = this.books[i]!;
    writer.flush();
    return readFrames(gather(parts), 0, MSS);
  }

  info(i: number): TcpInfo {
    const info = new TcpInfo();
    connectionInfo(this.ends[i]!.connection!, info);
    return info;
  }

  close(): void {
    for (const { writer } of this.books) writer.close();
    this.pair.end();
  }
}

function mibAddsUp(t: Test, p: AuditedPair, i: number, when: string): Audit {
  const audit = new Audit(p.frames(i), MSS);
  const { mib } = p.stack(i).tcp;
  const counted = Object.keys(audit.mib).map((name) => [name, mib.get(name as never)]);
  t.same(Object.fromEntries(counted), audit.mib, when);
  return audit;
}

function infoAddsUp(t: Test, p: AuditedPair, i: number, audit: Audit): void {
  const info = p.info(i);
  const names = Object.keys(audit.info) as (keyof ExpectedInfo)[];
  t.same(Object.fromEntries(names.map((name) => [name, info[`tcpi_${name}`]])), audit.info);
  const syn = i === 0 ? 1 : 0;
  t.equal(info.tcpi_bytes_sent, info.tcpi_bytes_acked - syn + info.tcpi_bytes_retrans);
}

const LINKS: Readonly<Record<string, PairOptions['faults']>> = {
  'that is clean': {},
  'that loses': { loss: 0.03 },
  'that reorders': { reordering: 0.05, reorderGap: 8, reorderHoldNs: 12 * MS },
  'that duplicates': { duplication: 0.05 },
  'that does it all': {
    loss: 0.04,
    reordering: 0.05,
    reorderGap: 20,
    reorderHoldNs: 60 * MS,
    duplication: 0.03,
    jitterNs: 3 * MS,
  },
};

for (const [name, faults] of Object.entries(LINKS)) {
  t.test(
    `a transfer both ways over a link ${name}: each counter is what the capture says`,
    async (t) => {
      for (let seed = 1; seed <= 4; seed++) {
        const p = new AuditedPair({ seed, rateBps: 20e6, delayNs: 20 * MS, faults: faults! });
        p.transfer(400_000, 250_000);
        for (const i of [0, 1]) {
          infoAddsUp(t, p, i, mibAddsUp(t, p, i, `${i === 0 ? 'client' : 'server'}, seed ${seed}`));
        }
        p.finish();
        for (const i of [0, 1]) mibAddsUp(t, p, i, `seed ${seed}, closed`);
        p.close();
      }
    },
  );
}

/** Nobody spoke for so long: neither an ACK, nor RACK's quarter of a round trip, made the sender send. */
const SILENCE_NS = 60 * MS;

/** How often a timer sent something, long after the last segment that came; the first frame is the application's. */
function silentTimers(frames: readonly Frame[]): number {
  let heardNs = frames[0]!.atNs;
  let lastNs = 0;
  let timers = 0;
  for (const f of frames) {
    if (f.isIn) heardNs = f.atNs;
    else if (f.len > 0 && f.atNs - heardNs > SILENCE_NS && f.atNs !== lastNs) timers++;
    lastNs = f.atNs;
  }
  return timers;
}

t.test(
  'a stream over a link that loses: timeouts, probes, and who sent each segment again',
  async (t) => {
    let [timeouts, probes, lostAgain] = [0, 0, 0];
    for (let seed = 1; seed <= 12; seed++) {
      const faults = { loss: 0.1 };
      const p = new AuditedPair({ seed, rateBps: 20e6, delayNs: 20 * MS, faults });
      p.transfer(0, 0);
      const { mib } = p.stack(0).tcp;
      const opening = mib.get('TCPTimeouts');
      const from = p.frames(0).length;
      p.transfer(120_000, 0);
      timeouts += mib.get('TCPTimeouts') - opening;
      probes += mib.get('TCPLossProbes');
      lostAgain += mib.get('TCPLostRetransmit');
      t.equal(
        mib.get('TCPTimeouts') - opening + mib.get('TCPLossProbes'),
        silentTimers(p.frames(0).slice(from)),
        `seed ${seed}: each timer`,
      );
      const audit = mibAddsUp(t, p, 0, `seed ${seed}`);
      const probesResent =
        audit.mib.RetransSegs -
        audit.mib.TCPSynRetrans -
        (mib.get('TCPTimeouts') - opening) -
        mib.get('TCPFastRetrans') -
        mib.get('TCPSlowStartRetrans');
      t.ok(probesResent >= 0 && probesResent <= mib.get('TCPLossProbes'), 'and each segment');
      t.equal(mib.get('TCPLostRetransmit'), resentTwice(audit), 'a retransmission that was lost');
      p.close();
    }
    t.ok(timeouts > 5 && probes > 2 && lostAgain > 5, `${timeouts}, ${probes}, ${lostAgain}`);
  },
);

/** On a link that only loses, what is sent for the third time was lost twice; but a probe is no retransmission. */
function resentTwice(audit: Audit): number {
  const seen = new Set<number>();
  let twice = 0;
  for (const { seq } of audit.resent) {
    if (seen.has(seq)) twice++;
    seen.add(seq);
  }
  return twice;
}

t.test('busy from the first byte written until the last is acknowledged', async (t) => {
  const p = new AuditedPair({ seed: 3, rateBps: 20e6, delayNs: 20 * MS, faults: { loss: 0.02 } });
  p.transfer(0, 0);
  const frames = p.frames(0).length;
  const { sim } = p.pair;
  const fromNs = sim.nowNs;
  p.transfer(100_000, 0);
  const acks = p
    .frames(0)
    .slice(frames)
    .filter((f) => f.isIn);
  const end = 1 + 100_000;
  const doneNs = acks.find((f) => f.ack === end)!.atNs;
  t.equal(p.info(0).tcpi_busy_time, Math.floor((doneNs - fromNs) / 1000));
  t.equal(p.info(1).tcpi_busy_time, 0);
  p.close();
});

t.test('limited by the window: from when it was full until the ACK that opens it', async (t) => {
  const p = new AuditedPair({ seed: 3, rateBps: 20e6, delayNs: 20 * MS });
  p.transfer(1_000_000, 0); // cwnd is no limit any more
  const before = p.info(0).tcpi_rwnd_limited;
  const { sim, hosts } = p.pair;
  const from = p.frames(0).length;
  p.ends[1].isReading = false;
  hosts[0]!.after(0, () => p.ends[0].send(20_000_000));
  sim.run(sim.nowNs + 3 * SEC);
  hosts[1]!.after(0, () => {
    p.ends[1].isReading = true;
    p.ends[1].readable();
  });
  const isOpen = (): boolean => p.info(0).tcpi_snd_wnd > 0;
  sim.runUntil(isOpen, sim.nowNs + SEC);
  p.pair.tellTime();
  const limited = p.info(0).tcpi_rwnd_limited - before;
  const frames = p.frames(0).slice(from);
  // What is left of the window may be less than a segment: that alone is not sent until a timer says so.
  const { mss } = p.ends[0].connection!.congestion.view;
  const lastTextNs = frames.findLast((f) => !f.isIn && f.len >= mss && f.atNs < sim.nowNs)!.atNs;
  const openedNs = frames.findLast((f) => f.isIn && f.window > 0)!.atNs;
  t.ok(openedNs - lastTextNs > 2 * SEC, 'it was shut for long');
  t.equal(limited, Math.floor((openedNs - lastTextNs) / 1000));
  p.close();
});

t.test(
  'what nobody reads lies together: each segment but the first is joined to the one before',
  async (t) => {
    const p = new AuditedPair({ seed: 3 });
    p.transfer(0, 0);
    p.ends[1].isReading = false;
    const { sim, hosts } = p.pair;
    hosts[0]!.after(0, () => p.ends[0].send(9 * MSS));
    sim.run(sim.nowNs + SEC);
    const texts = p.frames(1).filter((f) => f.isIn && f.len > 0);
    t.equal(p.stack(1).tcp.mib.get('TCPRcvCoalesce'), texts.length - 1);
    p.close();
  },
);
