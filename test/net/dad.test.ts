/** RFC 4862 §5.4: duplicate address detection; and adding and removing addresses. */
import t from 'tap';
import { EADDRNOTAVAIL, EEXIST, EINVAL } from '../../src/base/errno.ts';
import { addAddress4, addAddress6, removeAddress } from '../../src/net/dad.ts';
import { createInterface } from '../../src/net/solicitor.ts';
import { IpAddress, setSolicitedNode } from '../../src/wire/address.ts';
import { ip, LinkRig, type Ndp, OUR_MAC, prefix } from './link-rig.ts';

const A = '02:00:00:00:00:0a';
const NEW = 'fe80::7';
const GROUP = 'ff02::1:ff00:7';
const QUESTION = `33:33:ff:00:00:07 ns :: > ${GROUP}: ${NEW} nonce`;
const ANNOUNCED = `33:33:00:00:00:01 na ${NEW} > ff02::1: ${NEW} O target ${OUR_MAC}`;

const othersQuestion: Ndp = { type: 'ns', src: '::', dst: GROUP, target: NEW };
const othersClaim: Ndp = { type: 'na', src: NEW, dst: 'ff02::1', target: NEW, flags: 'O', link: A };

function add(rig: LinkRig, text = `${NEW}/64`): string[] {
  const heard: string[] = [];
  const { address, bits } = prefix(text);
  const listener = {
    dadDone: (_: unknown, entry: { state: string }) => heard.push(entry.state),
  };
  const result = addAddress6(rig.net, rig.iface, address, bits, listener);
  if (result !== 0) heard.push(`${result}`);
  return heard;
}

const state = (rig: LinkRig, text = NEW): string => rig.iface.find(ip(text))?.state ?? 'none';

t.test('§5.4.2: wait within a second, ask once, wait RetransTimer, then it is ours', async (t) => {
  const rig = new LinkRig();
  const heard = add(rig);
  t.equal(state(rig), 'tentative');
  t.ok(rig.iface.isMember(ip(GROUP)), 'the solicited-node group is joined first');
  t.same(rig.frames(), [], 'nothing at once');
  rig.advance(1);
  t.same(rig.frames(), [QUESTION]);
  t.equal(state(rig), 'tentative');
  t.same(heard, []);
  rig.advance(1);
  t.equal(state(rig), 'preferred');
  t.same(heard, ['preferred']);
  t.same(rig.frames(), [ANNOUNCED]);
  t.same(rig.trace.events, ['dad.preferred 1 7']);
  t.equal(rig.net.deadlines.nextNs(), Infinity);
});

t.test('the first question comes at a random time within the second', async (t) => {
  const delays = new Set<number>();
  for (let seed = 1; seed <= 30; seed++) {
    const rig = new LinkRig({ seed });
    add(rig);
    delays.add(rig.net.deadlines.nextNs());
  }
  t.ok(delays.size > 25, `${delays.size} of 30 differ`);
  t.ok(Math.max(...delays) < 1e9);
});

t.test(
  'dad_transmits 3: three questions, RetransTimer apart; 0: none, in use at once',
  async (t) => {
    const rig = new LinkRig();
    rig.net.config.dadTransmits = 3;
    add(rig);
    rig.advance(3.5);
    t.same(rig.frames(), [QUESTION, QUESTION, QUESTION]);
    t.equal(state(rig), 'tentative');
    rig.advance(0.5);
    t.equal(state(rig), 'preferred');
    rig.net.config.dadTransmits = 0;
    t.same(add(rig, 'fe80::8/64'), ['preferred']);
  },
);

t.test('§5.4.4: an advertisement for a tentative address: duplicate', async (t) => {
  const rig = new LinkRig();
  const heard = add(rig);
  rig.advance(1);
  rig.frames();
  t.equal(rig.nd(othersClaim), 'accepted');
  t.equal(state(rig), 'duplicate');
  t.same(heard, ['duplicate']);
  rig.advance(100);
  t.same(rig.frames(), [], 'neither asked for again nor announced');
  t.equal(state(rig), 'duplicate');
  t.equal(rig.show(NEW), 'none', 'and not a neighbour either');
  t.same(rig.trace.events, ['dad.duplicate 1 7']);
});

t.test('§5.4.3: somebody asks the same question: duplicate, before or after ours', async (t) => {
  for (const seconds of [0, 1, 1.5]) {
    for (const nonce of [undefined, '01:02:03:04:05:06']) {
      const rig = new LinkRig();
      add(rig);
      rig.advance(seconds);
      rig.frames();
      const message = nonce === undefined ? othersQuestion : { ...othersQuestion, nonce };
      t.equal(rig.nd(message), 'accepted');
      t.equal(state(rig), 'duplicate', `after ${seconds} s, nonce ${nonce}`);
      t.same(rig.frames(), []);
    }
  }
});

t.test('RFC 7527 §4.2: our own question, looped back, is not a duplicate', async (t) => {
  const rig = new LinkRig();
  add(rig);
  rig.net.deadlines.nextNs();
  rig.advance(1);
  const nonce = rig.lastBytes(6);
  t.same(rig.frames(), [QUESTION]);
  t.equal(rig.nd({ ...othersQuestion, nonce }), 'NDP_NOT_FOR_US');
  t.equal(state(rig), 'tentative');
  t.same(rig.trace.events, ['dad.looped 1 7']);
  rig.advance(1);
  t.equal(state(rig), 'preferred');
});

t.test('§5.4.3: a tentative or duplicate address does not answer resolution', async (t) => {
  const rig = new LinkRig();
  add(rig);
  const asks: Ndp = { type: 'ns', src: 'fe80::2', dst: GROUP, target: NEW, source: A };
  t.equal(rig.nd(asks), 'NDP_NOT_FOR_US');
  t.equal(state(rig), 'tentative');
  rig.nd(othersClaim);
  t.equal(rig.nd(asks), 'NDP_NOT_FOR_US');
  t.equal(rig.nd(othersQuestion), 'NDP_NOT_FOR_US');
  t.same(rig.frames(), []);
  t.equal(rig.show('fe80::2'), 'none');
});

t.test('a tentative address is nobody’s source', async (t) => {
  const rig = new LinkRig({ addresses: ['10.0.0.1/24'] });
  add(rig);
  rig.send('fe80::2', 1, 60, NEW);
  t.same(rig.frames(), []);
  rig.advance(2.5);
  rig.frames();
  rig.advance(1);
  rig.send('fe80::2', 1, 60, NEW);
  t.match(rig.frames()[0], / ns fe80::7 > /);
});

t.test(
  'removing an address ends its detection and leaves its group when nobody else needs it',
  async (t) => {
    const rig = new LinkRig();
    add(rig);
    add(rig, '2001:db8::7/64'); // the same solicited-node group
    removeAddress(rig.net, rig.iface, rig.iface.find(ip(NEW))!);
    t.equal(state(rig), 'none');
    t.equal(rig.net.locals.ownerOf(ip(NEW), 1), null);
    t.ok(rig.iface.isMember(ip(GROUP)));
    const other = rig.iface.find(ip('2001:db8::7'))!;
    removeAddress(rig.net, rig.iface, other);
    t.notOk(rig.iface.isMember(ip(GROUP)));
    removeAddress(rig.net, rig.iface, other);
    rig.advance(10);
    t.same(rig.frames(), []);
    t.same(rig.trace.events, []);
    t.same(add(rig), [], 'it may come back');
  },
);

t.test('addresses that no interface can have, or that are taken, are refused', async (t) => {
  const rig = new LinkRig();
  const refused = (text: string, bits?: number): number => {
    const p = prefix(text);
    const add = text.includes(':') && !text.includes('ffff:10') ? addAddress6 : addAddress4;
    return add(rig.net, rig.iface, p.address, bits ?? p.bits);
  };
  for (const bad of ['::/64', 'ff02::5/64', '::1/128', '0.0.0.0/8', '224.0.0.1/4', '127.0.0.1/8']) {
    t.equal(refused(bad), -EINVAL, bad);
  }
  t.equal(refused('255.255.255.255/32'), -EINVAL);
  t.equal(refused('10.0.0.9/24', 24), -EINVAL, 'an IPv4 prefix counts from 96');
  t.equal(refused('fe80::9/64', 129), -EINVAL);
  t.equal(addAddress6(rig.net, rig.iface, ip('10.0.0.9'), 120), -EINVAL, 'the other family');
  t.equal(refused('10.0.0.1/24'), -EEXIST);
  t.equal(refused('fe80::1/64'), -EEXIST);
  const second = createInterface(rig.net, 2, 'test1', rig.device, false, rig.outcome);
  const { address, bits } = prefix('10.0.0.1/24');
  t.equal(addAddress4(rig.net, second, address, bits), -EADDRNOTAVAIL);
  t.equal(addAddress6(rig.net, second, ip('fe80::1'), 64), 0, 'link-local: once per link');
});

t.test('on loopback there is nobody to ask and nobody to tell', async (t) => {
  const rig = new LinkRig();
  const lo = createInterface(rig.net, 2, 'lo', rig.device, true, rig.outcome);
  t.equal(addAddress6(rig.net, lo, ip('::1'), 128), 0);
  t.equal(addAddress4(rig.net, lo, ip('127.0.0.1'), 104), 0);
  t.same(
    lo.addresses.map((a) => a.state),
    ['preferred', 'preferred'],
  );
  t.same(rig.frames(), []);
});

t.test('every interface hears all hosts, all nodes and its solicited-node groups', async (t) => {
  const rig = new LinkRig();
  for (const group of ['224.0.0.1', 'ff02::1', 'ff02::1:ff00:1'])
    t.ok(rig.iface.isMember(ip(group)), group);
  t.notOk(rig.iface.isMember(ip('ff02::2')));
  t.notOk(rig.iface.isMember(setSolicitedNode(new IpAddress(), ip('fe80::2'))));
});
