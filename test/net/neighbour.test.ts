/** RFC 4861 §7.3: the state machine, event by event, and what hangs on it. */
import t from 'tap';
import { CELL_BYTES } from '../../src/base/cell-store.ts';
import { ENOBUFS, ENOENT } from '../../src/base/errno.ts';
import { SEC } from '../../src/base/time.ts';
import { type Neighbour, NUD, nudName } from '../../src/net/neighbour.ts';
import { LEARN } from '../../src/net/neighbour-table.ts';
import { ip, LinkRig, mac } from './link-rig.ts';

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const PEER = 'fe80::2';

type Event = (rig: LinkRig) => void;

const learn =
  (link: string | null, how: number): Event =>
  (rig) => {
    const m = link === null ? null : mac(link);
    const bits = link === null ? how : how | LEARN.LINK;
    rig.table.learn(ip(PEER), m?.high ?? 0, m?.low ?? 0, bits);
  };
const advert = (link: string | null, flags: string): Event => {
  let how: number = LEARN.SAYS_ROUTER;
  if (flags.includes('S')) how |= LEARN.SOLICITED;
  if (flags.includes('O')) how |= LEARN.OVERRIDE;
  if (flags.includes('R')) how |= LEARN.ROUTER;
  return learn(link, how);
};
const claim = (link: string): Event => learn(link, LEARN.OVERRIDE | LEARN.CREATE);
const overheard = (link: string): Event => learn(link, LEARN.OVERRIDE);
const use: Event = (rig) => {
  rig.table.resolve(ip(PEER));
};
const confirm: Event = (rig) => {
  const n = rig.table.find(ip(PEER));
  if (n !== null) rig.table.confirm(n);
};
/** The next deadline, if there is one. */
const timeout: Event = (rig) => {
  const { deadlines, env } = rig.net;
  const next = deadlines.nextNs();
  if (next !== Infinity) rig.advance((next - env.nowNs) / SEC);
};

/** How to get into each state, with link-layer address A where there is one. */
const STATES: Record<string, readonly Event[]> = {
  none: [],
  INCOMPLETE: [use, timeout],
  REACHABLE: [use, advert(A, 'SO')],
  STALE: [claim(A)],
  DELAY: [claim(A), use],
  PROBE: [claim(A), use, timeout],
  FAILED: [use, timeout, timeout, timeout, timeout],
  PERMANENT: [(rig) => rig.table.set(ip(PEER), mac(A), true)],
};

/** In the order of STATES; `=` means that nothing changes. */
const TABLE: readonly [string, Event, string][] = [
  ['use', use, 'INCOMPLETE | = | = | DELAY A | = | = | INCOMPLETE | ='],
  ['confirmation', confirm, '= | = | = | REACHABLE A | REACHABLE A | REACHABLE A | = | ='],
  ['time', timeout, '= | = | STALE A | = | PROBE A | = | = | ='],
  ['claim, same address', claim(A), 'STALE A | STALE A | = | = | = | = | STALE A | ='],
  [
    'claim, other address',
    claim(B),
    'STALE B | STALE B | STALE B | STALE B | STALE B | STALE B | STALE B | =',
  ],
  ['overheard, same', overheard(A), '= | STALE A | = | = | = | = | = | ='],
  ['overheard, other', overheard(B), '= | STALE B | STALE B | STALE B | STALE B | STALE B | = | ='],
  [
    'NA S O, same',
    advert(A, 'SO'),
    '= | REACHABLE A | = | REACHABLE A | REACHABLE A | REACHABLE A | = | =',
  ],
  [
    'NA S O, other',
    advert(B, 'SO'),
    '= | REACHABLE B | REACHABLE B | REACHABLE B | REACHABLE B | REACHABLE B | = | =',
  ],
  [
    'NA S, same',
    advert(A, 'S'),
    '= | REACHABLE A | = | REACHABLE A | REACHABLE A | REACHABLE A | = | =',
  ],
  ['NA S, other', advert(B, 'S'), '= | REACHABLE B | STALE A | = | = | = | = | ='],
  ['NA O, same', advert(A, 'O'), '= | STALE A | = | = | = | = | = | ='],
  ['NA O, other', advert(B, 'O'), '= | STALE B | STALE B | STALE B | STALE B | STALE B | = | ='],
  ['NA, same', advert(A, ''), '= | STALE A | = | = | = | = | = | ='],
  ['NA, other', advert(B, ''), '= | STALE B | STALE A | = | = | = | = | ='],
  [
    'NA S O, no address',
    advert(null, 'SO'),
    '= | = | = | REACHABLE A | REACHABLE A | REACHABLE A | = | =',
  ],
  ['NA O, no address', advert(null, 'O'), '= | = | = | = | = | = | = | ='],
];

const shortForm = (shown: string): string => shown.replace(A, 'A').replace(B, 'B');

t.test('RFC 4861 §7.2.3, §7.2.5, §7.3, appendix C: every event in every state', async (t) => {
  for (const [event, happen, expected] of TABLE) {
    for (const [i, state] of Object.keys(STATES).entries()) {
      const rig = new LinkRig();
      for (const step of STATES[state]!) step(rig);
      const before = shortForm(rig.show(PEER));
      t.equal(before.split(' ')[0], state, `into ${state}`);
      happen(rig);
      const after = expected.split(' | ')[i]!;
      t.equal(shortForm(rig.show(PEER)), after === '=' ? before : after, `${event} in ${state}`);
      const n = rig.table.find(ip(PEER));
      const isTimed = n !== null && !['STALE', 'FAILED', 'PERMANENT'].includes(nudName(n.state));
      t.equal(
        n?.deadline.isArmed ?? false,
        isTimed,
        `${event} in ${state}: a deadline where one belongs`,
      );
    }
  }
});

t.test(
  'RFC 4861 §7.2.5: the R flag of the last advertisement, whatever else it says',
  async (t) => {
    for (const state of ['INCOMPLETE', 'REACHABLE', 'STALE', 'DELAY', 'PROBE']) {
      const rig = new LinkRig();
      for (const step of STATES[state]!) step(rig);
      advert(A, 'SOR')(rig);
      t.match(rig.show(PEER), / router$/, `${state}: a router`);
      claim(A)(rig);
      t.match(rig.show(PEER), / router$/, 'a solicitation does not say');
      advert(A, 'SO')(rig);
      t.notMatch(rig.show(PEER), /router/, 'no longer one');
      advert(B, 'R')(rig);
      t.notMatch(rig.show(PEER), /router/, 'an advertisement that is not believed says nothing');
    }
  },
);

t.test('REACHABLE lasts 0.5 to 1.5 times 30 s, differently from host to host', async (t) => {
  const drawn = new Set<number>();
  for (let seed = 1; seed <= 40; seed++) {
    const rig = new LinkRig({ seed });
    use(rig);
    advert(A, 'SO')(rig);
    const lastsNs = rig.net.deadlines.nextNs() - rig.net.env.nowNs;
    drawn.add(lastsNs);
    if (lastsNs < 15 * SEC || lastsNs > 45 * SEC) t.fail(`${lastsNs} ns`);
  }
  t.ok(drawn.size > 30, `${drawn.size} different times of 40`);
});

t.test('RFC 4861 §6.3.4: ReachableTime is drawn anew every few hours', async (t) => {
  const rig = new LinkRig();
  const lasts = (): number => {
    use(rig);
    advert(A, 'SO')(rig);
    return rig.table.find(ip(PEER))!.deadline.dueNs - rig.net.env.nowNs;
  };
  const first = lasts();
  rig.advance(60);
  t.equal(lasts(), first);
  rig.advance(3 * 3600);
  t.not(lasts(), first);
  rig.net.config.baseReachableNs = 1 * SEC;
  t.ok(lasts() <= 1.5 * SEC, 'and when the base changes, at once');
});

t.test('confirmations keep a neighbour REACHABLE without a probe', async (t) => {
  const rig = new LinkRig();
  use(rig);
  advert(A, 'SO')(rig);
  rig.frames();
  for (let i = 0; i < 100; i++) {
    rig.advance(10);
    confirm(rig);
  }
  t.equal(rig.show(PEER), `REACHABLE ${A}`);
  t.same(rig.frames(), []);
  rig.advance(46);
  t.equal(rig.show(PEER), `STALE ${A}`);
});

t.test('look-ups are counted where a neighbour speaks, not for each packet sent', async (t) => {
  const rig = new LinkRig();
  const { ndp } = rig.net.mib;
  claim(A)(rig);
  t.same([ndp.get('Lookups'), ndp.get('Hits')], [1, 0], 'nobody is known yet');
  advert(A, 'SO')(rig);
  for (let i = 0; i < 10; i++) use(rig);
  t.same([ndp.get('Lookups'), ndp.get('Hits')], [2, 1]);
});

t.test('a confirmation in DELAY saves the probe', async (t) => {
  const rig = new LinkRig();
  claim(A)(rig);
  use(rig);
  rig.advance(4);
  confirm(rig);
  rig.advance(4);
  t.equal(rig.show(PEER), `REACHABLE ${A}`);
  t.same(rig.frames(), []);
});

t.test('packets that waited leave in their order, before any later one', async (t) => {
  const rig = new LinkRig();
  for (let mark = 1; mark <= 5; mark++) rig.send(PEER, mark, 100 + mark);
  advert(A, 'SO')(rig);
  t.same(
    rig.outcome.lines,
    [1, 2, 3, 4, 5].map((mark) => `sent #${mark}/${100 + mark} to fe80::2`),
  );
  t.equal(rig.memory.cells.held, 0);
  t.equal(rig.table.heldBytes, 0);
});

t.test(
  'a packet longer than a cell, a short one and one of headers only come out whole',
  async (t) => {
    const rig = new LinkRig();
    for (const len of [1500, 41, 40, CELL_BYTES, CELL_BYTES + 1]) rig.send(PEER, len & 63, len);
    advert(A, 'SO')(rig);
    t.same(
      rig.outcome.lines.map((line) => line.split(' ')[1]),
      [1500, 41, 40, CELL_BYTES, CELL_BYTES + 1].map((len) => `#${len & 63}/${len}`),
    );
    t.equal(rig.memory.cells.held, 0);
  },
);

t.test('the partial checksum comes back as it was given', async (t) => {
  const rig = new LinkRig();
  const n = rig.table.resolve(ip(PEER))!;
  rig.table.hold(n, rig.inputAt, 60, 0, 0, (40 << 16) | 6, 0);
  advert(A, 'SO')(rig);
  t.match(rig.outcome.lines[0], /csum 2621446$/);
});

t.test(
  'the queue of one neighbour is bounded, the oldest go first, the newest always stays',
  async (t) => {
    const rig = new LinkRig();
    rig.net.config.unresolvedBytes = 4 * CELL_BYTES;
    for (let mark = 1; mark <= 9; mark++) rig.send(PEER, mark);
    t.equal(rig.net.mib.ndp.get('UnresolvedDiscards'), 5);
    rig.send(PEER, 10, 2 * CELL_BYTES);
    t.equal(rig.net.mib.ndp.get('UnresolvedDiscards'), 7);
    rig.net.config.unresolvedBytes = CELL_BYTES - 1;
    rig.send(PEER, 11);
    t.equal(rig.net.mib.ndp.get('UnresolvedDiscards'), 10);
    advert(A, 'SO')(rig);
    t.same(
      rig.outcome.lines,
      ['sent #11/100 to fe80::2'],
      'RFC 1122 §2.3.2.2: at least the latest',
    );
  },
);

t.test('all queues together are bounded: the oldest packet of all goes first', async (t) => {
  const rig = new LinkRig();
  rig.net.config.unresolvedBytes = 2 * CELL_BYTES;
  for (let i = 1; i <= 40; i++) rig.send(`fe80::a:${i}`, i);
  t.equal(rig.table.heldBytes, 32 * CELL_BYTES);
  t.equal(rig.memory.cells.held, 32);
  t.equal(rig.net.mib.ndp.get('UnresolvedDiscards'), 8);
  const heldBy = (i: number): number => rig.table.find(ip(`fe80::a:${i}`))!.heldBytes;
  t.same([heldBy(8), heldBy(9)], [0, CELL_BYTES]);
});

t.test('no cells: refused and counted, and the question is asked all the same', async (t) => {
  const rig = new LinkRig({ cellBytes: 2 * CELL_BYTES });
  t.equal(rig.send(PEER, 1, 3000), `INCOMPLETE -${ENOBUFS}`);
  t.equal(rig.memory.cells.held, 0, 'nothing of it is kept');
  t.equal(rig.net.mib.ndp.get('UnresolvedDiscards'), 1);
  t.equal(rig.frames().length, 1);
});

t.test(
  'nobody answers: every waiting packet is reported, and the next use asks anew',
  async (t) => {
    const rig = new LinkRig();
    rig.send(PEER, 1);
    rig.send(PEER, 2);
    rig.advance(2.9);
    t.same(rig.outcome.lines, []);
    t.equal(rig.frames().length, 3);
    rig.advance(0.1);
    t.same(rig.outcome.lines, ['unreachable #1/100 for fe80::2', 'unreachable #2/100 for fe80::2']);
    t.equal(rig.show(PEER), 'FAILED');
    t.equal(rig.memory.cells.held, 0);
    rig.advance(100);
    t.same(rig.frames(), []);
    t.equal(rig.send(PEER, 3), 'INCOMPLETE');
    t.equal(rig.frames().length, 1);
  },
);

t.test(
  'output that sends again from within the report starts a new round, without end or loss',
  async (t) => {
    const rig = new LinkRig();
    let again = 3;
    rig.outcome.during = () => {
      if (again-- > 0) rig.send(PEER, 9);
    };
    rig.send(PEER, 1);
    rig.advance(3);
    t.same(rig.outcome.lines, ['unreachable #1/100 for fe80::2']);
    t.equal(rig.show(PEER), 'INCOMPLETE');
    rig.advance(30);
    t.same(rig.outcome.lines.slice(1), new Array(3).fill('unreachable #9/100 for fe80::2'));
    t.equal(rig.memory.cells.held, 0);
  },
);

t.test('output that removes the neighbour from within the callback is survived', async (t) => {
  const rig = new LinkRig();
  rig.outcome.during = () => rig.table.remove(ip(PEER));
  rig.send(PEER, 1);
  rig.send(PEER, 2);
  advert(A, 'SO')(rig);
  t.same(rig.outcome.lines, ['sent #1/100 to fe80::2']);
  t.equal(rig.show(PEER), 'none');
  t.equal(rig.memory.cells.held, 0);
  t.equal(rig.net.deadlines.nextNs(), Infinity);
});

t.test('a question without a packet goes out with the next deadlines', async (t) => {
  const rig = new LinkRig();
  rig.table.resolve(ip(PEER));
  t.same(rig.frames(), []);
  t.equal(rig.net.deadlines.nextNs(), rig.net.env.nowNs);
  rig.advance(0);
  t.equal(rig.frames().length, 1);
});

t.test('the administrator: set, replace, remove', async (t) => {
  const rig = new LinkRig();
  rig.send(PEER, 1);
  t.equal(rig.table.set(ip(PEER), mac(A), true), 0);
  t.same(rig.outcome.lines, ['sent #1/100 to fe80::2'], 'what waited goes');
  claim(B)(rig);
  advert(B, 'SO')(rig);
  rig.advance(1000);
  t.equal(rig.show(PEER), `PERMANENT ${A}`, 'nothing on the link changes it');
  t.equal(rig.table.set(ip(PEER), mac(B), false), 0);
  t.equal(rig.show(PEER), `REACHABLE ${B}`);
  rig.advance(46);
  t.equal(rig.show(PEER), `STALE ${B}`, 'not permanent any more');
  t.equal(rig.table.remove(ip(PEER)), 0);
  t.equal(rig.table.remove(ip(PEER)), -ENOENT);
  t.equal(rig.show(PEER), 'none');
  rig.send(PEER, 1);
  advert(A, 'SO')(rig);
  rig.table.remove(ip(PEER));
  rig.frames();
  rig.send(PEER, 2);
  t.equal(rig.frames().length, 1, 'who has answered may be asked again at once');
});

t.test(
  'a link that went down leaves only permanent entries, no packets, no deadlines',
  async (t) => {
    const rig = new LinkRig();
    for (const [i, steps] of Object.values(STATES).entries()) {
      if (i > 0) for (const step of steps) step(rig);
      rig.table.set(ip(`10.0.0.${i + 2}`), mac(A), true);
    }
    rig.send('10.0.0.99', 1);
    rig.send('10.0.0.98', 2);
    rig.table.clear();
    t.same(
      rig.table.entries().map((n) => n.state),
      new Array(rig.table.entries().length).fill(NUD.PERMANENT),
    );
    t.equal(rig.memory.cells.held, 0);
    t.equal(rig.net.deadlines.nextNs(), Infinity);
  },
);

t.test('an entry that stands for another address says so by its generation', async (t) => {
  const rig = new LinkRig();
  claim(A)(rig);
  const n: Neighbour = rig.table.find(ip(PEER))!;
  const { generation } = n;
  rig.table.remove(ip(PEER));
  t.not(n.generation, generation);
  t.notOk(n.isUsable());
  rig.table.confirm(n);
  t.equal(n.state, NUD.NONE, 'a late confirmation of an entry that is gone does nothing');
  const again = rig.table.resolve(ip('fe80::7'))!;
  t.equal(again, n, 'entries are pooled');
  t.not(again.generation, generation);
  t.same([again.macHigh, again.macLow, again.isRouter, again.isUsable()], [0, 0, false, false]);
});
