/** Who has to go when there are too many neighbours (RFC 6583), and that nothing is lost on the way. */
import fc from 'fast-check';
import t from 'tap';
import { CELL_BYTES } from '../../src/base/cell-store.ts';
import { ENOBUFS } from '../../src/base/errno.ts';
import { NUD } from '../../src/net/neighbour.ts';
import { LEARN } from '../../src/net/neighbour-table.ts';
import { IpAddress } from '../../src/wire/address.ts';
import { holds } from '../support/property.ts';
import { ip, LinkRig, mac, reply, request } from './link-rig.ts';

const A = '02:00:00:00:00:0a';
const CLAIM = LEARN.LINK | LEARN.OVERRIDE | LEARN.CREATE;
const FLOOD = 100_000;

/** The spoofed address number i, of either family. */
const spoofed = (i: number, v4: boolean): IpAddress =>
  v4 ? new IpAddress().setV4(0x0b000000 + i) : new IpAddress().set(0xfe800000, 0, 1, i);

/** One neighbour in each state that is in use, and one that was. */
function populated(max: number): LinkRig {
  const rig = new LinkRig({ txFrames: 1 << 13 });
  rig.net.config.neighbourMax = max;
  for (const peer of ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5']) {
    rig.send(peer, 1);
    rig.arp(reply(peer, A, '10.0.0.1'));
  }
  rig.advance(46); // all STALE
  rig.send('10.0.0.3', 1);
  rig.advance(5.5);
  rig.send('10.0.0.4', 1);
  rig.send('10.0.0.2', 1);
  rig.table.confirm(rig.table.find(ip('10.0.0.2'))!);
  rig.table.set(ip('10.0.0.6'), mac(A), true);
  rig.frames();
  return rig;
}

const inUse = (rig: LinkRig): string[] =>
  [2, 3, 4, 6].map((i) => rig.show(`10.0.0.${i}`).split(' ')[0]!);
const IN_USE = ['REACHABLE', 'PROBE', 'DELAY', 'PERMANENT'];

t.test(`${FLOOD} spoofed ARP senders: what we use stays, the table stays small`, async (t) => {
  const rig = populated(64);
  const bytes = request('11.0.0.0', A, '10.0.0.1');
  for (let i = 0; i < FLOOD; i++) {
    bytes[15] = i >>> 16;
    bytes[16] = i >>> 8;
    bytes[17] = i;
    bytes[13] = i;
    rig.arp(bytes);
    rig.device.tx.complete(rig.device.tx.inFlight);
  }
  t.same(inUse(rig), IN_USE);
  t.match(rig.show('10.0.0.5'), /STALE/, 'not even what we used before gives way to a claim');
  t.equal(rig.table.entries().length, 64);
  t.equal(rig.net.mib.arp.get('Allocs') - rig.net.mib.arp.get('Destroys'), 64);
  t.equal(rig.memory.cells.held, 0);
  t.match(rig.show('11.1.134.159'), /STALE/, 'the newest claim is there');
});

t.test(`${FLOOD} spoofed solicitations do not touch the IPv4 neighbours`, async (t) => {
  const rig = populated(64);
  for (let i = 0; i < FLOOD; i++) rig.table.learn(spoofed(i, false), 0x0200, i, CLAIM);
  t.same(inUse(rig), IN_USE);
  t.equal(rig.table.entries().length, 64 + 5);
});

t.test(`sending to ${FLOOD} addresses that do not exist: what we use stays`, async (t) => {
  const rig = populated(64);
  rig.net.config.unresolvedBytes = 8 * CELL_BYTES;
  let most = 0;
  for (let i = 0; i < FLOOD; i++) {
    const n = rig.table.resolve(spoofed(i, true));
    if (n !== null) rig.table.hold(n, rig.inputAt, 60, 0, 0, 0, 0);
    rig.device.tx.complete(rig.device.tx.inFlight);
    most = Math.max(most, rig.memory.cells.held);
    if (i % 100 === 0) rig.advance(0.00001);
  }
  t.same(inUse(rig), IN_USE);
  t.match(rig.show('10.0.0.5'), /STALE/, 'the unanswered recycle their own half');
  t.ok(rig.table.entries().length <= 64, `${rig.table.entries().length} entries`);
  t.ok(most <= 16 * 8, `${most} cells at most`);
  rig.advance(20);
  t.equal(rig.memory.cells.held, 0, 'all cells are back');
  t.equal(rig.net.mib.arp.get('TableFulls'), 0);
});

t.test('in the middle of such a flood a neighbour that answers is still found', async (t) => {
  const rig = populated(64);
  for (let i = 0; i < 5000; i++) {
    const n = rig.table.resolve(spoofed(i, true));
    if (n !== null) rig.table.hold(n, rig.inputAt, 60, 0, 0, 0, 0);
    if (i === 4980) rig.send('10.0.0.77', 7);
    rig.device.tx.complete(rig.device.tx.inFlight);
  }
  rig.outcome.lines.length = 0;
  rig.arp(reply('10.0.0.77', A, '10.0.0.1'));
  t.same(
    rig.outcome.lines,
    ['sent #7/100 to 10.0.0.77'],
    'it lives as long as 32 others are asked for',
  );
});

t.test('spoofed claims that we then answer fill no more than they may', async (t) => {
  // Each sender shows himself (STALE) and makes us send to him (DELAY), as a spoofed ping does.
  const rig = populated(64);
  for (let i = 0; i < 20_000; i++) {
    rig.table.learn(spoofed(i, true), 0x0200, i, CLAIM);
    rig.table.resolve(spoofed(i, true));
    rig.device.tx.complete(rig.device.tx.inFlight);
  }
  t.same(inUse(rig), IN_USE);
  t.match(rig.show('10.0.0.5'), /STALE/, 'they recycle their own places');
  t.equal(rig.send('10.0.0.77', 7), 'INCOMPLETE', 'somebody new is still asked for');
  for (let i = 0; i < 20; i++) rig.table.resolve(spoofed(90_000 + i, true));
  t.equal(rig.show('10.0.0.77'), 'INCOMPLETE', 'and has time to answer');
  t.equal(rig.table.entries().length, 64);
});

t.test('when every place is in use, a new neighbour is refused and counted', async (t) => {
  const rig = new LinkRig();
  rig.net.config.neighbourMax = 4;
  for (let i = 2; i < 6; i++) {
    rig.send(`10.0.0.${i}`, 1);
    rig.arp(reply(`10.0.0.${i}`, A, '10.0.0.1'));
  }
  t.equal(rig.send('10.0.0.9', 1), 'full');
  t.equal(rig.arp(request('10.0.0.9', A, '10.0.0.1')), 'accepted', 'but whoever asks is answered');
  t.equal(rig.show('10.0.0.9'), 'none');
  t.equal(rig.table.set(ip('10.0.0.9'), mac(A), true), -ENOBUFS);
  t.equal(rig.net.mib.arp.get('TableFulls'), 3);
  t.equal(rig.send('fe80::9', 1), 'INCOMPLETE', 'the other family has places of its own');
});

t.test('the order of going: failed, never used, stale, unanswered', async (t) => {
  const rig = new LinkRig();
  rig.net.config.neighbourMax = 8;
  rig.send('10.0.0.2', 1); // fails
  rig.advance(3);
  rig.send('10.0.0.4', 1);
  rig.arp(reply('10.0.0.4', A, '10.0.0.1'));
  rig.advance(46); // stale, and was used
  rig.arp(request('10.0.0.3', A, '10.0.0.1')); // a claim
  for (let i = 10; i < 13; i++) {
    rig.send(`10.0.0.${i}`, 1);
    rig.arp(reply(`10.0.0.${i}`, A, '10.0.0.1'));
  }
  const order: string[] = [];
  const rest = ['10.0.0.2', '10.0.0.3', '10.0.0.4'];
  for (let i = 20; i < 25; i++) {
    rig.send(`10.0.0.${i}`, 1);
    if (i < 22) continue; // two places were free
    for (const peer of rest)
      if (rig.show(peer) === 'none' && !order.includes(peer)) order.push(peer);
    rig.arp(reply(`10.0.0.${i}`, A, '10.0.0.1'));
  }
  t.same(order, rest);
});

t.test('RFC 1122 §2.3.2.1 under a flood: nobody is asked for twice in a second', async (t) => {
  const rig = new LinkRig({ txFrames: 1 << 10 });
  rig.net.config.neighbourMax = 16;
  const asked = new Map<string, number>();
  let soonest = Infinity;
  const look = (): void => {
    const seconds = rig.net.env.nowNs / 1e9;
    for (const line of rig.frames()) {
      const who = line.split(' ')[4]!;
      soonest = Math.min(soonest, seconds - (asked.get(who) ?? -Infinity));
      asked.set(who, seconds);
    }
  };
  for (let ms = 0; ms < 6000; ms++) {
    for (let i = 0; ms % 100 === 0 && i < 100; i++) {
      const n = rig.table.resolve(spoofed(i, true));
      if (n !== null && !n.isUsable()) rig.table.hold(n, rig.inputAt, 60, 0, 0, 0, 0);
    }
    look();
    rig.advance(0.001);
  }
  t.equal(asked.size, 100, 'every address was asked for');
  t.ok(soonest > 0.999, `at the soonest after ${soonest} s`);
});

t.test('random histories: nothing leaks, nothing is lost, the bounds hold', async (t) => {
  const peer = fc.integer({ min: 2, max: 14 });
  const event = fc.oneof(
    fc.record({
      kind: fc.constant('send' as const),
      peer,
      len: fc.integer({ min: 40, max: 3000 }),
    }),
    fc.record({ kind: fc.constant('learn' as const), peer, how: fc.nat(63), link: fc.nat(2) }),
    fc.record({ kind: fc.constant('confirm' as const), peer }),
    fc.record({ kind: fc.constant('remove' as const), peer }),
    fc.record({ kind: fc.constant('set' as const), peer, keep: fc.boolean() }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 9000 }) }),
    fc.record({ kind: fc.constant('clear' as const) }),
  );
  holds(
    t,
    'packets in = sent + unreachable + discarded + waiting; cells = packets; entries within bounds',
    fc.property(
      fc.array(event, { maxLength: 80 }),
      fc.integer({ min: 1, max: 8 }),
      (events, max) => {
        const rig = new LinkRig({ cellBytes: 24 * CELL_BYTES });
        const { config, mib } = rig.net;
        config.neighbourMax = max;
        config.unresolvedBytes = 6 * CELL_BYTES;
        let given = 0;
        for (const e of events) {
          const to = 'peer' in e ? `10.0.0.${e.peer}` : '';
          if (e.kind === 'send') given += rig.send(to, 1, e.len).startsWith('INCOMPLETE') ? 1 : 0;
          else if (e.kind === 'learn') rig.table.learn(ip(to), 0x0200, e.link, e.how);
          else if (e.kind === 'remove') rig.table.remove(ip(to));
          else if (e.kind === 'set') rig.table.set(ip(to), mac(A), e.keep);
          else if (e.kind === 'wait') rig.advance(e.ms / 1000);
          else if (e.kind === 'clear') rig.table.clear();
          else {
            const n = rig.table.find(ip(to));
            if (n !== null) rig.table.confirm(n);
          }
          rig.frames();
          const entries = rig.table.entries();
          if (entries.length > max) return false;
          if (rig.memory.cells.held * CELL_BYTES !== rig.table.heldBytes) return false;
          for (const n of entries) {
            if (n.state !== NUD.INCOMPLETE && n.heldBytes !== 0) return false;
            const timed = NUD.INCOMPLETE | NUD.REACHABLE | NUD.DELAY | NUD.PROBE;
            if (n.deadline.isArmed !== ((n.state & timed) !== 0)) return false;
          }
        }
        rig.table.clear();
        const settled = rig.outcome.lines.length + mib.arp.get('UnresolvedDiscards');
        return settled === given && rig.memory.cells.held === 0 && rig.table.heldBytes === 0;
      },
    ),
    300,
  );
});
