/** Group membership towards routers: RFC 2236, 3376, 2710, 3810. One dialogue for both families where they agree. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tap, { type Test } from 'tap';
import { requires } from '../support/requires.ts';
import { type Family, GroupRig, groupMac, IGMP, igmp, MLD, mld } from './group-rig.ts';
import { addressBytes, addressText, join as bytesOf } from './packets.ts';
import { ip, NetHarness } from './rig.ts';

const G = addressBytes('239.1.2.3');
const ANY = [0, 0, 0, 0];
const FAR = { src: '198.51.100.7' };
const query = (...rest: number[]): number[] => [0x11, 10, 0, 0, ...rest];

/** Runs a dialogue for each family. */
function both(title: string, run: (t: Test, r: GroupRig, f: Family) => void): void {
  for (const f of [IGMP, MLD]) {
    tap.test(`${f.name}: ${title}`, async (t) => {
      const r = new GroupRig(f);
      run(t, r, f);
      r.h.close(t);
    });
  }
}

both('§5.1: a join is told at once, and again within a second; a leave likewise', (t, r, f) => {
  t.same(r.join(f.g1), [`to_ex ${f.g1}`]);
  t.same(r.after(1), [`to_ex ${f.g1}`]);
  t.same(r.after(300), [], 'robustness 2: said twice');
  t.same(r.join(f.g1), [], 'a second listener is no news');
  t.same(r.leave(f.g1), []);
  t.same(r.leave(f.g1), [`to_in ${f.g1}`]);
  t.same(r.after(1), [`to_in ${f.g1}`]);
  t.same(r.after(300), []);
});

both(
  '§5.1: a change replaces what was still to be said, and several go in one report',
  (t, r, f) => {
    r.join(f.g1);
    t.same(r.leave(f.g1), [`to_in ${f.g1}`]);
    t.same(r.join(f.g1), [`to_ex ${f.g1}`]);
    t.same(r.join(f.g2), [`to_ex ${f.g2}; to_ex ${f.g1}`].map(sorted));
    t.same(r.after(1), [`to_ex ${f.g2}`]);
    t.same(r.after(300), []);
  },
);

const sorted = (line: string): string => line.split('; ').sort().join('; ');

both(
  '§5.1: changes of sources are ALLOW and BLOCK, a change of mode names the whole list',
  (t, r, f) => {
    const [a, b, c] = f.s as [string, string, string];
    const steps: [string, string[], string[]][] = [
      ['in a b', [`allow ${f.g1} ${a}, ${b}`], [`allow ${f.g1} ${a}, ${b}`]],
      [
        'in b c',
        [`allow ${f.g1} ${c}; block ${f.g1} ${a}`],
        [`allow ${f.g1} ${c}; block ${f.g1} ${a}`],
      ],
      ['ex a', [`to_ex ${f.g1} ${a}`], [`to_ex ${f.g1} ${a}`]],
      [
        'ex b',
        [`allow ${f.g1} ${a}; block ${f.g1} ${b}`],
        [`allow ${f.g1} ${a}; block ${f.g1} ${b}`],
      ],
      ['ex', [`allow ${f.g1} ${b}`], [`allow ${f.g1} ${b}`]],
      ['in a', [`to_in ${f.g1} ${a}`], [`to_in ${f.g1} ${a}`]],
      ['', [`block ${f.g1} ${a}`], [`block ${f.g1} ${a}`]],
    ];
    let now = null as ReturnType<GroupRig['filter']> | null;
    for (const [text, atOnce, again] of steps) {
      const [mode, ...names] = text.split(' ');
      const sources = names.map((n) => ({ a, b, c })[n]!);
      const next = text === '' ? null : r.filter(mode === 'ex', ...sources);
      t.same(r.change(f.g1, now, next), atOnce, `${text}: at once`);
      t.same(r.after(1), again, `${text}: again`);
      t.same(r.after(60), [], `${text}: no more`);
      now = next;
    }
  },
);

both('§3.2: what several listeners want of a group is merged', (t, r, f) => {
  const [a, b, c] = f.s as [string, string, string];
  const cases: [string[][], string][] = [
    [
      [
        ['in', a],
        ['in', b],
      ],
      'is_in A B',
    ],
    [
      [
        ['in', a],
        ['in', a, b],
      ],
      'is_in A B',
    ],
    [
      [
        ['ex', a, b],
        ['ex', b, c],
      ],
      'is_ex B',
    ],
    [
      [
        ['ex', a, b],
        ['in', a],
      ],
      'is_ex B',
    ],
    [
      [
        ['ex', a],
        ['in', a],
      ],
      'is_ex',
    ],
    [[['ex'], ['ex', a]], 'is_ex'],
    [
      [
        ['ex', a, b, c],
        ['ex', b, c],
        ['in', b],
      ],
      'is_ex C',
    ],
  ];
  for (const [wishes, merged] of cases) {
    const filters = wishes.map(([mode, ...sources]) => r.filter(mode === 'ex', ...sources));
    for (const filter of filters) r.change(f.g1, null, filter);
    r.after(60);
    r.query({ version: 3, delay: 1, group: f.g1 });
    const [mode, ...names] = merged.split(' ');
    const sources = names.map((n) => ({ A: a, B: b, C: c })[n]!);
    t.same(r.after(1), [`${mode} ${f.g1}${sources.map((s) => ` ${s}`)}`], merged);
    for (const filter of filters) r.change(f.g1, filter, null);
    r.after(60);
  }
});

both('§5.2: a general query is answered once for all groups, within its time', (t, r, f) => {
  r.join(f.g1);
  r.after(30);
  t.equal(r.query({ version: 3, delay: 10 }), 'accepted');
  t.same(r.lines(), [], 'not at once');
  const said = r.after(10);
  t.equal(said.length, 1);
  t.match(said[0], `is_ex ${f.g1}`);
  t.notMatch(said[0], /224\.0\.0\.1\b|ff02::1(;|$)/, 'all hosts and all nodes are never reported');
  t.same(r.after(300), []);
});

both(
  '§5.2: delays are drawn, and a query that asks for less time is answered in less',
  (t, r, f) => {
    r.join(f.g1);
    r.after(30);
    const due = new Set<number>();
    for (let i = 0; i < 20; i++) {
      r.query({ version: 3, delay: 10, group: f.g1 });
      due.add(r.h.stack.nextDeadlineNs() - r.h.net.env.nowNs);
      r.query({ version: 3, delay: 0.1, group: f.g1 });
      t.same(r.after(0.1), [`is_ex ${f.g1}`]);
      t.same(r.after(10), []);
    }
    t.ok(due.size > 15, `${due.size} of 20 differ`);
  },
);

both(
  '§5.2: an answer to everything, if it comes soon enough, answers for one group as well',
  (t, r, f) => {
    r.join(f.g1);
    r.after(30);
    r.query({ version: 3, delay: 1 });
    r.query({ version: 3, delay: 20, group: f.g1 });
    t.equal(r.after(20).length, 1);
  },
);

both('§5.2: a query about sources is answered with those that are wanted', (t, r, f) => {
  const [a, b, c] = f.s as [string, string, string];
  r.change(f.g1, null, r.filter(false, a, b));
  r.change(f.g2, null, r.filter(true, a));
  r.after(30);
  const ask = (group: string, ...sources: string[]) =>
    r.query({ version: 3, delay: 1, group, sources });
  t.equal(ask(f.g1, b, c), 'accepted');
  t.same(r.after(1), [`is_in ${f.g1} ${b}`]);
  t.equal(ask(f.g1, c), 'GROUP_NOT_OURS');
  t.same(r.after(1), []);
  ask(f.g2, a, b);
  t.same(r.after(1), [`is_in ${f.g2} ${b}`], 'EXCLUDE: what is not excluded');
  ask(f.g1, a);
  ask(f.g1, b);
  t.same(r.after(1), [`is_in ${f.g1} ${a}, ${b}`], 'two questions, one answer');
  ask(f.g1, a);
  ask(f.g1);
  t.same(r.after(1), [`is_in ${f.g1} ${a}, ${b}`], 'about the group: all of it');
  ask(f.g1);
  ask(f.g1, a);
  t.same(r.after(1), [`is_in ${f.g1} ${a}, ${b}`], 'and it stays so');
  t.equal(ask(f.name === 'MLD' ? 'ff05::77' : '239.7.7.7'), 'IP_NOT_MEMBER');
});

both('asked about more sources than are kept, the answer is the whole group', (t, r, f) => {
  const [a] = f.s as [string];
  r.change(f.g1, null, r.filter(true, a));
  r.after(30);
  for (let n = 0; n < 4; n++) {
    const name = (i: number) =>
      f.name === 'IGMP' ? `10.7.${n}.${i}` : `2001:db8:7:${n}::${i + 1}`;
    const sources = Array.from({ length: 80 }, (_, i) => name(i));
    r.query({ version: 3, delay: 5, group: f.g1, sources });
  }
  t.same(r.after(5), [`is_ex ${f.g1} ${a}`]);
});

both("§4.1.6: the querier's robustness says how often a change is told", (t, r, f) => {
  r.query({ version: 3, delay: 0.1, robustness: 4 });
  r.after(1);
  t.same(r.join(f.g1), [`to_ex ${f.g1}`]);
  t.same(
    r.after(10),
    [1, 2, 3].map(() => `to_ex ${f.g1}`),
  );
  r.query({ version: 3, delay: 0.1, robustness: 0 });
  r.after(1);
  t.equal(r.leave(f.g1).length + r.after(10).length, 2, '0: it has not said');
});

both('§7.2: an older querier is answered in its version, group by group', (t, r, f) => {
  r.join(f.g1);
  r.join(f.g2);
  r.after(30);
  t.equal(r.query({ version: 2, delay: 5 }), 'accepted');
  t.same(r.lines(), []);
  const said = r.after(5);
  t.ok(said.includes(`> ${f.g1} report ${f.g1}`));
  t.ok(said.includes(`> ${f.g2} report ${f.g2}`));
  r.query({ version: 2, delay: 5, group: f.g1 });
  t.same(r.after(5), [`> ${f.g1} report ${f.g1}`]);
  r.query({ version: 3, delay: 5, group: f.g1, sources: [f.s[0]!] });
  t.same(r.after(5), [`> ${f.g1} report ${f.g1}`], 'and so is a newer one, meanwhile');
});

both('RFC 2236 §3, RFC 2710 §4: who hears another report the group keeps silent', (t, r, f) => {
  r.join(f.g1);
  r.join(f.g2);
  r.after(30);
  r.query({ version: 2, delay: 5 });
  t.equal(r.hears(f.g1), 'accepted');
  const said = r.after(5);
  t.notOk(said.includes(`> ${f.g1} report ${f.g1}`));
  t.ok(said.includes(`> ${f.g2} report ${f.g2}`));
  t.same(r.leave(f.g1), [], 'it was not the last to report');
  t.same(r.leave(f.g2), [`> ${f.allRouters} leave ${f.g2}`]);
  r.join(f.g2);
  r.after(20);
  r.hears(f.g2);
  t.same(r.leave(f.g2), [], 'another has reported it since we did');
  t.same(r.after(60), []);
});

both(
  'RFC 2236 §3, RFC 2710 §4: a join is told at once and once more within ten seconds',
  (t, r, f) => {
    r.query({ version: 2, delay: 1 });
    r.after(2);
    t.same(r.join(f.g1), [`> ${f.g1} report ${f.g1}`]);
    t.same(r.after(10), [`> ${f.g1} report ${f.g1}`]);
    t.same(r.after(20), []);
    r.join(f.g2);
    r.hears(f.g2);
    t.same(r.after(20), [], 'another has reported it meanwhile');
  },
);

both(
  '§7.2.1: the older version ends when its querier has been silent for long enough',
  (t, r, f) => {
    r.query({ version: 2, delay: 1 });
    const present = 2 * 125 + (f.name === 'IGMP' ? 10 : 1);
    r.after(present - 1);
    t.same(r.join(f.g1), [`> ${f.g1} report ${f.g1}`]);
    t.same(r.leave(f.g1), [`> ${f.allRouters} leave ${f.g1}`]);
    r.after(2);
    t.same(r.join(f.g1), [`to_ex ${f.g1}`]);
  },
);

both(
  "§7.2.1: what was pending in one version is forgotten in another; the querier's interval counts",
  (t, r, f) => {
    r.query({ version: 3, delay: 0.1, robustness: 3, interval: 20 });
    r.after(1);
    t.same(r.join(f.g1), [`to_ex ${f.g1}`]);
    r.query({ version: 2, delay: 1 });
    const said = r.after(60 - 1);
    t.ok(said.includes(`> ${f.g1} report ${f.g1}`));
    t.notOk(said.some((line) => line.includes('to_ex')));
    r.after(13);
    t.same(r.leave(f.g1), [`to_in ${f.g1}`], 'three times twenty seconds, and the response time');
  },
);

tap.test('IGMPv1: reports without leaves, for as long as its querier is about', async (t) => {
  const r = new GroupRig(IGMP);
  r.join(IGMP.g1);
  r.after(30);
  r.query({ version: 1, delay: 0 });
  t.same(r.after(10), [`> ${IGMP.g1} report1 ${IGMP.g1}`]);
  t.same(r.leave(IGMP.g1), []);
  t.same(r.join(IGMP.g1), [`> ${IGMP.g1} report1 ${IGMP.g1}`]);
  r.query({ version: 2, delay: 1 });
  t.same(r.after(10).slice(0, 1), [`> ${IGMP.g1} report1 ${IGMP.g1}`], 'the oldest one counts');
  r.h.close(t);
});

both('§8.12: no lie of a querier keeps us in an old version for long', (t, r, f) => {
  r.query({ version: 3, delay: 0.1, robustness: 7, interval: 0xff });
  r.query({ version: 2, delay: 1 });
  r.after(259);
  r.after(2);
  t.same(r.join(f.g1), [`to_ex ${f.g1}`], '260 s, not 62 hours');
});

both('§4.1.1: long response times are floating-point', (t, r, f) => {
  r.join(f.g1);
  r.after(30);
  let longest = 0;
  for (let i = 0; i < 20; i++) {
    // 0x9f, 0x9fff: (31 << 4) tenths of a second; (0x1fff << 4) ms.
    r.query({ version: 3, delay: 0, group: f.g1, code: f.name === 'IGMP' ? 0x9f : 0x9fff });
    longest = Math.max(longest, (r.h.stack.nextDeadlineNs() - r.h.net.env.nowNs) / 1e9);
    r.after(132);
  }
  const most = f.name === 'IGMP' ? 49.6 : 131.056;
  t.ok(longest <= most && longest > most / 2, `${longest} of ${most}`);
});

tap.test(
  'RFC 3810 §6: what does not leave the node is not reported; link scope is, all nodes is not',
  async (t) => {
    const r = new GroupRig(MLD);
    t.same(r.join('ff01::5'), []);
    t.same(r.join('ff02::1'), []);
    t.same(r.join('ff02::5'), ['to_ex ff02::5']);
    r.h.close(t);
  },
);

tap.test('RFC 2236 §6: all hosts is not reported, other groups of the link are', async (t) => {
  const r = new GroupRig(IGMP);
  t.same(r.join('224.0.0.1'), []);
  t.same(r.join('224.0.0.251'), ['to_ex 224.0.0.251']);
  r.h.close(t);
});

tap.test('RFC 3376 §4.2.13: without an address an IGMP report is from 0.0.0.0', async (t) => {
  const r = new GroupRig(IGMP, { addresses: [] });
  t.same(r.join(IGMP.g1), [`0.0.0.0 > 224.0.0.22 to_ex ${IGMP.g1}`]);
  r.h.close(t);
});

tap.test(
  'RFC 3590, RFC 3810 §5.2.13: from :: while the address is tentative, and again when it is ours',
  async (t) => {
    const h = new NetHarness({ groupReports: true, config: { dadTransmits: 1 }, addresses: [] });
    const r = new GroupRig(MLD, { config: { dadTransmits: 1 }, addresses: [] });
    h.close(t);
    const added = r.h.addAddress(r.h.port, 'fe80::77/64');
    t.equal(added, 0);
    t.same(
      r.lines(),
      ['to_ex ff02::1:ff00:77'],
      'the solicited-node group is told of before the question',
    );
    r.h.stack.removeAddress(r.h.port.iface, ip('fe80::77'));
    t.same(r.after(5).slice(0, 1), ['to_in ff02::1:ff00:77']);
    r.h.close(t);

    const fresh = new NetHarness({
      groupReports: true,
      config: { dadTransmits: 1 },
      addresses: [],
    });
    const seen: string[] = [];
    for (let i = 0; i < 40; i++) {
      fresh.advance(0.1);
      seen.push(...fresh.sent().map((s) => `${s.ttl === 1 ? 'mld' : s.protocol} ${s.src}`));
    }
    const own = MLD.us;
    t.same(seen, ['mld ::', '58 ::', '58 fe80::ff:fe00:1', `mld ${own}`, `mld ${own}`]);
    fresh.close(t);
  },
);

both('§4.2.16: a long list goes in as many reports as the MTU asks for', (t, r, f) => {
  const isV4 = f.name === 'IGMP';
  const many = Array.from({ length: 700 }, (_, i) =>
    isV4 ? `10.8.${i >> 8}.${i & 255}` : `2001:db8::${i.toString(16)}`,
  );
  const told = r.change(f.g1, null, r.filter(false, ...many));
  t.equal(told.length, Math.ceil(700 / Math.floor((1500 - (isV4 ? 40 : 76)) / (isV4 ? 4 : 16))));
  const names = told.flatMap((line) => line.replace(`allow ${f.g1} `, '').split(', '));
  t.equal(new Set(names).size, 700, 'all of them');
});

const G6 = addressBytes('ff05::1:3');
const query6 = (...rest: number[]): number[] => [130, 0, 0, 0, 0, 10, 0, 0, ...rest];
const bad = (packet: Uint8Array): Uint8Array => {
  const copy = packet.slice();
  copy[copy.length - 1]! ^= 1;
  return copy;
};
/** To 239.1.2.3 or ff05::1:3, a member. */
const MALFORMED: [string, Uint8Array, string][] = [
  ['IGMP of 7 bytes', igmp([0x11, 0, 0, 0, 0, 0, 0], '239.1.2.3'), 'IGMP_TRUNCATED'],
  [
    'a wrong checksum',
    bad(IGMP.query({ version: 2, delay: 1, group: '239.1.2.3' })),
    'IGMP_BAD_CHECKSUM',
  ],
  ['an unknown type', igmp([0x99, 0, 0, 0, ...G], '239.1.2.3'), 'IGMP_UNKNOWN_TYPE'],
  ['a query of 9 to 11 bytes', igmp(query(...G, 2), '239.1.2.3'), 'IGMP_MALFORMED'],
  [
    'more sources than bytes',
    igmp(query(...G, 2, 125, 0, 2, 1, 2, 3, 4), '239.1.2.3'),
    'IGMP_MALFORMED',
  ],
  [
    'sources without a group',
    igmp(query(0, 0, 0, 0, 2, 125, 0, 1, 1, 2, 3, 4), '224.0.0.1'),
    'IGMP_MALFORMED',
  ],
  ['a general query to a group', igmp(query(0, 0, 0, 0), '239.1.2.3'), 'IGMP_MALFORMED'],
  ['IGMPv1: a query to a group', igmp([0x11, 0, 0, 0, ...ANY], '239.1.2.3'), 'IGMP_MALFORMED'],
  ['a query with a TTL of 2', igmp(query(...G), '239.1.2.3', { ttl: 2 }), 'IGMP_OFF_LINK'],
  ['a query with a TTL of 64, to us', igmp(query(...G), '10.0.0.1', { ttl: 64 }), 'IGMP_OFF_LINK'],
  ['a query from beyond the link', igmp(query(...G), '10.0.0.1', FAR), 'IGMP_OFF_LINK'],
  ['IGMPv1: from beyond the link', igmp([0x11, 0, 0, 0, ...ANY], '10.0.0.1', FAR), 'IGMP_OFF_LINK'],
  ['a report from beyond the link', igmp([0x16, 0, 0, 0, ...G], '239.1.2.3', FAR), 'IGMP_OFF_LINK'],
  [
    'IGMPv2: a query without a router alert',
    igmp(query(...G), '239.1.2.3', { options: [] }),
    'IGMP_NO_ROUTER_ALERT',
  ],
  [
    'IGMPv3: a query with other options',
    igmp(query(...G, 2, 125, 0, 0), '239.1.2.3', { options: [1, 0x44, 4, 5, 0, 0, 0, 0x94] }),
    'IGMP_NO_ROUTER_ALERT',
  ],
  ['a report to one host', igmp([0x16, 0, 0, 0, ...G], '10.0.0.1'), 'IGMP_MALFORMED'],
  ['a leave', igmp([0x17, 0, 0, 0, ...G], '239.1.2.3'), 'GROUP_NOT_OURS'],
  [
    "a report about another's group",
    igmp([0x16, 0, 0, 0, 239, 9, 9, 9], '239.1.2.3'),
    'GROUP_NOT_OURS',
  ],
  ['MLD of 20 bytes', mld(query6(...G6).slice(0, 20), 'ff05::1:3'), 'MLD_MALFORMED'],
  ['MLD query of 25 to 27 bytes', mld(query6(...G6, 2), 'ff05::1:3'), 'MLD_MALFORMED'],
  [
    'MLD query without a router alert',
    mld(query6(...G6), 'ff05::1:3', { alert: false }),
    'MLD_MALFORMED',
  ],
  ['MLD query with a hop limit of 2', mld(query6(...G6), 'ff05::1:3', { hop: 2 }), 'MLD_MALFORMED'],
  [
    'MLD query from beyond the link',
    mld(query6(...G6), 'ff05::1:3', { src: '2001:db8::9' }),
    'MLD_MALFORMED',
  ],
  ['MLD query about a host', mld(query6(...addressBytes('fe80::1')), 'ff05::1:3'), 'MLD_MALFORMED'],
  ['MLD: more sources than bytes', mld(query6(...G6, 2, 125, 0, 1), 'ff05::1:3'), 'MLD_MALFORMED'],
  [
    'MLD report from beyond the link',
    mld([131, ...query6(...G6).slice(1)], 'ff05::1:3', { src: '2001:db8::9' }),
    'MLD_MALFORMED',
  ],
  ['MLD done', mld([132, ...query6(...G6).slice(1)], 'ff05::1:3'), 'GROUP_NOT_OURS'],
];

tap.test('what is malformed is dropped, and counted by its reason', async (t) => {
  const h = new NetHarness({ groupReports: true });
  h.port.iface.join(ip('239.1.2.3'));
  h.port.iface.join(ip('ff05::1:3'));
  h.advance(10);
  h.lines();
  for (const [name, packet, fate] of MALFORMED) {
    const isV4 = packet[0]! >>> 4 === 4;
    const to = isV4 ? addressText(packet.slice(16, 20)) : 'ff05::1:3';
    const dst = to === '10.0.0.1' ? undefined : groupMac(to);
    t.equal(h.give(packet, dst === undefined ? {} : { dst }), fate, name);
    h.advance(60);
    t.same(h.lines(), [], `${name}: nothing is answered`);
  }
  t.equal(h.net.mib.igmp.get('InErrors'), 16);
  h.close(t);
});

tap.test('a stack that closes says no more, and wants no turn', async (t) => {
  const r = new GroupRig(IGMP);
  r.join(IGMP.g1);
  r.query({ version: 3, delay: 10 });
  r.h.close(t);
  t.equal(r.h.stack.nextDeadlineNs(), Infinity);
});

const PROGRAMS = { programs: ['tshark'] };

tap.test(
  'tshark reads every kind of message without complaint',
  { skip: requires(PROGRAMS) },
  async (t) => {
    const h = new NetHarness({ groupReports: true });
    const frames: Uint8Array[] = [];
    for (const f of [IGMP, MLD]) {
      const r = new GroupRig(f, {}, h);
      const keep = (): void => void frames.push(...h.port.wire.frames.splice(0));
      h.port.iface.groups.change(ip(f.g1), null, r.filter(false, ...f.s));
      h.port.iface.join(ip(f.g2));
      h.advance(5);
      keep();
      for (const q of [{ version: 3 }, { version: 3, group: f.g1, sources: f.s }, { version: 2 }]) {
        r.query({ delay: 1, ...q });
        h.advance(5);
        keep();
      }
      h.port.iface.leave(ip(f.g2));
      h.advance(5);
      keep();
    }
    h.close(t);
    const path = join(t.testdir(), 'groups.pcap');
    writeFileSync(path, pcap(frames));
    const args = ['-r', path, '-o', 'ip.check_checksum:TRUE', '-T', 'fields', '-E', 'separator=|'];
    const fields = ['igmp.type', 'icmpv6.type', 'igmp.checksum.status', 'icmpv6.checksum.status'];
    for (const field of [...fields, 'ip.checksum.status', '_ws.expert.message'])
      args.push('-e', field);
    const run = spawnSync('tshark', args, { encoding: 'utf8' });
    t.equal(run.status, 0, run.stderr);
    const kinds = new Set(run.stdout.trim().split('\n'));
    t.same(
      [...kinds].sort(),
      ['0x16||1||1|', '0x17||1||1|', '0x22||1||1|', '|131||1||', '|132||1||', '|143||1||'].sort(),
    );
  },
);

/** The classic format: no times, Ethernet. */
function pcap(frames: readonly Uint8Array[]): Uint8Array {
  const words = (...values: number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);
  const records = frames.flatMap((f) => [words(0, 0, f.length, f.length), f]);
  return bytesOf(words(0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1), ...records);
}
