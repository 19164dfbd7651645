/** SO_PRIORITY, and what IP_TOS makes of it; the values are those of a Linux 6.18 that was asked the same. */
import type { Test } from 'tap';
import type { Interface } from '../../src/net/interface.ts';
import { AF, IP_OPT, IPV6_OPT, SO, SOCK, SOL } from '../../src/socket/abi.ts';
import type { ControlMessage } from '../../src/socket/control-message.ts';
import { Message } from '../../src/socket/message.ts';
import { type Bytes, data, ethernet, ip4, join, u16 } from '../net/packets.ts';
import { ip } from '../net/rig.ts';
import { type TcpFields, tcpBytes } from '../tcp/segment-text.ts';
import { addr, dialogue, type SocketHarness } from './socket-rig.ts';

const US = '10.100.0.1';
const PEER = '10.100.0.2';
/** Each priority from 1 to 7 is its own code point. */
function addVlan(h: SocketHarness): Interface {
  const vlan = h.stack.addVlan(h.port.iface, 100, 'eth0.100', { groupReports: false });
  if (typeof vlan === 'number') throw new Error(`addVlan: ${vlan}`);
  h.stack.addAddress(vlan, ip(US), 24);
  vlan.neighbours.set(ip(PEER), h.port.iface.device.mac, true);
  for (let p = 1; p <= 7; p++) vlan.vlan!.mapPriority(p, p);
  h.settle();
  h.port.wire.frames.length = 0;
  return vlan;
}

/** The code points of what has left. */
function left(h: SocketHarness): number[] {
  h.settle();
  return h.port.wire.frames.splice(0).map((f) => f[14]! >>> 5);
}

const priority = (h: SocketHarness, fd: number): number =>
  h.api.getInt(fd, SOL.SOCKET, SO.PRIORITY);

dialogue('IP_TOS sets SO_PRIORITY, as rt_tos2priority has it, when it changes', (t, h) => {
  for (const type of [SOCK.DGRAM, SOCK.STREAM]) {
    const of = (tos: number): number => {
      const fd = h.api.socket(AF.INET, type, 0);
      h.api.setInt(fd, SOL.IP, IP_OPT.TOS, tos);
      return priority(h, fd);
    };
    const values = [0, 0x02, 0x04, 0x08, 0x0c, 0x10, 0x18, 0x1c, 0xb8, 0xe0, 0xff];
    t.same(values.map(of), [0, 0, 0, 2, 2, 6, 4, 4, 4, 0, 4]);
    const fd = h.api.socket(AF.INET, type, 0);
    h.api.setInt(fd, SOL.SOCKET, SO.PRIORITY, 5);
    h.api.setInt(fd, SOL.IP, IP_OPT.TOS, 0);
    t.equal(priority(h, fd), 5, 'nothing has changed');
    h.api.setInt(fd, SOL.IP, IP_OPT.TOS, 0x10);
    t.equal(priority(h, fd), 6);
    h.api.setInt(fd, SOL.SOCKET, SO.PRIORITY, 3);
    h.api.setInt(fd, SOL.IP, IP_OPT.TOS, 0x10);
    t.equal(priority(h, fd), 3);
    h.api.setInt(fd, SOL.IP, IP_OPT.TOS, 0x13);
    t.equal(priority(h, fd), type === SOCK.DGRAM ? 6 : 3, 'the bits of ECN are not TCP’s to set');
  }
  const six = h.udp(AF.INET6);
  h.api.setInt(six, SOL.IPV6, IPV6_OPT.TCLASS, 0x10);
  t.equal(priority(h, six), 0, 'IPV6_TCLASS does not');
});

dialogue('SO_PRIORITY: what a VLAN maps to its tag, of datagrams and of connections', (t, h) => {
  addVlan(h);
  const fd = h.udp();
  const send = (): number[] => {
    h.sendto(fd, 4, `${PEER}:9`);
    return left(h);
  };
  t.same(send(), [0]);
  h.api.setInt(fd, SOL.SOCKET, SO.PRIORITY, 5);
  t.same(send(), [5]);
  h.api.setInt(fd, SOL.SOCKET, SO.PRIORITY, 99);
  t.same(send(), [0], 'what is not mapped');
  h.api.setInt(fd, SOL.IP, IP_OPT.TOS, 0x10);
  t.same(send(), [6]);
  connection(t, h);
});

/** A segment for us with the VLAN's tag. */
function give(h: SocketHarness, f: Partial<TcpFields>): string {
  const fields = { srcPort: 1111, dstPort: 8080, seq: 1, ack: 0, flags: 'S', win: 65535, ...f };
  const frame: Bytes = ethernet(
    ip4({ src: PEER, dst: US, protocol: 6 }, tcpBytes(fields, PEER, US)),
  );
  return h.giveFrame(join(frame.subarray(0, 12), u16(0x8100), u16(100), frame.subarray(12)));
}

const isnOf = (frame: Bytes): number =>
  new DataView(frame.buffer, frame.byteOffset).getUint32(14 + 4 + 20 + 4);

/** As on Linux the SYN-ACK has the listener's, and the connection none; a TIME-WAIT has its connection's. */
function connection(t: Test, h: SocketHarness): void {
  const l = h.api.socket(AF.INET, SOCK.STREAM, 0);
  h.api.setInt(l, SOL.SOCKET, SO.PRIORITY, 4);
  h.api.bind(l, addr(`${US}:8080`));
  h.api.listen(l, 8);
  t.equal(give(h, {}), 'accepted');
  const isn = isnOf(h.port.wire.frames[0]!);
  t.same(left(h), [4], 'the SYN-ACK');
  t.equal(give(h, { seq: 2, ack: isn + 1, flags: '.' }), 'accepted');
  const c = h.api.accept(l, null, 0);
  t.equal(priority(h, c), 0);
  h.api.send(c, data(5), 0);
  t.same(left(h), [0]);
  t.equal(priority(h, l), 4);
  t.equal(give(h, { seq: 2, ack: isn + 6, flags: '.' }), 'accepted');
  h.api.setInt(c, SOL.SOCKET, SO.PRIORITY, 7);
  h.api.send(c, data(5), 0);
  t.same(left(h), [7]);
  h.api.close(c);
  t.same(left(h), [7], 'the FIN');
  t.equal(give(h, { seq: 2, ack: isn + 12, flags: 'F.' }), 'accepted');
  t.same(left(h), [7], 'the last ACK');
  h.advance(1);
  give(h, { seq: 2, ack: isn + 12, flags: 'F.' });
  t.same(left(h), [7], 'what TIME-WAIT answers');
}

dialogue('IP_TOS and SO_PRIORITY of one send', (t, h) => {
  addVlan(h);
  const fd = h.udp();
  h.api.setInt(fd, SOL.SOCKET, SO.PRIORITY, 3);
  const send = (...control: ControlMessage[]): number[] => {
    const m = new Message([data(4)]);
    m.name.copy(addr(`${PEER}:9`));
    m.control.push(...control);
    t.equal(h.api.sendmsg(fd, m, 0), 4);
    return left(h);
  };
  const tos = { level: SOL.IP, type: IP_OPT.TOS, kind: 'int', value: 0x08 } as const;
  const own = { level: SOL.SOCKET, type: SO.PRIORITY, kind: 'int', value: 5 } as const;
  t.same([send(), send(tos), send(own), send()], [[3], [2], [5], [3]]);
});
