/** Every way through the network layer, as whole turns of a stack: echo, fragments, ARP, NDP, errors, drops. */
import { RX_FLAG } from '../../src/link/ring-layout.ts';
import { Datagram } from '../../src/net/datagram-store.ts';
import { sumBytes } from '../../src/wire/checksum.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import {
  addressBytes,
  data,
  echo4,
  echo6,
  ethernet,
  fragments4,
  fragments6,
  hex,
  icmp6,
  ip6,
  join,
  PEER_MAC,
  u16,
} from '../../test/net/packets.ts';
import type { AllocCase } from './measure.ts';
import { ip, StackRig } from './stack-rig.ts';

/** Packets a turn: the price of the turn itself counts with each. */
const BATCH = 8;

/** The same frames in, each turn, and so many frames out. */
function answered(frames: readonly Uint8Array[], out: number): () => () => void {
  return () => {
    const rig = new StackRig();
    const templates = frames.map((bytes) => rig.prepare(bytes));
    return () => {
      const before = rig.out.frames;
      for (let i = 0; i < templates.length; i++) rig.offer(templates[i]!);
      rig.turn();
      rig.check('answered', rig.out.frames - before === out);
    };
  };
}

const times = (n: number, bytes: Uint8Array): Uint8Array[] => new Array<Uint8Array>(n).fill(bytes);

/** The device sums, or vouches. */
function offloaded(bytes: Uint8Array, flags: number): () => () => void {
  return () => {
    const rig = new StackRig({ caps: { txChecksum: true, rxChecksum: true } });
    const sum = sumBytes(new DataView(bytes.buffer), 14, bytes.length - 14, 0);
    const template = rig.prepare(bytes, flags, sum, (34 << 16) | 2);
    return () => {
      const before = rig.out.frames;
      for (let i = 0; i < BATCH; i++) rig.offer(template);
      rig.turn();
      rig.check('answered', rig.out.frames - before === BATCH);
    };
  };
}

/** Our own ping: request out, reply in, read. The peer is the prepared reply. */
function ping(to: string, len: number): () => () => void {
  return () => {
    const rig = new StackRig();
    const socket = rig.stack.net.echoes.open()!;
    const body = data(len);
    const reply = to.includes(':')
      ? ip6({}, icmp6({ type: 129, rest: socket.id * 65536 + 1 }, body))
      : echoReply4(socket.id, body);
    const template = rig.prepare(ethernet(reply));
    const d = new Datagram();
    const into = new Uint8Array(2048);
    const peer = ip(to);
    const { echoes } = rig.stack.net;
    return () => {
      for (let i = 0; i < BATCH; i++) {
        if (echoes.send(socket, peer, 1, body) !== 0) throw new Error('not sent');
        rig.offer(template);
      }
      rig.turn();
      for (let i = 0; i < BATCH; i++) {
        if (echoes.receive(socket, into, d) !== len) throw new Error('no reply');
      }
    };
  };
}

function echoReply4(id: number, body: Uint8Array): Uint8Array {
  const packet = echo4(body, {}, id, 1);
  packet[20] = 0; // echo reply: the checksum grows by what the type lost
  const check = (packet[22]! << 8) | packet[23]!;
  const next = check + 0x0800;
  packet.set(u16((next & 0xffff) + (next >>> 16)), 22);
  return packet;
}

function arpRequest(): Uint8Array {
  const body = join(
    [0, 1, 8, 0, 6, 4, 0, 1],
    hex(PEER_MAC),
    addressBytes('10.0.0.2'),
    new Uint8Array(6),
    addressBytes('10.0.0.1'),
  );
  return ethernet(body, { type: 0x0806, dst: 'ff:ff:ff:ff:ff:ff' });
}

function solicitation(): Uint8Array {
  const group = 'ff02::1:ff00:1';
  const rest = join(addressBytes('2001:db8::1'), [1, 1], hex(PEER_MAC));
  const message = icmp6({ type: 135 }, rest, '2001:db8::2', group);
  const packet = ip6({ src: '2001:db8::2', dst: group, hop: 255 }, message);
  return ethernet(packet, { dst: '33:33:ff:00:00:01' });
}

/** Frames that are dropped, for the same reason each. */
function dropped(bytes: Uint8Array, name: Parameters<StackRig['dropped']>[0]): () => () => void {
  return () => {
    const rig = new StackRig();
    const template = rig.prepare(bytes);
    return () => {
      const before = rig.dropped(name);
      for (let i = 0; i < BATCH; i++) rig.offer(template);
      rig.turn();
      rig.check(name, rig.dropped(name) - before === BATCH);
    };
  };
}

/** A neighbour nobody knows: the datagram waits, ARP asks, the answer comes, it leaves. */
function resolved(): () => void {
  const rig = new StackRig();
  const { udp } = rig.stack;
  const s = udp.open('ipv4');
  const to = ip('10.0.0.9');
  const body = data(700);
  const mac = '02:00:00:00:00:09';
  const reply = join(
    [0, 1, 8, 0, 6, 4, 0, 2],
    hex(mac),
    addressBytes('10.0.0.9'),
    hex('02:00:00:00:00:01'),
    addressBytes('10.0.0.1'),
  );
  const template = rig.prepare(ethernet(reply, { type: 0x0806, src: mac }));
  return () => {
    rig.stack.env.nowNs += 2e9; // one question a second, also for who was forgotten
    rig.iface.neighbours.remove(to);
    const before = rig.out.frames;
    if (udp.sendTo(s, body, to, 7) !== 700) throw new Error('not sent');
    rig.offer(template);
    rig.turn();
    rig.check('asked, and sent', rig.out.frames - before === 2);
  };
}

/** Fragments whose other half never comes: their time passes, and the sender is told. */
function timedOut(): () => void {
  const rig = new StackRig();
  const template = rig.prepare(pieces4[0]!);
  return () => {
    rig.offer(template);
    rig.turn();
    rig.stack.env.nowNs += 31e9;
    const before = rig.out.frames;
    rig.turn();
    rig.check('told', rig.out.frames - before === 1);
  };
}

/** A neighbour in use that goes stale, is probed, and answers. */
function probed(): () => void {
  const rig = new StackRig();
  const { neighbours } = rig.iface;
  const socket = rig.stack.net.echoes.open()!;
  const body = data(8);
  const mac = new MacAddress(0x0200, 9);
  const to = ip('10.0.0.9');
  const { echoes, config } = rig.stack.net;
  // In milliseconds, so that the two hours after which ReachableTime is drawn anew pass seldom.
  config.baseReachableNs = 30e6;
  config.delayFirstProbeNs = 5e6;
  neighbours.set(to, mac, false);
  return () => {
    rig.stack.env.nowNs += 60e6;
    rig.turn(); // REACHABLE no more
    if (echoes.send(socket, to, 1, body) !== 0) throw new Error('not sent');
    rig.stack.env.nowNs += 6e6;
    const before = rig.out.frames;
    rig.turn(); // DELAY is over
    rig.check('probed', rig.out.frames - before >= 1);
    neighbours.confirm(neighbours.find(to)!);
  };
}

const small4 = ethernet(echo4(data(56)));
const small6 = ethernet(echo6(data(56)));
const full4 = ethernet(echo4(data(1472)));
const full6 = ethernet(echo6(data(1452)));
const pieces4 = fragments4(echo4(data(4000)), 1480, { id: 9 }).map((p) => ethernet(p));
const pieces6 = fragments6(echo6(data(4000)), 1448, 9).map((p) => ethernet(p));
const swapped4 = [2, 0, 1].map((i) => pieces4[i]!);
const wrongSum = small4.slice();
wrongSum[50]! ^= 1;

const each = (name: string, packetsPerCall: number, build: () => () => void): AllocCase => ({
  name,
  packetsPerCall,
  build,
});

export const cases: readonly AllocCase[] = [
  each('an empty turn', 1, () => {
    const rig = new StackRig();
    return () => rig.turn();
  }),
  each('echo request answered, IPv4, 56 bytes', BATCH, answered(times(BATCH, small4), BATCH)),
  each('echo request answered, IPv6, 56 bytes', BATCH, answered(times(BATCH, small6), BATCH)),
  each('echo request answered, IPv4, 1472 bytes', BATCH, answered(times(BATCH, full4), BATCH)),
  each('echo request answered, IPv6, 1452 bytes', BATCH, answered(times(BATCH, full6), BATCH)),
  each('echo request answered, one a turn', 1, answered([small4], 1)),
  each('echo request in fragments, IPv4, 4000 bytes', 3, answered(pieces4, 3)),
  each('echo request in fragments, IPv6, 4000 bytes', 3, answered(pieces6, 3)),
  each('echo request in fragments out of order', 3, answered(swapped4, 3)),
  each('echo request, checksum done by the device', BATCH, offloaded(full4, RX_FLAG.CSUM_VALID)),
  each('echo request, checksum left out', BATCH, offloaded(full4, RX_FLAG.CSUM_PARTIAL)),
  each('echo request, summed by the device', BATCH, offloaded(full6, RX_FLAG.CSUM_COMPLETE)),
  each('ping and its reply, IPv4', BATCH, ping('10.0.0.2', 56)),
  each('ping and its reply, IPv6', BATCH, ping('2001:db8::2', 56)),
  each('ping and its reply, IPv4, 1472 bytes', BATCH, ping('10.0.0.2', 1472)),
  each('ARP request answered', BATCH, answered(times(BATCH, arpRequest()), BATCH)),
  each('neighbour solicitation answered', BATCH, answered(times(BATCH, solicitation()), BATCH)),
  each('a neighbour resolved, and what waited sent', 1, resolved),
  each('a neighbour probed', 1, probed),
  each('fragments that time out', 1, timedOut),
  each('a bad checksum dropped', BATCH, dropped(wrongSum, 'ICMP_BAD_CHECKSUM')),
  each(
    'not our address, dropped',
    BATCH,
    dropped(ethernet(echo4(data(56), { dst: '10.0.0.9' })), 'IP_NOT_LOCAL'),
  ),
  each('a truncated frame dropped', BATCH, dropped(small4.slice(0, 60), 'IP_TRUNCATED')),
];
