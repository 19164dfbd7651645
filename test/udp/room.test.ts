/** A full device: EAGAIN, who is told of room and when, no busy loop, and nothing lost without a count. */
import t from 'tap';
import { NEVER } from '../../src/base/time.ts';
import { Datagram } from '../../src/net/datagram-store.ts';
import { READY, type UdpSocket } from '../../src/udp/udp-socket.ts';
import { data } from '../net/packets.ts';
import { ip } from '../net/rig.ts';
import { UdpHarness } from './udp-rig.ts';

/** The wire takes so many frames and no more, until it is told to. */
class Jam {
  left = 0;
  readonly h: UdpHarness;
  turns = 0;

  constructor(h: UdpHarness, port = h.port) {
    this.h = h;
    const { wire } = port;
    const take = wire.take.bind(wire);
    wire.room = () => this.left;
    wire.take = (frame) => {
      this.left--;
      take(frame);
    };
  }

  /** A driver's turns: as long as the stack wants one at once. More than `most` is a busy loop. */
  run(most = 1000): number {
    const { stack } = this.h;
    const before = this.turns;
    do {
      this.turns++;
      if (this.turns - before > most) throw new Error('a busy loop');
      for (const [i, device] of stack.devices.entries()) {
        const n = device.rxBatch(256);
        if (n > 0) stack.receive(i, n);
      }
      stack.fireTimers();
      stack.drainReady();
      for (const device of stack.devices) device.txFlush();
    } while (stack.nextDeadlineNs() <= stack.env.nowNs);
    return this.turns - before;
  }
}

function jammed(options: ConstructorParameters<typeof UdpHarness>[0] = {}) {
  const h = new UdpHarness(options);
  return { h, jam: new Jam(h) };
}

function fill(h: UdpHarness, s: UdpSocket, len: number, to = '10.0.0.2'): number {
  for (let n = 0; n < 10_000; n++) {
    const result = h.udp.sendTo(s, data(len), ip(to), 7);
    if (result === -11) return n;
    if (result !== len) throw new Error(`send: ${result}`);
  }
  throw new Error('it is never full');
}

t.test('EAGAIN when the device is full; READY.OUT when half of it is free again', async (t) => {
  const { h, jam } = jammed();
  const s = h.bound('ipv4', '0.0.0.0', 5000);
  const heard: number[] = [];
  s.listener = { onReady: (bits) => heard.push(bits) };
  t.equal(fill(h, s, 100), 256, 'every frame of the ring');
  t.equal(h.net.mib.udp4.get('SndbufErrors'), 1);
  t.equal(h.net.mib.udp4.get('OutDatagrams'), 256);
  jam.run(1);
  t.same(heard, [], 'nothing has left');
  jam.left = 100;
  jam.run(2);
  t.same(heard, [], 'less than half is free');
  jam.left = 28;
  jam.run(3);
  t.same(heard, [READY.OUT]);
  jam.left = 1000;
  jam.run(3);
  t.same(heard, [READY.OUT], 'once');
  t.equal(h.port.wire.frames.length, 256, 'what was accepted was sent');
  h.close(t);
});

t.test('the payload ring full of large datagrams: no busy loop either', async (t) => {
  const { h, jam } = jammed({ mtu: 65_535 });
  const s = h.bound('ipv4', '0.0.0.0', 5000);
  let sent = fill(h, s, 60_000);
  t.equal(sent, 4, '256 KiB');
  s.listener = {
    onReady: () => {
      sent += fill(h, s, 60_000);
    },
  };
  for (let round = 0; round < 20; round++) {
    t.ok(jam.run(4) <= 4);
    jam.left = 1;
  }
  jam.left = 1000;
  s.listener = null;
  jam.run();
  t.equal(h.port.wire.frames.length, sent);
  t.equal(h.stack.nextDeadlineNs(), NEVER);
  h.close(t);
});

t.test(
  'a datagram needs 45 frames of a ring of 64: all or nothing, and each turn some progress',
  async (t) => {
    const { h, jam } = jammed({ txFrames: 64 });
    const s = h.bound('ipv4', '0.0.0.0', 5000);
    t.equal(fill(h, s, 65_507), 1);
    const before = h.port.device.tx.inFlight;
    t.equal(before, 45);
    let tries = 0;
    let isSent = false;
    s.listener = {
      onReady: () => {
        tries++;
        isSent = h.udp.sendTo(s, data(65_507), ip('10.0.0.2'), 7) > 0;
      },
    };
    let steps = 0;
    for (; steps < 45 && !isSent; steps++) {
      jam.left = 1;
      t.ok(jam.run(4) <= 4);
    }
    t.ok(isSent);
    t.ok(tries <= steps, `${tries} tries in ${steps} steps`);
    t.ok(steps >= 26, 'not before 45 of the 64 were free');
    jam.left = 1000;
    s.listener = null;
    jam.run();
    t.equal(h.port.wire.frames.length, 90, 'two whole datagrams');
    h.close(t);
  },
);

t.test('a datagram of more frames than the ring has can never be sent: EMSGSIZE', async (t) => {
  const h = new UdpHarness({ txFrames: 32 });
  const s = h.bound('ipv4', '0.0.0.0', 5000);
  t.equal(h.sendTo(s, data(65_507), '10.0.0.2', 7), 'EMSGSIZE');
  t.equal(h.sendTo(s, data(40_000), '10.0.0.2', 7), 40_000);
  t.equal(h.stack.nextDeadlineNs(), NEVER);
  h.close(t);
});

t.test('one stuck device holds up nobody but its own senders', async (t) => {
  const { h, jam } = jammed();
  const other = h.addPort('eth1', '02:00:00:00:00:01');
  h.addAddress(other, '10.1.0.1/24');
  h.knows('10.1.0.2', '02:00:00:00:00:02', other);
  jam.left = 100;
  jam.run();
  jam.left = 0;
  const jam1 = new Jam(h, other);
  const stuck = h.bound('ipv4', '0.0.0.0', 5000);
  const free = h.bound('ipv4', '0.0.0.0', 5001);
  const heard: string[] = [];
  stuck.listener = { onReady: () => heard.push('stuck') };
  free.listener = { onReady: () => heard.push('free') };
  fill(h, stuck, 10, '10.0.0.2');
  fill(h, free, 10, '10.1.0.2');
  jam1.left = 1000;
  jam1.run(4);
  t.same(heard, ['free']);
  jam.left = 1000;
  jam.run(4);
  t.same(heard, ['free', 'stuck']);
  h.close(t);
});

t.test(
  'the device goes away: its frames are counted as dropped, and the senders are told',
  async (t) => {
    const { h, jam } = jammed();
    const s = h.bound('ipv4', '0.0.0.0', 5000);
    const heard: number[] = [];
    s.listener = { onReady: (bits) => heard.push(bits) };
    fill(h, s, 10);
    h.port.device.close();
    jam.run(4);
    t.same(heard, [READY.OUT]);
    t.equal(h.port.device.stats.get('txDropped'), 256);
    t.equal(h.sendTo(s, data(1), '10.0.0.2', 7), 'ENETUNREACH');
    h.close(t);
  },
);

t.test('a socket that is closed while it waits for room is forgotten', async (t) => {
  const { h, jam } = jammed();
  const s = h.bound('ipv4', '0.0.0.0', 5000);
  s.listener = { onReady: () => t.fail('it is closed') };
  fill(h, s, 10);
  h.udp.close(s);
  jam.left = 1000;
  jam.run(4);
  t.equal(h.stack.nextDeadlineNs(), NEVER);
  h.close(t);
});

t.test(
  'a full neighbour table is no full device: ENOBUFS, and nobody waits for room',
  async (t) => {
    const h = new UdpHarness({ config: { neighbourMax: 4 } });
    const s = h.bound('ipv4', '0.0.0.0', 5000);
    h.knows('10.0.0.3', '02:00:00:00:00:03');
    h.knows('10.0.0.4', '02:00:00:00:00:04');
    t.equal(h.sendTo(s, data(1), '10.0.0.99', 7), 'ENOBUFS');
    t.equal(s.refusedBy, null);
    t.equal(h.net.mib.udp4.get('SndbufErrors'), 1);
    t.equal(h.stack.nextDeadlineNs(), NEVER);
    h.close(t);
  },
);

t.test(
  'conservation: what is sent is received, or dropped for a reason that is counted',
  async (t) => {
    const h = new UdpHarness({ cellBytes: 400 * 704 });
    const { udp, net, stack } = h;
    const sender = h.bound('ipv4', '127.0.0.1', 5000);
    const sockets = [5001, 5002, 5003].map((port) => h.bound('ipv4', '127.0.0.1', port));
    sockets[1]!.rcvbufBytes = 20_000;
    const random = net.env.rng.stream('test');
    const d = new Datagram();
    const into = new Uint8Array(4096);
    let sent = 0;
    let received = 0;
    for (let round = 0; round < 400; round++) {
      for (let i = 0; i < 8; i++) {
        const result = udp.sendTo(
          sender,
          data(random.below(3000)),
          ip('127.0.0.1'),
          5001 + random.below(4),
        );
        if (result >= 0) sent++;
      }
      h.settle();
      for (const s of sockets) {
        for (let i = random.below(4); i > 0; i--) if (udp.receive(s, into, d) >= 0) received++;
      }
    }
    const waiting = sockets.reduce((n, s) => n + s.queue.count, 0);
    const drops = net.drops.toObject();
    const { UDP_NO_PORT = 0, UDP_RCVBUF = 0, UDP_NO_MEMORY = 0 } = drops;
    t.ok(UDP_NO_PORT > 0 && UDP_RCVBUF > 0 && UDP_NO_MEMORY > 0, JSON.stringify(drops));
    t.equal(sent, received + waiting + UDP_NO_PORT + UDP_RCVBUF + UDP_NO_MEMORY);
    const mib = net.mib.udp4;
    t.equal(mib.get('OutDatagrams'), sent);
    t.equal(mib.get('InDatagrams'), received + waiting);
    t.equal(mib.get('NoPorts'), UDP_NO_PORT);
    t.equal(mib.get('RcvbufErrors'), UDP_RCVBUF);
    t.equal(mib.get('MemErrors'), UDP_NO_MEMORY);
    t.equal(mib.get('InErrors'), UDP_RCVBUF + UDP_NO_MEMORY);
    t.equal(
      sockets.reduce((n, s) => n + s.droppedFull, 0),
      UDP_RCVBUF,
    );
    t.equal(
      sockets.reduce((n, s) => n + s.droppedNoMemory, 0),
      UDP_NO_MEMORY,
    );
    t.equal(stack.net.datagrams.size, waiting);
    h.close(t);
  },
);
