/** What was let in lets in the next from there to here, until something changes that it was judged by. */
import fc from 'fast-check';
import t from 'tap';
import type { MemoryDevice } from '../../src/link/memory-device.ts';
import { ACCEPTED } from '../../src/net/drops.ts';
import { CONF4 } from '../../src/net/ipv4-conf.ts';
import { setEnabled } from '../../src/net/link-state.ts';
import { holds } from '../support/property.ts';
import {
  BROADCAST_MAC,
  type Bytes,
  data,
  echo4,
  echo6,
  ip4,
  ip6,
  OUR_MAC,
  OUR_MAC2,
  PEER4,
  PEER6,
  US4,
  US6,
  udp,
} from './packets.ts';
import { type Arrival, dialogue, ip, NetHarness, Port, type RigOptions } from './rig.ts';

const NO_PORT = 'UDP_NO_PORT';
const FAR4 = '192.0.2.7';

const udp4 = (src = PEER4, dst = US4, to = 9): Bytes =>
  ip4({ src, dst, protocol: 17 }, udp({ from: 7, to }, data(8), src, dst));
const udp6 = (src = PEER6, dst = US6, to = 9): Bytes =>
  ip6({ src, dst, next: 17 }, udp({ from: 7, to }, data(8), src, dst));

/** Frames on a loopback have no addresses. */
const LOOPED: Arrival = { dst: '00:00:00:00:00:00', src: '00:00:00:00:00:00' };

interface Case {
  readonly what: string;
  readonly packet: Bytes;
  /** Before the first one; and between the second and the third. */
  readonly before?: (h: NetHarness) => void;
  readonly change?: (h: NetHarness) => void;
  readonly how?: Arrival;
  readonly fate: string;
  readonly options?: RigOptions;
}

const setFilter = (h: NetHarness, mode: number) =>
  h.net.config.conf4.all.set(CONF4.RP_FILTER, mode);
const remove = (h: NetHarness, address: string) => h.stack.removeAddress(h.port.iface, ip(address));

const CASES: readonly Case[] = [
  { what: 'nothing', packet: udp4(), fate: NO_PORT },
  { what: 'nothing, of IPv6', packet: udp6(), fate: NO_PORT },
  {
    what: 'our address is no longer ours',
    packet: udp4(),
    change: (h) => remove(h, US4),
    fate: 'IP_NOT_LOCAL',
  },
  {
    what: 'our IPv6 address is no longer ours',
    packet: udp6(),
    change: (h) => remove(h, US6),
    fate: 'IP_NOT_LOCAL',
  },
  {
    what: 'our IPv6 address is in question again',
    packet: udp6(),
    change: (h) => {
      h.port.iface.conf6.set('dad_transmits', 1);
      for (const isEnabled of [false, true]) setEnabled(h.net, h.port.iface, isEnabled);
    },
    fate: 'IP_NOT_LOCAL',
  },
  {
    what: 'the source has become an address of ours',
    packet: udp4(),
    change: (h) => h.addAddress(h.port, '10.0.0.2/24'),
    fate: 'IP_MARTIAN_SOURCE',
  },
  {
    what: 'the IPv6 source has become an address of ours',
    packet: udp6(),
    change: (h) => h.addAddress(h.port, '2001:db8::2/64'),
    fate: 'IP_MARTIAN_SOURCE',
  },
  {
    what: "the source has become a subnet's broadcast address",
    packet: udp4('10.0.0.3'),
    change: (h) => h.addAddress(h.port, '10.0.0.2/30'),
    fate: 'IP_MARTIAN_SOURCE',
  },
  {
    what: 'it comes in a link-layer broadcast',
    packet: udp4(),
    how: { dst: BROADCAST_MAC },
    fate: 'IP_UNICAST_IN_LINK_GROUP',
  },
  {
    what: 'it comes in a link-layer broadcast, of IPv6',
    packet: udp6(),
    how: { dst: BROADCAST_MAC },
    fate: 'IP_UNICAST_IN_LINK_GROUP',
  },
  {
    what: 'the way back is asked for from now on, and there is none',
    packet: udp4(FAR4),
    options: { gateway: false },
    change: (h) => setFilter(h, 1),
    fate: 'IP_RPFILTER',
  },
  {
    what: 'the way back was asked for, and is gone',
    packet: udp4(FAR4),
    before: (h) => setFilter(h, 1),
    change: (h) => h.net.routes.removeWhere(({ gateway }) => gateway !== null),
    fate: 'IP_RPFILTER',
  },
];

for (const { what, packet, before, change, how, fate, options } of CASES) {
  dialogue(
    `what was let in is let in again, unless: ${what}`,
    (t, h) => {
      before?.(h);
      t.same(h.giveAll([packet, packet]), [NO_PORT, NO_PORT]);
      change?.(h);
      t.equal(h.give(packet, how), fate);
    },
    options,
  );
}

dialogue('what one listener alone was let have does not let in others (RFC 2131 §4.1)', (t, h) => {
  h.port.iface.setBoot({ port: 68, input: () => ACCEPTED });
  const offered = '10.0.0.99';
  t.equal(h.give(udp4(PEER4, offered, 68)), 'accepted');
  t.equal(h.give(udp4(PEER4, offered, 69)), 'IP_NOT_LOCAL');
});

dialogue(
  'what only ICMPv6 may carry as a source does not let in datagrams (RFC 4862 §5.4)',
  (t, h) => {
    for (const src of ['::', US6]) {
      h.give(echo6(data(8), { src }));
      t.equal(h.give(udp6(src)), 'IP_MARTIAN_SOURCE', src);
    }
  },
);

dialogue('packets between other addresses are judged by themselves', (t, h) => {
  const others = ['2001:db9::2', '2001:db8:1::2', '2001:db8::1:0:0:2', '2001:db8::3'];
  for (const other of others) h.addAddress(h.port, `${other}/64`);
  for (const other of others) {
    t.equal(h.give(udp6()), NO_PORT);
    t.equal(h.give(udp6(other)), 'IP_MARTIAN_SOURCE', other);
  }
  for (const dst of ['2001:db9::1', '2001:db8:1::1', '2001:db8::1:0:0:1', '2001:db8::9']) {
    t.equal(h.give(udp6()), NO_PORT);
    t.equal(h.give(udp6(PEER6, dst)), 'IP_NOT_LOCAL', dst);
  }
  t.equal(h.give(udp4()), NO_PORT);
  t.equal(h.give(udp4(PEER4, '10.0.0.9')), 'IP_NOT_LOCAL');
  t.equal(h.give(udp4('127.0.0.1')), 'IP_MARTIAN_SOURCE');
});

dialogue('nobody as a source is a martian each time (RFC 1122 §3.2.1.3 (a))', (t, h) => {
  const lo = new Port(h.net.interfaces[0]!, h.stack.devices[0] as MemoryDevice, h.port.wire);
  for (let i = 0; i < 2; i++) {
    t.equal(h.give(udp4('0.0.0.0', '127.0.0.5'), {}, lo), 'IP_MARTIAN_SOURCE');
  }
});

// ---- random dialogues ----

const FOUR = [US4, PEER4, FAR4, '10.0.0.3', '10.0.0.255', '127.0.0.5', '0.0.0.0', '224.0.0.1'];
const SIX = [US6, PEER6, '2001:db8::3', 'fe80::2', 'fe80::ff:fe00:1', '::1', '::', 'ff02::1'];
const often = <const T>(usual: T, ...others: readonly T[]) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );

const STEP = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('packet' as const),
      v6: fc.boolean(),
      src: fc.oneof(fc.constantFrom(1, 1, 1, 2), fc.nat(7)),
      dst: fc.oneof(fc.constantFrom(0, 0, 0, 3), fc.nat(7)),
      what: fc.constantFrom<(number | 'echo')[]>(9, 9, 68, 'echo'),
      mac: often('', BROADCAST_MAC),
      at: often(0, 1, 2),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('address' as const),
      isAdded: fc.boolean(),
      v6: fc.boolean(),
      which: fc.nat(7),
      isShort: fc.boolean(),
      at: fc.nat(1),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        ...(['rp_filter', 'forwarding4', 'forwarding6', 'dad_transmits', 'link'] as const),
        ...(['boot', 'route', 'time'] as const),
      ),
      value: fc.nat(2),
      at: often(0, 1),
    }),
  },
);
type Step = Parameters<Parameters<typeof STEP.map>[0]>[0];

function packetOf({ v6, what, ...ends }: Extract<Step, { kind: 'packet' }>): Bytes {
  const pool = v6 ? SIX : FOUR;
  const [src, dst] = [pool[ends.src]!, pool[ends.dst]!];
  if (what === 'echo') return (v6 ? echo6 : echo4)(data(8), { src, dst });
  return (v6 ? udp6 : udp4)(src, dst, what);
}

/** A host with two interfaces. @param isKept what is decided of a pair of addresses is; false: each packet is judged. */
class World {
  private readonly h = new NetHarness({ cellBytes: 1 << 20 });
  private readonly ports: readonly Port[];

  constructor(isKept: boolean) {
    const { h } = this;
    h.addPort('eth1', OUR_MAC2);
    const { devices, net } = h.stack;
    this.ports = [
      ...h.ports,
      new Port(net.interfaces[0]!, devices[0] as MemoryDevice, h.port.wire),
    ];
    if (isKept) return;
    for (const { admitted4, admitted6 } of net.interfaces) {
      Object.assign(admitted4, { has4: () => false });
      Object.assign(admitted6, { has6: () => false });
    }
  }

  /** What came of it, and all that is counted. */
  take(step: Step): string {
    const { h } = this;
    const { ip4: mib4, ip6: mib6 } = h.net.mib;
    const outcome = this.outcome(step);
    h.settle();
    const lines = h.ports.flatMap((p) => p.lines());
    return JSON.stringify([outcome, lines, mib4.toObject(), mib6.toObject()]);
  }

  close(): void {
    this.h.stop();
  }

  private outcome(step: Step): unknown {
    const { h } = this;
    const port = this.ports[step.at]!;
    if (step.kind === 'packet') {
      if (step.at === 2) return h.give(packetOf(step), LOOPED, port);
      return h.give(
        packetOf(step),
        { dst: step.mac || (step.at === 0 ? OUR_MAC : OUR_MAC2) },
        port,
      );
    }
    if (step.kind === 'address') {
      const { v6, isAdded, isShort } = step;
      const address = (v6 ? SIX : FOUR)[step.which]!;
      if (!isAdded) return h.stack.removeAddress(port.iface, ip(address));
      const bits = isShort ? (v6 ? 64 : 24) : v6 ? 128 : 30;
      return h.addAddress(port, `${address}/${bits}`);
    }
    return this.set(step.kind, step.value, port);
  }

  private set(what: string, value: number, { iface }: Port): unknown {
    const { h } = this;
    const { routes } = h.net;
    if (what === 'rp_filter') return iface.conf4.own.set(CONF4.RP_FILTER, value);
    if (what === 'forwarding4') return iface.conf4.own.set(CONF4.FORWARDING, value & 1);
    if (what === 'forwarding6') return iface.conf6.set('forwarding', value & 1);
    if (what === 'dad_transmits') return iface.conf6.set('dad_transmits', value > 0 ? 1 : 0);
    if (what === 'link') {
      return [h.stack.setLink(iface, false), value === 0 || h.stack.setLink(iface, true)];
    }
    if (what === 'time') return h.advance(value);
    if (what === 'boot') {
      return iface.setBoot(value === 0 ? null : { port: 68, input: () => ACCEPTED });
    }
    if (value > 1) return h.stack.addDefaultRoute(ip('10.0.0.254'));
    return routes.removeWhere(({ gateway }) => gateway !== null);
  }
}

t.test(
  'in random dialogues each packet has the fate that it has when judged by itself',
  async (t) => {
    const property = fc.property(
      fc.array(STEP, { minLength: 40, maxLength: 150, size: 'max' }),
      (steps) => {
        const worlds = [new World(true), new World(false)];
        const isSame = steps.every((step) => {
          const [once, each] = worlds.map((w) => w.take(step));
          return once === each;
        });
        for (const w of worlds) w.close();
        return isSame;
      },
    );
    holds(t, 'the same', property, 100);
  },
);
