/** What a querier may be believed, and what its questions may cost: RFC 3376 §9.1. */
import tap from 'tap';
import { GroupReports } from '../../src/net/group-reports.ts';
import { QuerySources } from '../../src/net/query-sources.ts';
import type { Address } from '../../src/wire/address.ts';
import { GroupRig, groupMac, IGMP, igmp } from './group-rig.ts';
import { addressBytes } from './packets.ts';
import { ip } from './rig.ts';

const G = addressBytes('239.1.2.3');
const ANY = [0, 0, 0, 0];
const FAR = { src: '198.51.100.7' };
const query = (...rest: number[]): number[] => [0x11, 10, 0, 0, ...rest];

tap.test('RFC 3376 §9.1: who is on the link may ask, with or without an address', async (t) => {
  const alert = [1, 1, 1, 1, 0x94, 4, 0, 0];
  const asked = igmp(query(...G), '239.1.2.3', { src: '0.0.0.0' });
  for (const [name, packet, addresses] of [
    ['a switch from 0.0.0.0', asked, ['10.0.0.1/24']],
    ['before we have an address', igmp(query(...G), '239.1.2.3', FAR), []],
    ['the alert after other options', igmp(query(...G), '10.0.0.1', { options: alert }), null],
    [
      'version 1 without an alert',
      igmp([0x11, ...ANY.slice(1), ...ANY], '10.0.0.1', { src: '10.0.0.9', options: [] }),
      null,
    ],
  ] as const) {
    const r = new GroupRig(IGMP, addresses === null ? {} : { addresses });
    r.join('239.1.2.3');
    r.after(30);
    const isUnicast = packet[16] === 10;
    const fate = r.h.give(packet, isUnicast ? {} : { dst: groupMac('239.1.2.3') });
    t.equal(fate, 'accepted', name);
    t.equal(r.after(10).length, 1, `${name}: answered`);
    r.h.close(t);
  }
});

/** Counts how many sources are looked at. */
class CountedSources extends QuerySources {
  reads = 0;
  override read(i: number): Address {
    this.reads++;
    return super.read(i);
  }
}

tap.test('a query names ever so many sources: what it costs is bounded', async (t) => {
  const r = new GroupRig(IGMP);
  r.join('239.1.2.3');
  const group = r.h.port.iface.groups.find(ip('239.1.2.3'))!;
  const dv = new DataView(new ArrayBuffer(4 * 16370));
  for (let i = 0; i < 16370; i++) dv.setInt32(4 * i, 0x0a010000 + i);
  const sources = new CountedSources();
  const due = { groupDue: () => t.fail('nothing is due') };
  const ask = (reports: GroupReports, first: number, count: number): number => {
    sources.reads = 0;
    t.ok(reports.ask(sources.at4(dv, 4 * first, count)));
    r.h.net.deadlines.arm(reports.deadline, r.h.net.env.nowNs + 1e9);
    return sources.reads;
  };
  const many = new GroupReports(group, due);
  t.equal(ask(many, 0, 16370), 0, 'not one is read');
  t.same(many.takeAnswer()!.sources, [], 'the answer is for the whole group');
  t.same(many.takeAnswer()!.type, 2);
  const few = new GroupReports(group, due);
  t.equal(ask(few, 0, 256), 256);
  t.equal(few.takeAnswer()!.sources.length, 256);
  const ever = new GroupReports(group, due);
  ask(ever, 0, 200);
  t.equal(ask(ever, 200, 256), 57, 'no further than to the one too many');
  t.equal(ask(ever, 0, 256), 0, 'the whole group is asked for already');
  t.same(ever.takeAnswer()!.sources, []);
  for (const each of [many, few, ever]) r.h.net.deadlines.remove(each.deadline);
  r.h.close(t);
});
