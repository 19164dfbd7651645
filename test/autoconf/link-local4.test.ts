/** RFC 5227 and RFC 3927: an address is asked for, announced, defended and given up, second by second. */
import t, { type Test } from 'tap';
import { LinkLocal4 } from '../../src/autoconf/link-local4.ts';
import { AddressClaim, type ClaimOwner } from '../../src/net/conflict.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { data, GATEWAY_MAC, OUR_MAC } from '../net/packets.ts';
import { dialogue, ip, NetHarness } from '../net/rig.ts';
import { arpFrame, type Moment, watch } from './arp-rig.ts';

const NOBODY = { addresses: [], gateway: false } as const;
const WANTED = '10.0.0.9';

/** Says what became of a claim, and uses the address as an owner does. */
class Owner implements ClaimOwner {
  readonly said: string[] = [];
  readonly claim: AddressClaim;
  private readonly h: NetHarness;

  constructor(h: NetHarness) {
    this.h = h;
    const random = h.net.env.rng.stream('test.claim');
    this.claim = new AddressClaim(h.net, h.port.iface, random, this);
    this.claim.start(ip(WANTED).w3);
  }

  addressFree(): void {
    this.said.push('free');
    this.h.stack.addAddress(this.h.port.iface, ip(WANTED), 24);
  }

  addressTaken(wasHeld: boolean): void {
    this.said.push(wasHeld ? 'lost' : 'taken');
  }
}

const lines = (moments: readonly Moment[]): string[] => moments.map((m) => m.line);

function claimed(h: NetHarness): Owner {
  const owner = new Owner(h);
  watch(h, 20);
  return owner;
}

t.test('RFC 5227 §2.1.1, §2.3: three probes, then silence, then two announcements', async (t) => {
  const waits = new Set<number>();
  for (let seed = 1; seed <= 20; seed++) {
    const h = new NetHarness({ ...NOBODY, seed });
    const owner = new Owner(h);
    const seen = watch(h, 20);
    t.same(
      lines(seen),
      [...Array(3).fill(`probe ${WANTED}`), ...Array(2).fill(`announce ${WANTED}`)],
      `seed ${seed}`,
    );
    const [first, second, third, free, again] = seen.map((m) => m.at) as [
      number,
      number,
      number,
      number,
      number,
    ];
    t.ok(first >= 0 && first <= 1, `PROBE_WAIT ${first}`);
    for (const gap of [second - first, third - second]) {
      t.ok(gap >= 1 && gap <= 2, `PROBE_MIN to PROBE_MAX: ${gap}`);
    }
    t.ok(Math.abs(free - third - 2) < 1e-6, 'ANNOUNCE_WAIT');
    t.ok(Math.abs(again - free - 2) < 1e-6, 'ANNOUNCE_INTERVAL');
    t.same(owner.said, ['free']);
    waits.add(first);
    owner.claim.stop();
    h.close(t);
  }
  t.ok(waits.size > 15, 'the waits differ');
});

interface Case {
  readonly says: string;
  readonly frame: Uint8Array;
  /** What becomes of the claim when this arrives while it is being probed. */
  readonly probing: readonly string[];
}

const CASES: readonly Case[] = [
  {
    says: 'a reply from somebody who has the address',
    frame: arpFrame({ op: 2, sender: WANTED, target: '0.0.0.0' }),
    probing: ['taken'],
  },
  {
    says: 'a request by somebody who has the address',
    frame: arpFrame({ sender: WANTED, target: '10.0.0.77' }),
    probing: ['taken'],
  },
  {
    says: 'a probe for the same address',
    frame: arpFrame({ sender: '0.0.0.0', target: WANTED }),
    probing: ['taken'],
  },
  {
    says: 'our own probe, looped back',
    frame: arpFrame({ sender: '0.0.0.0', target: WANTED, mac: OUR_MAC }),
    probing: ['free'],
  },
  {
    says: 'a probe for another address',
    frame: arpFrame({ sender: '0.0.0.0', target: '10.0.0.8' }),
    probing: ['free'],
  },
  {
    says: 'somebody who asks for the address as a neighbour',
    frame: arpFrame({ sender: '10.0.0.8', target: WANTED }),
    probing: ['free'],
  },
];

for (const { says, frame, probing } of CASES) {
  for (const at of [0.1, 3, 5]) {
    dialogue(
      `RFC 5227 §2.1.1: while probing, ${says} (${at} s)`,
      (t, h) => {
        const owner = new Owner(h);
        watch(h, at);
        t.same(owner.said, []);
        h.giveFrame(frame);
        const rest = lines(watch(h, 20));
        t.same(owner.said, probing);
        const isOver = rest.every((line) => !line.includes(WANTED));
        t.equal(isOver, probing[0] === 'taken', 'nothing is said of an address that is taken');
        owner.claim.stop();
      },
      { ...NOBODY, seed: 5 },
    );
  }
}

dialogue(
  'RFC 5227 §2.4 (b): one defence in ten seconds, then the address is given up',
  (t, h) => {
    const owner = claimed(h);
    const rival = arpFrame({ sender: WANTED, mac: GATEWAY_MAC });
    h.giveFrame(rival);
    t.same(lines(watch(h, 0)), [`announce ${WANTED}`]);
    watch(h, 10.001);
    h.giveFrame(rival);
    t.same(lines(watch(h, 0)), [`announce ${WANTED}`], 'later it counts as the first again');
    t.same(owner.said, ['free']);
    watch(h, 9.9);
    h.giveFrame(rival);
    t.same(owner.said, ['free', 'lost']);
    t.same(lines(watch(h, 30)), [], 'and nothing more is said');
    t.equal(owner.claim.defences, 2);
    h.giveFrame(rival);
    t.same(owner.said, ['free', 'lost'], 'told once');
  },
  NOBODY,
);

dialogue(
  'RFC 5227 §2.4: a probe for an address of ours is answered, and is no conflict',
  (t, h) => {
    const owner = claimed(h);
    h.giveFrame(arpFrame({ sender: '0.0.0.0', target: WANTED }));
    t.match(lines(watch(h, 1)), [/^10\.0\.0\.9 is-at/]);
    t.same(owner.said, ['free']);
    owner.claim.stop();
  },
  NOBODY,
);

dialogue(
  'an address that is configured is used without a question, as on Linux',
  (t, h) => {
    h.stack.addAddress(h.port.iface, ip(WANTED), 24);
    t.same(lines(watch(h, 20)), [`announce ${WANTED}`]);
    h.giveFrame(arpFrame({ sender: WANTED }));
    t.same(lines(watch(h, 20)), [], 'nor is it defended');
    t.ok(h.port.iface.find(ip(WANTED)));
  },
  NOBODY,
);

function linkLocal(t: Test, h: NetHarness): LinkLocal4 {
  const ll = new LinkLocal4(h.stack, h.port.iface);
  t.teardown(() => ll.stop());
  ll.start();
  return ll;
}

t.test(
  'RFC 3927 §2.1: the address belongs to the MAC, and lies in 169.254.1.0 … 254.255',
  async (t) => {
    const seen = new Set<string>();
    for (let i = 0; i < 40; i++) {
      const h = new NetHarness({ ...NOBODY, seed: i });
      const port = h.addPort('eth1', `02:00:00:00:01:${i.toString(16).padStart(2, '0')}`);
      const first = new LinkLocal4(h.stack, port.iface);
      const again = new LinkLocal4(h.stack, port.iface);
      first.start();
      const { w3 } = first.address;
      t.ok(w3 >>> 0 >= 0xa9fe0100 && w3 >>> 0 <= 0xa9fefeff, formatAddress(first.address));
      seen.add(formatAddress(first.address));
      first.stop();
      again.start();
      t.equal(again.address.w3, w3, 'the same MAC, the same address');
      again.stop();
      h.close(t);
    }
    t.ok(seen.size >= 39, 'others have others');
  },
);

dialogue(
  'RFC 3927 §2.4, §2.5: claimed, used on the link, defended, and left for another one',
  (t, h) => {
    const ll = linkLocal(t, h);
    const mine = formatAddress(ll.address);
    t.same(lines(watch(h, 20)), [
      ...Array(3).fill(`probe ${mine}`),
      ...Array(2).fill(`announce ${mine}`),
    ]);
    t.ok(h.port.iface.find(ll.address));
    const rival = arpFrame({ sender: mine });
    h.giveFrame(rival);
    t.same(lines(watch(h, 1)), [`announce ${mine}`]);
    h.giveFrame(rival);
    t.notOk(h.port.iface.find(ip(mine)), 'given up');
    const next = formatAddress(ll.address);
    t.not(next, mine);
    t.equal(lines(watch(h, 20)).filter((line) => line === `probe ${next}`).length, 3);
    t.ok(ll.isUp && h.port.iface.find(ip(next)));
    ll.stop();
    t.notOk(h.port.iface.find(ip(next)), 'and back when it is stopped');
  },
  NOBODY,
);

dialogue(
  'RFC 3927 §2.2.1: after ten conflicts, one attempt a minute',
  (t, h) => {
    const ll = linkLocal(t, h);
    const tried: number[] = [];
    for (let i = 0; i < 14; i++) {
      const probe = (): boolean => watch(h, 0.25).some((m) => m.line.startsWith('probe'));
      while (!probe());
      tried.push(h.now);
      h.giveFrame(arpFrame({ sender: formatAddress(ll.address) }));
    }
    const gaps = tried.slice(1).map((at, i) => at - tried[i]!);
    t.ok(Math.max(...gaps.slice(0, 9)) < 2, `at once: ${gaps.slice(0, 9)}`);
    t.ok(Math.min(...gaps.slice(9)) >= 59, `then slowly: ${gaps.slice(9)}`);
    t.equal(ll.limit.conflicts, 14);
  },
  NOBODY,
);

dialogue(
  'an address that the interface cannot take is not up: another one is tried',
  (t, h) => {
    const ll = linkLocal(t, h);
    const mine = formatAddress(ll.address);
    watch(h, 1);
    h.stack.addAddress(h.port.iface, ip(mine), 16);
    watch(h, 30);
    t.not(formatAddress(ll.address), mine);
    t.ok(ll.isUp && h.port.iface.find(ll.address));
    ll.stop();
    t.ok(h.port.iface.find(ip(mine)), 'what was not ours stays');
  },
  NOBODY,
);

dialogue(
  'RFC 3927 §2.2.1: an address that is won ends the count of conflicts',
  (t, h) => {
    const ll = linkLocal(t, h);
    for (let i = 0; i < 25; i++) {
      watch(h, 1.5);
      h.giveFrame(arpFrame({ sender: formatAddress(ll.address) }));
      watch(h, 20);
      t.ok(ll.isUp, `conflict ${i + 1}: another one, at once`);
    }
    t.equal(ll.limit.conflicts, 0);
  },
  NOBODY,
);

dialogue('RFC 3927 §2.6.1: a link-local source only for link-local destinations', (t, h) => {
  h.stack.removeAddress(h.port.iface, ip('10.0.0.1'));
  h.addAddress(h.port, '169.254.7.7/16');
  h.addAddress(h.port, '10.0.0.1/24');
  h.knows('169.254.9.9', GATEWAY_MAC);
  h.knows('198.51.100.7', GATEWAY_MAC);
  h.stack.addRoute(ip('198.51.100.0'), 24, null, h.port.iface);
  h.stack.addDefaultRoute(ip('10.0.0.254'));
  h.sent();
  const e = h.echo();
  const from = (to: string): string => {
    h.ping(e, to, data(8));
    return h.sent()[0]!.src;
  };
  t.equal(from('10.0.0.2'), '10.0.0.1');
  t.equal(from('192.0.2.1'), '10.0.0.1', 'through the gateway');
  t.equal(from('198.51.100.7'), '10.0.0.1', 'although the link-local address came first');
  t.equal(from('169.254.9.9'), '169.254.7.7');
});
