import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ENODEV } from '../../src/base/errno.ts';
import { CaptureDevice } from '../../src/link/capture.ts';
import {
  type ByteSink,
  type CaptureOptions,
  CaptureWriter,
} from '../../src/link/capture-writer.ts';
import { Pipe } from '../../src/link/pipe.ts';
import { CaptureFile } from '../../src/live/capture-file.ts';
import { foldChecksum, foldSum, sumBytes, sumWord16, sumWord32 } from '../../src/wire/checksum.ts';
import { requires } from '../support/requires.ts';
import { commit, MAC_A, MAC_B, makeRig, numbered, type Rig, receiveAll } from './memory-rig.ts';
import { type Capture, readPcapng } from './pcapng-reader.ts';

class Bytes implements ByteSink {
  readonly parts: Uint8Array[] = [];
  failWith = 0;

  write(u8: Uint8Array, off: number, len: number): number {
    if (this.failWith === 0) this.parts.push(u8.slice(off, off + len));
    return this.failWith;
  }

  read(): Capture {
    return readPcapng(new Uint8Array(Buffer.concat(this.parts)));
  }
}

class Turn {
  nowNs = 0;
}

interface Captured {
  readonly rig: Rig;
  readonly clock: Turn;
  readonly writer: CaptureWriter;
  readonly pipe: Pipe;
  readonly a: CaptureDevice;
  end(): void;
}

const OFFLOADS = { maxFrame: 65550, txChecksum: true, rxChecksum: true, tso4: true, gro: true };

function capture(sink: ByteSink, options: CaptureOptions = {}, rxFrames = 64): Captured {
  const rig = makeRig();
  const clock = new Turn();
  const writer = new CaptureWriter(rig.memory, clock, sink, options);
  const pipe = new Pipe(
    rig.frames,
    { name: 'tap-a', mac: MAC_A, caps: OFFLOADS, rxFrames },
    { name: 'b', mac: MAC_B, caps: OFFLOADS, rxFrames: 4 },
  );
  const a = new CaptureDevice(pipe.a, writer);
  const end = (): void => {
    a.close();
    pipe.close();
    writer.close();
  };
  return { rig, clock, writer, pipe, a, end };
}

/** Ethernet, IPv4 and UDP around a payload; the UDP checksum is complete, or left to the device. */
function udp4(payload: Uint8Array, isPartial: boolean): Uint8Array {
  const frame = new Uint8Array(42 + payload.length);
  const dv = new DataView(frame.buffer);
  frame.set([2, 0, 0, 0, 0, 0x0b, 2, 0, 0, 0, 0, 0x0a, 8, 0]);
  frame.set([0x45, 0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 14);
  dv.setUint16(16, 28 + payload.length);
  dv.setUint16(24, foldChecksum(sumBytes(dv, 14, 20, 0)));
  dv.setUint16(34, 40000);
  dv.setUint16(36, 7);
  dv.setUint16(38, 8 + payload.length);
  frame.set(payload, 42);
  let pseudo = sumWord32(sumWord32(0, dv.getInt32(26)), dv.getInt32(30));
  pseudo = sumWord16(sumWord16(pseudo, 17), 8 + payload.length);
  if (isPartial) dv.setUint16(40, foldSum(pseudo));
  else dv.setUint16(40, foldChecksum(sumBytes(dv, 34, 8 + payload.length, pseudo)));
  return frame;
}

/** Commits `bytes` with the UDP checksum left undone. */
function commitPartial(device: CaptureDevice, bytes: Uint8Array, gso = 0): void {
  const { tx } = device;
  const at = tx.reserve(bytes.length);
  tx.slab.u8.set(bytes, at);
  tx.begin();
  tx.add(at, 42);
  tx.add(at + 42, bytes.length - 42);
  tx.setChecksum(34, 6);
  if (gso !== 0) tx.setGso(5, gso, 42);
  tx.commit();
}

t.test('both directions, nanoseconds, names: the file says who, when and which way', async (t) => {
  const sink = new Bytes();
  const { rig, clock, pipe, a, end } = capture(sink, { startSec: 1_800_000_000, startNs: 5 });
  clock.nowNs = 1_234_567_891;
  commit(a, numbered(0, 60));
  commit(a, numbered(1, 61));
  t.equal(a.txFlush(), 0);
  clock.nowNs = 2 ** 33 + 1;
  for (let i = 2; i < 4; i++) commit(pipe.b, numbered(i, 1514));
  pipe.b.txFlush();
  t.equal(receiveAll(a).length, 2);
  end();
  const { faces, packets, statistics } = sink.read();
  t.match(faces, [{ name: 'tap-a', snaplen: 262144 }]);
  t.same([...faces[0]!.options.get(9)!], [9], 'nanoseconds');
  t.same([...faces[0]!.options.get(6)!], [2, 0, 0, 0, 0, 0x0a], 'the address');
  t.equal(Buffer.from(faces[0]!.options.get(14)!).readBigInt64LE(), 1_800_000_000n, 'the epoch');
  t.same(
    packets.map((p) => [p.timeNs, p.flags, p.originalLen]),
    [
      [1_234_567_896, 2, 60],
      [1_234_567_896, 2, 61],
      [2 ** 33 + 6, 1, 1514],
      [2 ** 33 + 6, 1, 1514],
    ],
  );
  t.same(
    packets.map((p) => p.bytes),
    [60, 61, 1514, 1514].map((len, i) => numbered(i, len)),
  );
  t.same(statistics, [{ face: 0, received: 4, dropped: 0 }]);
  rig.frames.releaseChunk();
  t.equal(rig.memory.chunks.held, 0);
});

t.test('a partial checksum is complete in the file and untouched on its way', async (t) => {
  const sink = new Bytes();
  const { pipe, a, end } = capture(sink, { snaplen: 48 });
  const payload = numbered(9, 333);
  commitPartial(a, udp4(payload, true));
  a.txFlush();
  t.same(receiveAll(pipe.b), [udp4(payload, true)], 'the peer gets what was sent');
  const { tx } = pipe.b;
  const at = tx.reserve(375);
  tx.slab.u8.set(udp4(payload, true), at);
  tx.begin();
  tx.add(at, 375);
  tx.setChecksum(34, 6);
  tx.commit();
  pipe.b.txFlush();
  t.same(receiveAll(a), [udp4(payload, true)]);
  end();
  const { packets } = sink.read();
  t.equal(packets.length, 2);
  for (const packet of packets) {
    t.same(packet.bytes, udp4(payload, false).slice(0, 48), 'summed over all, kept up to snaplen');
    t.equal(packet.originalLen, 375);
  }
});

t.test('a super-frame is one packet of its full length', async (t) => {
  const sink = new Bytes();
  const { pipe, a, end } = capture(sink);
  const bytes = udp4(numbered(1, 60000), true);
  for (let i = 0; i < 12; i++) {
    commitPartial(a, bytes, 1448);
    t.equal(a.txFlush(), 0);
    t.equal(receiveAll(pipe.b)[0]!.length, bytes.length);
  }
  end();
  const { packets } = sink.read();
  t.equal(packets.length, 12, 'more than one buffer of them');
  t.same(packets[11]!.bytes, udp4(numbered(1, 60000), false));
});

t.test('a frame that waits for room is captured once, when it was handed over', async (t) => {
  const sink = new Bytes();
  const { clock, pipe, a, end } = capture(sink);
  for (let i = 0; i < 6; i++) commit(a, numbered(i, 100));
  t.equal(a.txFlush(), 2, 'the peer holds four');
  clock.nowNs = 50;
  commit(a, numbered(6, 100));
  t.equal(a.txFlush(), 3);
  receiveAll(pipe.b);
  t.equal(a.txFlush(), 0);
  end();
  t.same(
    sink.read().packets.map((p) => p.timeNs),
    [0, 0, 0, 0, 0, 0, 50],
  );
});

t.test('losses: the device’s own as a drop count, ours as frames with the reason', async (t) => {
  const sink = new Bytes();
  const { rig, pipe, a, end } = capture(sink);
  commit(pipe.b, numbered(0, 60));
  pipe.b.txFlush();
  pipe.a.stats.add(pipe.a.stats.id('rxDropped'), 3);
  receiveAll(a);
  const frame = rig.frames.fromBytes(numbered(1, 77));
  a.point.frameDropped(rig.frames, frame, 'fault: loss — Schlüssel 🔑');
  rig.frames.release(frame);
  end();
  const { packets, statistics } = sink.read();
  t.match(packets[0], { dropped: 3, comment: '', flags: 1 });
  t.match(packets[1], { dropped: 0, comment: 'fault: loss — Schlüssel 🔑', flags: 0 });
  t.same(packets[1]!.bytes, numbered(1, 77));
  t.same(statistics, [{ face: 0, received: 2, dropped: 4 }]);
});

t.test('a comment of any length or content makes a readable file', async (t) => {
  const sink = new Bytes();
  const { rig, a, end } = capture(sink);
  const frame = rig.frames.fromBytes(numbered(1, 60));
  for (const reason of ['x'.repeat(5000), '€'.repeat(400), 'a\ud800b', '\u{10ffff}', 'é']) {
    a.point.frameDropped(rig.frames, frame, reason);
  }
  rig.frames.release(frame);
  end();
  const comments = sink.read().packets.map((p) => p.comment);
  t.ok(/^x{500,512}$/.test(comments[0]!), 'cut');
  t.ok(/^€{160,170}$/.test(comments[1]!), 'cut at a character');
  t.same(comments.slice(2), ['a\ufffdb', '\u{10ffff}', 'é']);
});

t.test(
  'a sink that fails stops the capture, not the traffic; what is lost is counted',
  async (t) => {
    const sink = new Bytes();
    const { pipe, a, writer, end } = capture(sink);
    commit(a, numbered(0, 60));
    a.txFlush();
    sink.failWith = -28;
    t.equal(writer.flush(), -28);
    for (let i = 0; i < 3; i++) commit(a, numbered(i, 60));
    t.equal(a.txFlush(), 0);
    t.equal(receiveAll(pipe.b).length, 4);
    t.equal(writer.lost, 3);
    end();
    t.equal(writer.close(), -28);
    t.equal(a.rxBatch(1), -ENODEV);
  },
);

t.test(
  'a capture file is private, new unless overwriting is asked for, and reports errors',
  async (t) => {
    const dir = t.testdir();
    const path = join(dir, 'one.pcapng');
    const file = new CaptureFile(path);
    t.equal(file.write(Uint8Array.of(9, 1, 2, 3), 1, 3), 0);
    file.close();
    file.close();
    t.same([...readFileSync(path)], [1, 2, 3]);
    t.equal(statSync(path).mode & 0o777, 0o600);
    t.throws(() => new CaptureFile(path), { code: 'EEXIST', syscall: 'open', path });
    writeFileSync(path, 'old and public', { mode: 0o644 });
    const again = new CaptureFile(path, { overwrite: true });
    t.equal(statSync(path).size, 14, 'what is there stays until there is something instead');
    t.equal(again.write(Uint8Array.of(4), 0, 1), 0);
    t.equal(again.write(Uint8Array.of(5), 0, 1), 0);
    again.close();
    t.same([...readFileSync(path)], [4, 5]);
    t.equal(statSync(path).mode & 0o777, 0o600);
    t.throws(() => new CaptureFile(join(dir, 'no', 'x')), { code: 'ENOENT' });
    symlinkSync(path, join(dir, 'link'));
    t.throws(() => new CaptureFile(join(dir, 'link'), { overwrite: true }), { code: 'ELOOP' });
    const full = new CaptureFile(join(dir, 'full'));
    full.close();
    t.equal(full.write(new Uint8Array(4), 0, 4), -9, 'EBADF as a number, not an exception');
  },
);

/** A file with a datagram each way, one left to the device, and a drop with its reason. */
function writeSample(path: string): void {
  const file = new CaptureFile(path);
  const { rig, clock, pipe, a, end } = capture(file, { startSec: 1_800_000_000 });
  clock.nowNs = 123_456_789;
  commitPartial(a, udp4(numbered(1, 100), true));
  a.txFlush();
  receiveAll(pipe.b);
  clock.nowNs = 223_456_789;
  commit(pipe.b, udp4(numbered(2, 99), false));
  pipe.b.txFlush();
  receiveAll(a);
  const frame = rig.frames.fromBytes(udp4(numbered(3, 98), false));
  a.point.frameDropped(rig.frames, frame, 'fault: loss');
  rig.frames.release(frame);
  end();
  file.close();
}

t.test('tcpdump reads it', { skip: requires({ programs: ['tcpdump'] }) }, async (t) => {
  const path = join(t.testdir(), 'sample.pcapng');
  writeSample(path);
  const args = ['-r', path, '-nn', '-vv', '--nano', '-tt'];
  if (process.getuid?.() === 0) args.push('-Z', 'root');
  const run = spawnSync('tcpdump', args, { encoding: 'utf8' });
  t.equal(run.status, 0, run.stderr);
  t.match(run.stdout, /^1800000000\.123456789 IP/m);
  t.match(run.stdout, /^1800000000\.223456789 IP/m);
  t.equal(run.stdout.match(/\[udp sum ok\] UDP, length/g)?.length, 3);
  t.notMatch(run.stdout, /bad/);
});

t.test('tshark reads it', { skip: requires({ programs: ['tshark'] }) }, async (t) => {
  const path = join(t.testdir(), 'sample.pcapng');
  writeSample(path);
  const fields = 'frame.interface_name,frame.time_epoch,frame.packet_flags_direction,frame.comment';
  const args = ['-r', path, '-o', 'udp.check_checksum:TRUE', '-T', 'fields', '-E', 'separator=|'];
  for (const field of [...fields.split(','), 'udp.checksum.status', 'frame.len']) {
    args.push('-e', field);
  }
  const run = spawnSync('tshark', args, { encoding: 'utf8' });
  t.equal(run.status, 0, run.stderr);
  t.same(run.stdout.trim().split('\n'), [
    'tap-a|1800000000.123456789|0x00000002||1|142',
    'tap-a|1800000000.223456789|0x00000001||1|141',
    'tap-a|1800000000.223456789||fault: loss|1|140',
  ]);
});
