/** Segments that must not open anything, and the numbers that no outsider may know: RFC 9293 §3.1, §3.4.1, §3.9. */
import t from 'tap';
import { Rng } from '../../src/base/rng.ts';
import { SipHash } from '../../src/base/siphash.ts';
import { SEC } from '../../src/base/time.ts';
import type { FlowId } from '../../src/tcp/endpoint.ts';
import { initialSequence } from '../../src/tcp/isn.ts';
import { Listener } from '../../src/tcp/listener.ts';
import { TcpSettings } from '../../src/tcp/tcp-settings.ts';
import { tcpListen } from '../../src/tcp/user-calls.ts';
import { seqBits } from '../../src/wire/seq.ts';
import {
  BROADCAST_MAC,
  type Bytes,
  type Ethernet,
  ip4,
  ip6,
  PEER4,
  PEER6,
  US4,
  US6,
} from '../net/packets.ts';
import { dialogue, ip, type NetHarness } from '../net/rig.ts';
import { type TcpFields, tcpBytes } from './segment-text.ts';

const SYN: TcpFields = { srcPort: 40000, dstPort: 80, seq: 5000, ack: 0, flags: 'S', win: 65535 };

interface Case {
  readonly what: string;
  readonly fields?: Partial<TcpFields>;
  readonly src?: string;
  readonly dst?: string;
  readonly how?: Ethernet;
}

function packet({ fields = {}, src, dst }: Case): Bytes {
  const isV6 = (src ?? dst ?? '').includes(':');
  const from = src ?? (isV6 ? PEER6 : PEER4);
  const to = dst ?? (isV6 ? US6 : US4);
  const segment = tcpBytes({ ...SYN, ...fields }, from, to);
  return isV6
    ? ip6({ next: 6, src: from, dst: to }, segment)
    : ip4({ protocol: 6, src: from, dst: to }, segment);
}

function listen(h: NetHarness): void {
  const from = { local: ip('::'), port: 80, boundIndex: 0, settings: new TcpSettings() };
  const listener = tcpListen(h.stack.tcp, from, 16, { acceptable: () => undefined });
  if (!(listener instanceof Listener)) throw new Error(`listen: ${listener}`);
}

/** Each is dropped and counted; nobody hears of it and nothing begins. */
function allVanish(title: string, cases: readonly Case[]): void {
  dialogue(title, (t, h) => {
    listen(h);
    for (const c of cases) {
      t.not(h.give(packet(c), c.how), 'accepted', c.what);
      t.same(h.lines(), [], `${c.what}: no answer`);
      t.equal(h.stack.tcp.demux.size, 0, `${c.what}: no endpoint`);
    }
    t.equal(h.give(packet({ what: 'a SYN' })), 'accepted', 'a SYN');
    t.equal(h.stack.tcp.demux.size, 1, 'and it begins a connection');
  });
}

allVanish('RFC 9293 MUST-3: a segment with a wrong checksum is dropped', [
  { what: 'IPv4', fields: { isBadChecksum: true } },
  { what: 'IPv6', src: PEER6, fields: { isBadChecksum: true } },
  { what: 'a reset', fields: { isBadChecksum: true, flags: 'R' } },
]);

allVanish('RFC 9293 MUST-57: a SYN to a broadcast or multicast address is dropped in silence', [
  { what: 'the limited broadcast', dst: '255.255.255.255', how: { dst: BROADCAST_MAC } },
  { what: 'the subnet’s', dst: '10.0.0.255', how: { dst: BROADCAST_MAC } },
  { what: 'a group', dst: '224.0.0.1', how: { dst: '01:00:5e:00:00:01' } },
  { what: 'a group of IPv6', dst: 'ff02::1', how: { dst: '33:33:00:00:00:01' } },
  { what: 'our address, in a broadcast of the link', how: { dst: BROADCAST_MAC } },
]);

allVanish('RFC 9293 MUST-63: a SYN from an address that cannot be a host’s is dropped', [
  { what: 'broadcast', src: '255.255.255.255' },
  { what: 'a group', src: '224.0.0.5' },
  { what: 'nobody', src: '0.0.0.0' },
  { what: 'loopback', src: '127.0.0.1' },
  { what: 'ours', src: US4 },
  { what: 'a group of IPv6', src: 'ff02::5' },
  { what: 'loopback of IPv6', src: '::1' },
]);

dialogue(
  'RFC 9293 MUST-7, MUST-68: a SYN whose options lie about their length harms nothing',
  (t, h) => {
    listen(h);
    const lies = [
      [2, 0, 5, 180],
      [2, 1, 5, 180],
      [2, 255, 5, 180],
      [3, 40, 7, 1],
      [5, 7, 1, 2],
      [8, 10, 0, 0],
      [254, 0, 0, 0],
      [1, 1, 1, 2],
    ];
    for (const [i, options] of lies.entries()) {
      const fields = { options, srcPort: 41000 + i };
      t.equal(h.give(packet({ what: '', fields })), 'accepted', options.join(' '));
      t.match(h.lines(), [/./], `${options.join(' ')}: one SYN-ACK`);
    }
    t.equal(h.stack.tcp.demux.size, lies.length);
  },
);

const flow = (remotePort: number): FlowId => ({
  local: ip(US4),
  localPort: 80,
  remote: ip(PEER4),
  remotePort,
  boundIndex: 0,
});

t.test(
  'RFC 9293 MUST-8, SHLD-1: the first number of a 4-tuple moves with a clock of 4 µs',
  async (t) => {
    const hash = SipHash.fromStream(new Rng(1).stream('isn'));
    const at = (ns: number): number => seqBits(initialSequence(hash, flow(1), ns));
    for (const seconds of [0.000004, 0.001, 1, 3600]) {
      t.equal((at(seconds * SEC) - at(0)) >>> 0, Math.round(seconds * 250_000), `${seconds} s`);
    }
    t.equal(at(4.294967296 * 4000 * SEC), at(0), 'it comes round after 4.77 hours');
  },
);

t.test(
  'RFC 9293 MUST-9: without the secret the number of another 4-tuple says nothing',
  async (t) => {
    const numbers = new Set<number>();
    for (let seed = 1; seed <= 20; seed++) {
      const hash = SipHash.fromStream(new Rng(seed).stream('isn'));
      for (let port = 1; port <= 50; port++) {
        numbers.add(seqBits(initialSequence(hash, flow(port), 0)) >>> 0);
      }
    }
    t.equal(numbers.size, 1000, 'a thousand numbers of 20 secrets and 50 ports');
    const high = [...numbers].filter((n) => n >= 2 ** 31).length;
    t.ok(high > 400 && high < 600, `${high} of them in the upper half`);
  },
);
