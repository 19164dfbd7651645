/** The stack as a router: whole packets, pieces, super-frames, what goes no further; and tagged frames. */

import type { DeviceCaps } from '../../src/link/device.ts';
import { GSO, RX_FLAG } from '../../src/link/ring-layout.ts';
import { CONF4 } from '../../src/net/ipv4-conf.ts';
import { NO_FACTS, NO_METRICS, Route } from '../../src/net/route-table.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import { data, echo4, ethernet, ip4, ip6, join, u16, udp } from '../../test/net/packets.ts';
import type { AllocCase } from './measure.ts';
import { ip, StackRig } from './stack-rig.ts';

const BATCH = 8;
const NEXT = new MacAddress(0x0200, 3);
const SUPER: Partial<DeviceCaps> = { rxChecksum: true, gro: true, maxFrame: 65550 };
const SEGMENTS: Partial<DeviceCaps> = { ...SUPER, txChecksum: true, tso4: true };

/** From the one link back onto it, to a host behind another router there. */
function router(caps: Partial<DeviceCaps>): StackRig {
  const rig = new StackRig({ caps });
  const { config } = rig.stack.net;
  config.forwarding4 = 1;
  config.forwarding6 = 1;
  config.conf4.all.set(CONF4.SEND_REDIRECTS, 0);
  rig.iface.conf4.own.set(CONF4.SEND_REDIRECTS, 0);
  rig.iface.neighbours.set(ip('10.0.0.3'), NEXT, true);
  rig.iface.neighbours.set(ip('2001:db8::3'), NEXT, true);
  rig.stack.addRoute(ip('203.0.113.0'), 24, ip('10.0.0.3'), null);
  rig.stack.addRoute(ip('2001:db9::'), 32, ip('2001:db8::3'), null);
  return rig;
}

interface Given {
  readonly bytes: Uint8Array;
  readonly flags?: number;
  readonly csum?: number;
  readonly gso?: number;
  readonly caps?: Partial<DeviceCaps>;
}

/** So many frames out for each that comes in; of the route's MTU, if there is one. */
function forwarded(
  { bytes, flags, csum, gso, caps }: Given,
  out: number,
  mtu = 0,
): () => () => void {
  return () => {
    const rig = router(caps ?? {});
    if (mtu > 0) {
      const metrics = { mtu, isMtuLocked: false, advmss: 0, initcwnd: 0 };
      rig.stack.replaceRoute(ip('203.0.113.0'), 24, ip('10.0.0.3'), null, undefined, metrics);
    }
    const template = rig.prepare(bytes, flags ?? 0, 0, csum ?? 0, gso ?? 0);
    return () => {
      const before = rig.out.frames;
      for (let i = 0; i < BATCH; i++) rig.offer(template);
      rig.turn();
      rig.check('forwarded', rig.out.frames - before === BATCH * out);
    };
  };
}

/** A thousand destinations, so that each packet has a path of its own. */
function manyDestinations(): () => void {
  const rig = router({});
  const templates = Array.from({ length: 200 }, (_, i) =>
    rig.prepare(packet4(100, `203.0.113.${i + 1}`)),
  );
  let next = 0;
  return () => {
    const before = rig.out.frames;
    for (let i = 0; i < BATCH; i++) rig.offer(templates[next++ % templates.length]!);
    rig.turn();
    rig.check('forwarded', rig.out.frames - before === BATCH);
  };
}

/** An echo on a VLAN: tag off, tag on. */
function tagged(): () => void {
  const rig = new StackRig();
  const vlan = rig.stack.addVlan(rig.iface, 100, 'vlan100');
  if (typeof vlan === 'number') throw new Error(`VLAN: ${vlan}`);
  rig.stack.addAddress(vlan, ip('10.100.0.1'), 24);
  vlan.neighbours.set(ip('10.100.0.2'), NEXT, true);
  const frame = ethernet(echo4(data(56), { src: '10.100.0.2', dst: '10.100.0.1' }));
  const tag = [0x81, 0, 0, 100];
  const template = rig.prepare(join(frame.subarray(0, 12), tag, frame.subarray(12)));
  rig.turn();
  return () => {
    const before = rig.out.frames;
    for (let i = 0; i < BATCH; i++) rig.offer(template);
    rig.turn();
    rig.check('answered', rig.out.frames - before === BATCH);
  };
}

/** Back onto the sender's link, and the sender is told of the better way, as often as it takes the other. */
function redirected(packet: Uint8Array): () => () => void {
  return () => {
    const rig = router({});
    const { config } = rig.stack.net;
    config.conf4.all.set(CONF4.SEND_REDIRECTS, 1);
    config.icmpRate4Ns = 0;
    config.icmpRate6Ns = 0;
    config.icmpMessagesPerSec = 0;
    rig.iface.neighbours.set(ip('fe80::3'), NEXT, true);
    rig.stack.addRoute(ip('2001:dba::'), 32, ip('fe80::3'), rig.iface);
    const template = rig.prepare(packet);
    return () => {
      const before = rig.out.frames;
      for (let i = 0; i < BATCH; i++) rig.offer(template);
      rig.turn();
      rig.check('forwarded and told', rig.out.frames - before === 2 * BATCH);
    };
  };
}

/** What does not fit is answered each time: there is no limit on that. */
function tooBig(packet: Uint8Array, to: string, bits: number, via: string): () => () => void {
  return () => {
    const rig = router({});
    const metrics = { mtu: 1300, isMtuLocked: false, advmss: 0, initcwnd: 0 };
    rig.stack.replaceRoute(ip(to), bits, ip(via), null, undefined, metrics);
    const template = rig.prepare(packet);
    return () => {
      const before = rig.out.frames;
      for (let i = 0; i < BATCH; i++) rig.offer(template);
      rig.turn();
      rig.check('told', rig.out.frames - before === BATCH);
    };
  };
}

/** To where a route says that there is no way: in silence. */
function refused(): () => void {
  const rig = router({});
  const { net } = rig.stack;
  const lo = net.interfaces[0]!;
  const facts = { ...NO_FACTS, type: 'blackhole' } as const;
  net.routes.add(new Route(ip('198.18.0.0'), 112, null, lo, 0, NO_METRICS, null, facts));
  const template = rig.prepare(packet4(100, '198.18.0.1'));
  return () => {
    const before = rig.dropped('FORWARD_REFUSED');
    for (let i = 0; i < BATCH; i++) rig.offer(template);
    rig.turn();
    rig.check('dropped', rig.dropped('FORWARD_REFUSED') - before === BATCH);
  };
}

/** The last hop: the error that tells is limited, so that most make none. */
function expired(): () => void {
  const rig = router({});
  const template = rig.prepare(packet4(100, '203.0.113.1', 1));
  return () => {
    const before = rig.dropped('FORWARD_TTL');
    for (let i = 0; i < BATCH; i++) rig.offer(template);
    rig.turn();
    rig.check('dropped', rig.dropped('FORWARD_TTL') - before === BATCH);
  };
}

function packet4(size: number, dst = '203.0.113.1', ttl = 64, df = false): Uint8Array {
  return ethernet(ip4({ dst, ttl, df, protocol: 17 }, udp({}, data(size), '10.0.0.2', dst)));
}

const packet6 = ethernet(ip6({ dst: '2001:db9::1', next: 17 }, udp({}, data(1400))));
const text = join(u16(1), u16(2), new Uint8Array(8), [0x50, 0x10, 0, 0, 0, 0, 0, 0], data(8000));
const segments = ethernet(ip4({ dst: '203.0.113.1', protocol: 6, df: true }, text));
const isPartial = {
  flags: RX_FLAG.CSUM_PARTIAL,
  csum: (34 << 16) | 16,
  gso: (GSO.TCPV4 << 16) | 1000,
};

const each = (name: string, build: () => () => void): AllocCase => ({
  name,
  packetsPerCall: BATCH,
  build,
});

export const cases: readonly AllocCase[] = [
  each('a packet forwarded, IPv4', forwarded({ bytes: packet4(1400) }, 1)),
  each('a packet forwarded, IPv6', forwarded({ bytes: packet6 }, 1)),
  each('packets forwarded to many destinations', manyDestinations),
  each('a packet forwarded in two pieces', forwarded({ bytes: packet4(1400) }, 2, 1000)),
  each('a super-frame forwarded', forwarded({ bytes: segments, ...isPartial, caps: SEGMENTS }, 1)),
  each(
    'a super-frame forwarded in segments',
    forwarded({ bytes: segments, ...isPartial, caps: SUPER }, 8),
  ),
  each('a packet on its last hop', expired),
  each('a packet forwarded, its sender redirected, IPv4', redirected(packet4(100))),
  each(
    'a packet forwarded, its sender redirected, IPv6',
    redirected(ethernet(ip6({ dst: '2001:dba::1', next: 17 }, udp({}, data(100))))),
  ),
  each(
    'a packet too big, IPv4',
    tooBig(packet4(1400, '203.0.113.1', 64, true), '203.0.113.0', 24, '10.0.0.3'),
  ),
  each('a packet too big, IPv6', tooBig(packet6, '2001:db9::', 32, '2001:db8::3')),
  each('a packet that a route refuses', refused),
  each('an echo request answered on a VLAN', tagged),
];
