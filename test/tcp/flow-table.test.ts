import fc from 'fast-check';
import t from 'tap';
import { Rng } from '../../src/base/rng.ts';
import type { FlowId } from '../../src/tcp/endpoint.ts';
import { FlowTable, NOWHERE } from '../../src/tcp/flow-table.ts';
import { TimeWaitRows } from '../../src/tcp/time-wait-rows.ts';
import { IpAddress } from '../../src/wire/address.ts';
import { holds } from '../support/property.ts';

const OURS = new IpAddress().setV4(0x0a000001);
const OURS6 = new IpAddress().set(0x20010db8, 0, 0, 1);

const table = () => new FlowTable<FlowId>(new Rng(7).stream('flows'), new TimeWaitRows());

/** Flow number `i` as a remote would number them: ports and addresses in a row. */
function flow(i: number, isV6 = false): FlowId {
  const remote = new IpAddress();
  if (isV6) remote.set(0x20010db8, 1, i >>> 12, 7);
  else remote.setV4(0x0a000002 + (i >>> 12));
  const remotePort = 1024 + (i & 4095);
  return { local: isV6 ? OURS6 : OURS, localPort: 80, remote, remotePort, boundIndex: 0 };
}

const find = (flows: FlowTable<FlowId>, f: FlowId): number =>
  flows.find(f.local, f.localPort, f.remote, f.remotePort);

/** Slots looked at for each of 1,000 look-ups that find, and 1,000 that do not, among `n` flows. */
function probesOf(n: number, isV6: boolean): number {
  const flows = table();
  for (let i = 0; i < n; i++) flows.add(flow(i, isV6));
  const before = flows.probes;
  const step = n / 1000;
  for (let i = 0; i < 1000; i++) {
    if (find(flows, flow(i * step, isV6)) === NOWHERE) throw new Error(`flow ${i} is lost`);
    if (find(flows, flow(n + i, isV6)) !== NOWHERE) throw new Error('found what is not there');
  }
  return (flows.probes - before) / 2000;
}

t.test('a look-up costs the same among 1,000 flows and among many more', (t) => {
  const counts = process.env.LONG ? [1000, 100_000, 1_000_000] : [1000, 100_000];
  for (const isV6 of [false, true]) {
    for (const n of counts) {
      const probes = probesOf(n, isV6);
      // Linear probing at most half full (Knuth 6.4): 1.5 for what is there, 2.5 for what is not.
      t.ok(probes < 2.2, `${isV6 ? 'IPv6' : 'IPv4'}, ${n} flows: ${probes.toFixed(2)} slots`);
    }
  }
  t.end();
});

t.test('flows come and go as in a model, whatever shares a bucket', (t) => {
  const op = fc.record({ isAdd: fc.boolean(), i: fc.nat(99), isV6: fc.boolean() });
  const property = fc.property(fc.array(op, { maxLength: 400, size: 'max' }), (list) => {
    const flows = table();
    const model = new Map<string, FlowId>();
    for (const { isAdd, i, isV6 } of list) {
      const name = `${i} ${isV6}`;
      const known = model.get(name);
      if (isAdd && known === undefined) {
        const f = flow(i, isV6);
        flows.add(f);
        model.set(name, f);
      } else if (!isAdd && known !== undefined) {
        flows.remove(known);
        model.delete(name);
      }
    }
    for (let i = 0; i < 100; i++) {
      for (const isV6 of [false, true]) {
        const at = find(flows, flow(i, isV6));
        const there = at === NOWHERE ? undefined : flows.at(at);
        if (there !== model.get(`${i} ${isV6}`)) return false;
      }
    }
    return flows.size === model.size && flows.all().length === model.size;
  });
  holds(t, 'the same flows are there', property, 200);
  t.end();
});

t.test('every word of the 4-tuple counts', (t) => {
  const flows = table();
  const base = flow(0, true);
  const at = flows.add(base);
  const { local, localPort, remote, remotePort } = base;
  t.equal(flows.find(local, localPort, remote, remotePort), at);
  const changed = (a: typeof local, word: 'w0' | 'w1' | 'w2' | 'w3') =>
    Object.assign(new IpAddress().copy(a), { [word]: a[word] ^ 1 });
  for (const word of ['w0', 'w1', 'w2', 'w3'] as const) {
    t.equal(flows.find(changed(local, word), localPort, remote, remotePort), NOWHERE);
    t.equal(flows.find(local, localPort, changed(remote, word), remotePort), NOWHERE);
  }
  t.equal(flows.find(local, 81, remote, remotePort), NOWHERE);
  t.equal(flows.find(local, localPort, remote, remotePort + 1), NOWHERE);
  t.end();
});
