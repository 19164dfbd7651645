/**
 * Random programs over the UDP socket calls. After each call the table in which datagrams find their socket is
 * asked for every combination of ends, and has to agree with a plain scan over all open sockets by the rule:
 * connected before address before wildcard before both families, and bound to the interface before not.
 */
import fc from 'fast-check';
import t from 'tap';
import type { UdpFamily, UdpSocket } from '../../src/udp/udp-socket.ts';
import { type Address, addressEquals, isUnspecified, isV4 } from '../../src/wire/address.ts';
import { data } from '../net/packets.ts';
import { ip } from '../net/rig.ts';
import { holds } from '../support/property.ts';
import { UdpHarness } from '../udp/udp-rig.ts';

const PORTS = [5000, 5001];
const LOCALS = [
  '0.0.0.0',
  '::',
  '10.0.0.1',
  '10.0.0.3',
  '127.0.0.1',
  '2001:db8::1',
  '224.0.0.1',
  'fe80::7',
];
const PEERS = ['10.0.0.2', '10.0.0.9', '2001:db8::2', '127.0.0.1', '::1', 'fe80::2', '0.0.0.0'];
const INDICES = [0, 2, 3];
const FAMILIES: readonly UdpFamily[] = ['ipv4', 'ipv6', 'dual'];

const call = fc.record({
  kind: fc.constantFrom(
    'open',
    'bind',
    'bind',
    'connect',
    'connect',
    'disconnect',
    'close',
    'send',
  ),
  which: fc.nat(7),
  family: fc.constantFrom(...FAMILIES),
  local: fc.constantFrom(...LOCALS),
  peer: fc.constantFrom(...PEERS),
  port: fc.constantFrom(...PORTS, 0),
  index: fc.constantFrom(...INDICES),
});
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

/** How particular a socket is about a datagram; -1: it is not for this one. */
function rank(
  s: UdpSocket,
  dst: Address,
  port: number,
  src: Address,
  from: number,
  iface: number,
): number {
  const v4 = isV4(dst);
  if (s.localPort !== port || (s.boundIndex !== 0 && s.boundIndex !== iface)) return -1;
  if (s.family !== 'dual' && (s.family === 'ipv4') !== v4) return -1;
  if (s.isConnected && (s.remotePort !== from || !addressEquals(s.remote, src))) return -1;
  const isWild = isUnspecified(s.local);
  if (isWild ? isV4(s.local) && !v4 : !addressEquals(s.local, dst)) return -1;
  const isForBoth = isWild && s.family === 'dual' && !isV4(s.local);
  const place = s.isConnected ? 3 : isWild ? (isForBoth ? 0 : 1) : 2;
  return place * 2 + (s.boundIndex !== 0 ? 1 : 0);
}

class Program {
  readonly h = new UdpHarness({
    addresses: ['10.0.0.1/24', '10.0.0.3/24', '2001:db8::1/64', 'fe80::7/64'],
  });
  private sockets: UdpSocket[] = [];

  constructor() {
    const other = this.h.addPort('eth1', '02:00:00:00:00:01');
    this.h.addAddress(other, 'fe80::7/64');
    this.h.settle();
  }

  run(c: Call): void {
    const { udp } = this.h;
    if (c.kind === 'open' || this.sockets.length === 0) this.sockets.push(udp.open(c.family));
    const s = this.sockets[c.which % this.sockets.length]!;
    if (c.kind === 'bind') udp.bind(s, ip(c.local), c.port, c.index);
    else if (c.kind === 'connect') udp.connect(s, ip(c.peer), c.port, c.index);
    else if (c.kind === 'disconnect') udp.disconnect(s);
    else if (c.kind === 'send') this.h.sendTo(s, data(3), `${c.peer}%${c.index}`, c.port);
    else if (c.kind === 'close') {
      udp.close(s);
      this.sockets = this.sockets.filter((other) => other !== s);
    }
  }

  /** What the table says against the scan; the first difference. */
  difference(): string | null {
    const ports = [...PORTS, ...this.sockets.map((s) => s.localPort).filter((p) => p > 32_767)];
    for (const dst of LOCALS.slice(2).map(ip)) {
      for (const src of PEERS.slice(0, 6).map(ip)) {
        if (isV4(src) !== isV4(dst)) continue;
        for (const port of ports) {
          for (const from of PORTS) {
            for (const iface of [1, 2, 3]) {
              const found = this.h.udp.demux.lookup(dst, port, src, from, iface);
              const ranks = this.sockets.map((s) => rank(s, dst, port, src, from, iface));
              const best = Math.max(-1, ...ranks);
              const winners = this.sockets.filter((_, i) => best >= 0 && ranks[i] === best);
              if (winners.length > 1) return `two sockets for port ${port} of rank ${best}`;
              const expected = winners[0]?.index ?? -1;
              if (found !== expected) return `port ${port}: ${found} instead of ${expected}`;
            }
          }
        }
      }
    }
    return null;
  }
}

t.test(
  'whatever is bound, connected and closed, a datagram finds the most particular socket',
  async (t) => {
    const property = fc.property(fc.array(call, { maxLength: 40 }), (calls) => {
      const program = new Program();
      for (const [i, c] of calls.entries()) {
        program.run(c);
        const difference = program.difference();
        if (difference !== null) throw new Error(`after call ${i}: ${difference}`);
      }
      program.h.stack.close();
      program.h.frames.releaseChunk();
      return program.h.memory.cells.held === 0 && program.h.udp.demux.size === 0;
    });
    holds(t, 'the table agrees with the scan', property, 60);
  },
);
