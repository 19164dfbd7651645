/** Every way through UDP, as whole turns: received, queued, read, sent; refused, answered with errors. */
import { RX_FLAG } from '../../src/link/ring-layout.ts';
import { Datagram } from '../../src/net/datagram-store.ts';
import type { ReadyListener, UdpSocket } from '../../src/udp/udp-socket.ts';
import { sumBytes } from '../../src/wire/checksum.ts';
import { data, ethernet, fragments4, ip4, ip6, udp } from '../../test/net/packets.ts';
import type { AllocCase } from './measure.ts';
import { ip, pipedStacks, StackRig, type StackRigOptions, turn } from './stack-rig.ts';

const BATCH = 8;
const PORT = 5000;

/** What a datagram socket is for: reads into the same buffer and sends back to whoever it was. */
class Echo implements ReadyListener {
  answered = 0;
  private readonly d = new Datagram();
  private readonly into = new Uint8Array(4096);
  private readonly out: Uint8Array;
  private readonly rig: StackRig;
  private readonly s: UdpSocket;

  constructor(rig: StackRig, s: UdpSocket, len: number) {
    this.rig = rig;
    this.s = s;
    this.out = new Uint8Array(this.into.buffer, 0, len);
    s.listener = this;
  }

  onReady(): void {
    const { udp } = this.rig.stack;
    const { s, d } = this;
    while (udp.receive(s, this.into, d) >= 0) {
      const sent = s.isConnected ? udp.send(s, this.out) : udp.sendTo(s, this.out, d.src, d.port);
      if (sent !== this.out.length) throw new Error(`sent ${sent}`);
      this.answered++;
    }
  }
}

interface EchoOptions extends StackRigOptions {
  readonly v6?: boolean;
  readonly isConnected?: boolean;
  readonly flags?: number;
  /** Bytes a fragment; 0: whole. */
  readonly share?: number;
}

/** The datagram as frames. */
function framesOf(len: number, options: EchoOptions): Uint8Array[] {
  const ports = { from: 4000, to: PORT };
  if (options.v6 ?? false) {
    const message = udp(ports, data(len), '2001:db8::2', '2001:db8::1');
    return [ethernet(ip6({ next: 17 }, message))];
  }
  const packet = ip4({ protocol: 17 }, udp(ports, data(len)));
  const share = options.share ?? 0;
  const pieces = share === 0 ? [packet] : fragments4(packet, share, { id: 7 });
  return pieces.map((p) => ethernet(p));
}

function echoed(len: number, options: EchoOptions = {}): () => () => void {
  return () => {
    const rig = new StackRig(options);
    const s = rig.stack.udp.open('dual');
    rig.stack.udp.bind(s, ip('::'), PORT);
    if (options.isConnected ?? false) rig.stack.udp.connect(s, ip('10.0.0.2'), 4000);
    const app = new Echo(rig, s, len);
    const flags = options.flags ?? 0;
    const templates = framesOf(len, options).map((bytes) => {
      const sum = sumBytes(new DataView(bytes.buffer), 14, bytes.length - 14, 0);
      return rig.prepare(bytes, flags, sum, (34 << 16) | 6);
    });
    return () => {
      const before = app.answered;
      for (let n = 0; n < BATCH; n++) {
        for (let i = 0; i < templates.length; i++) rig.offer(templates[i]!);
      }
      rig.turn();
      rig.check('echoed', app.answered - before === BATCH);
    };
  };
}

/** To a port of nobody: port unreachable, as often as the limits allow. */
function refused(v6: boolean, isLimited: boolean): () => () => void {
  return () => {
    const rig = new StackRig();
    const { config, drops } = rig.stack.net;
    if (!isLimited) {
      config.icmpRate4Ns = 0;
      config.icmpRate6Ns = 0;
      config.icmpMessagesPerSec = 0;
    }
    const template = rig.prepare(framesOf(100, { v6 })[0]!);
    let calls = 0;
    return () => {
      const before = rig.out.frames;
      for (let i = 0; i < BATCH; i++) rig.offer(template);
      rig.turn();
      calls++;
      rig.check('answered', isLimited || rig.out.frames - before === BATCH);
      rig.check('dropped', drops.get('UDP_NO_PORT') === calls * BATCH);
    };
  };
}

/** The queue is full: the newest are dropped, and one is read now and then. */
function overflowing(): () => void {
  const rig = new StackRig();
  const s = rig.stack.udp.open('ipv4');
  rig.stack.udp.bind(s, ip('0.0.0.0'), PORT);
  s.rcvbufBytes = 4096;
  const template = rig.prepare(framesOf(100, {})[0]!);
  const d = new Datagram();
  const into = new Uint8Array(1024);
  return () => {
    for (let i = 0; i < BATCH; i++) rig.offer(template);
    rig.turn();
    rig.stack.udp.receive(s, into, d);
    rig.check('dropped', s.droppedFull > 0);
  };
}

/** An ICMP error for a connected socket, which hears of it. */
function portUnreachable(): () => void {
  const rig = new StackRig();
  const { udp: protocol } = rig.stack;
  const s = protocol.open('ipv4');
  protocol.bind(s, ip('10.0.0.1'), PORT);
  protocol.connect(s, ip('10.0.0.2'), 4000);
  const ours = ip4(
    { src: '10.0.0.1', dst: '10.0.0.2', protocol: 17 },
    udp({ from: PORT, to: 4000 }, data(8), '10.0.0.1', '10.0.0.2'),
  );
  const template = rig.prepare(ethernet(ip4({}, icmpError(ours))));
  return () => {
    for (let i = 0; i < BATCH; i++) rig.offer(template);
    rig.turn();
    rig.check('reported', protocol.takeError(s) !== 0);
  };
}

function icmpError(quoted: Uint8Array): Uint8Array {
  const message = new Uint8Array(8 + quoted.length);
  message[0] = 3;
  message[1] = 3;
  message.set(quoted, 8);
  const sum = sumBytes(new DataView(message.buffer), 0, message.length, 0) ^ 0xffff;
  message[2] = sum >>> 8;
  message[3] = sum & 255;
  return message;
}

/** Between two sockets of one stack, through loopback. */
function loopback(v6: boolean, len: number): () => () => void {
  return () => {
    const rig = new StackRig();
    const { udp: protocol } = rig.stack;
    const host = ip(v6 ? '::1' : '127.0.0.1');
    const a = protocol.open('dual');
    const b = protocol.open('dual');
    protocol.bind(a, host, PORT);
    protocol.bind(b, host, PORT + 1);
    const body = data(len);
    const d = new Datagram();
    const into = new Uint8Array(4096);
    return () => {
      for (let i = 0; i < BATCH; i++) protocol.sendTo(a, body, host, PORT + 1);
      rig.turn();
      rig.turn();
      for (let i = 0; i < BATCH; i++) {
        if (protocol.receive(b, into, d) !== len) throw new Error('lost');
      }
    };
  };
}

/** There and back between two stacks over a pipe. */
function piped(to: string, len: number): () => () => void {
  return () => {
    const [a, b] = pipedStacks();
    const client = a.udp.open('dual');
    const server = b.udp.open('dual');
    a.udp.connect(client, ip(to), PORT);
    b.udp.bind(server, ip('::'), PORT);
    const body = data(len);
    const d = new Datagram();
    const into = new Uint8Array(4096);
    server.listener = {
      onReady: () => {
        while (b.udp.receive(server, into, d) >= 0) b.udp.sendTo(server, body, d.src, d.port);
      },
    };
    return () => {
      for (let i = 0; i < BATCH; i++) a.udp.send(client, body);
      turn(a);
      turn(b);
      turn(a);
      for (let i = 0; i < BATCH; i++) {
        if (a.udp.receive(client, into, d) !== len) throw new Error('lost');
      }
    };
  };
}

/** The device takes nothing for a while: refused, told of room, sent again. */
function backPressure(): () => void {
  const rig = new StackRig();
  const { udp: protocol } = rig.stack;
  const s = protocol.open('ipv4');
  protocol.connect(s, ip('10.0.0.2'), PORT);
  const body = data(32);
  let isBlocked = false;
  const { out } = rig;
  out.room = () => (isBlocked ? 0 : 1024);
  return () => {
    isBlocked = true;
    let sent = 0;
    while (protocol.send(s, body) > 0) sent++;
    rig.check('filled', sent === rig.device.tx.capacity);
    rig.turn();
    isBlocked = false;
    rig.turn();
    rig.turn();
    rig.check('told', s.refusedBy === null);
  };
}

/** To a group that two sockets have joined: one wants these sources, one all but others. */
function toGroup(v6: boolean, isWanted: boolean): () => () => void {
  return () => {
    const rig = new StackRig();
    const group = v6 ? 'ff05::9' : '239.1.1.1';
    const from = v6 ? '2001:db8::2' : '10.0.0.2';
    const others = ['2001:db8::7', '2001:db8::8', '2001:db8::9'].map((s) =>
      v6 ? s : `10.0.0.${s.at(-1)}`,
    );
    const message = udp({ from: 4000, to: PORT }, data(100), from, group);
    const packet = v6
      ? ip6({ src: from, dst: group, next: 17 }, message)
      : ip4({ src: from, dst: group, protocol: 17 }, message);
    const template = rig.prepare(
      ethernet(packet, { dst: v6 ? '33:33:00:00:00:09' : '01:00:5e:01:01:01' }),
    );
    const sockets = [0, 1].map(() => rig.stack.udp.open('dual'));
    for (const s of sockets) {
      s.isReuseAddress = true;
      rig.stack.udp.bind(s, ip('::'), PORT);
    }
    const { index } = rig.iface;
    for (const other of others) sockets[0]!.groups.joinSource(ip(group), index, ip(other));
    if (isWanted) {
      sockets[0]!.groups.joinSource(ip(group), index, ip(from));
      sockets[1]!.groups.join(ip(group), index);
      for (const other of others) {
        sockets[1]!.groups.changeSource(ip(group), index, ip(other), true, true);
      }
    }
    const d = new Datagram();
    const into = new Uint8Array(2048);
    let calls = 0;
    return () => {
      for (let n = 0; n < BATCH; n++) rig.offer(template);
      rig.turn();
      calls++;
      let got = 0;
      for (const s of sockets) while (rig.stack.udp.receive(s, into, d) >= 0) got++;
      rig.check('received', got === (isWanted ? 2 * BATCH : 0));
      rig.check('filtered', isWanted || rig.dropped('IP_SOURCE_FILTERED') === calls * BATCH);
    };
  };
}

/** To a group that we listen to: out, and back to ourselves. */
function loopedGroup(v6: boolean): () => () => void {
  return () => {
    const rig = new StackRig();
    const group = ip(v6 ? 'ff05::9' : '239.1.1.1');
    const s = rig.stack.udp.open('dual');
    rig.stack.udp.bind(s, ip('::'), PORT);
    s.groups.join(group, rig.iface.index);
    s.multicastIndex = rig.iface.index;
    const d = new Datagram();
    const bytes = new Uint8Array(100);
    return () => {
      const before = rig.out.frames;
      for (let n = 0; n < BATCH; n++) rig.stack.udp.sendTo(s, bytes, group, PORT);
      rig.turn();
      rig.turn();
      let got = 0;
      while (rig.stack.udp.receive(s, bytes, d) >= 0) got++;
      rig.check('looped', got === BATCH && rig.out.frames - before === BATCH);
    };
  };
}

const each = (name: string, packetsPerCall: number, build: () => () => void): AllocCase => ({
  name: `UDP: ${name}`,
  packetsPerCall,
  build,
});
const OFFLOAD = { txChecksum: true, rxChecksum: true };

export const cases: readonly AllocCase[] = [
  each('echo, IPv4, 1 byte', BATCH, echoed(1)),
  each('echo, IPv4, nothing in it', BATCH, echoed(0)),
  each('echo, IPv4, 1472 bytes', BATCH, echoed(1472)),
  each('echo, IPv4, 100 bytes, connected', BATCH, echoed(100, { isConnected: true })),
  each('echo, IPv6, 100 bytes', BATCH, echoed(100, { v6: true })),
  each('echo, IPv6, 1452 bytes', BATCH, echoed(1452, { v6: true })),
  each(
    'echo, summed by the device',
    BATCH,
    echoed(1400, { caps: OFFLOAD, flags: RX_FLAG.CSUM_COMPLETE }),
  ),
  each(
    'echo, checksum left out',
    BATCH,
    echoed(1400, { caps: OFFLOAD, flags: RX_FLAG.CSUM_PARTIAL }),
  ),
  each('echo, 3000 bytes in fragments both ways', 3 * BATCH, echoed(3000, { share: 1480 })),
  each('port unreachable, IPv4', BATCH, refused(false, false)),
  each('port unreachable, IPv6', BATCH, refused(true, false)),
  each('port unreachable, rate limited', BATCH, refused(false, true)),
  each('a full receive queue', BATCH, overflowing),
  each('an ICMP error for a connected socket', BATCH, portUnreachable),
  each('loopback, IPv4', BATCH, loopback(false, 100)),
  each('loopback, IPv6, 1400 bytes', BATCH, loopback(true, 1400)),
  each('two stacks over a pipe, IPv4', BATCH, piped('10.0.0.2', 100)),
  each('two stacks over a pipe, IPv6, 3000 bytes', 3 * BATCH, piped('2001:db8::2', 3000)),
  each('to a group of two sockets with source filters, IPv4', BATCH, toGroup(false, true)),
  each('to a group of two sockets with source filters, IPv6', BATCH, toGroup(true, true)),
  each('to a group, from a source that nobody wants', BATCH, toGroup(false, false)),
  each('to a group, looped back, IPv4', BATCH, loopedGroup(false)),
  each('to a group, looped back, IPv6', BATCH, loopedGroup(true)),
  each('a full device, and room again', 1024, backPressure),
];
