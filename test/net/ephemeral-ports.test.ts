/** RFC 6056: which port is chosen, in which order, and what a search costs. */
import t from 'tap';
import { Rng } from '../../src/base/rng.ts';
import { SipHash } from '../../src/base/siphash.ts';
import { EphemeralPorts } from '../../src/net/ephemeral-ports.ts';
import { NetConfig } from '../../src/net/net-config.ts';
import { ANY4 } from '../../src/wire/address.ts';
import { ip } from './rig.ts';

const PEER = ip('10.0.0.2');

class Bench {
  readonly config = new NetConfig();
  readonly rng = new Rng(4);
  readonly random = this.rng.stream('test');
  readonly ports: EphemeralPorts;
  readonly taken = new Set<number>();

  constructor(first = 32768, last = 60999) {
    this.config.localPortFirst = first;
    this.config.localPortLast = last;
    const hash = SipHash.fromStream(this.rng.stream('secret'));
    this.ports = new EphemeralPorts(hash, this.rng.stream('ports'), this.config);
  }

  isPortFree(port: number): boolean {
    return !this.taken.has(port);
  }

  connect(own = 0, remotePort = 80): number {
    return this.keep(this.ports.pick(ANY4, PEER, remotePort, this, own));
  }

  bind(isReuse = false, own = 0): number {
    return this.keep(this.ports.pickToBind(this, isReuse, own));
  }

  private keep(port: number): number {
    if (port !== 0) this.taken.add(port);
    return port;
  }
}

const times = (n: number, what: () => number): number[] => Array.from({ length: n }, what);
const sorted = (ports: number[]): number[] => ports.sort((a, b) => a - b);

t.test('connections get the even ports of the range first, and then the odd ones', async (t) => {
  const b = new Bench(5000, 5009);
  t.same(sorted(times(5, () => b.connect())), [5000, 5002, 5004, 5006, 5008]);
  t.same(sorted(times(5, () => b.connect())), [5001, 5003, 5005, 5007, 5009]);
  t.equal(b.connect(), 0, 'and then there is none');
  b.taken.delete(5004);
  t.equal(b.connect(), 5004, 'but one that is free again is found');
});

t.test('sockets that are bound get the odd ones first', async (t) => {
  const b = new Bench(5000, 5009);
  t.same(sorted(times(5, () => b.bind())), [5001, 5003, 5005, 5007, 5009]);
  t.same(sorted(times(5, () => b.bind())), [5000, 5002, 5004, 5006, 5008]);
  t.equal(b.bind(), 0);
});

t.test('with SO_REUSEADDR the lower half comes first', async (t) => {
  const b = new Bench(5000, 5011);
  t.same(sorted(times(6, () => b.bind(true))), [5000, 5001, 5002, 5003, 5004, 5005]);
  t.same(sorted(times(6, () => b.bind(true))), [5006, 5007, 5008, 5009, 5010, 5011]);
  t.equal(b.bind(true), 0);
});

t.test('a range of an odd number of ports, or of one, is used as a whole', async (t) => {
  for (const last of [5000, 5002]) {
    const b = new Bench(5000, last);
    const all = Array.from({ length: last - 4999 }, (_, i) => 5000 + i);
    t.same(sorted(all.map(() => b.connect())), all);
    b.taken.clear();
    t.same(sorted(all.map(() => b.bind(true))), all);
  }
});

t.test('IP_LOCAL_PORT_RANGE: as far as it lies within the range of the stack', async (t) => {
  const b = new Bench(5000, 5009);
  const range = (first: number, last: number): number => first | (last << 16);
  t.same(sorted(times(3, () => b.connect(range(5003, 5005)))), [5003, 5004, 5005]);
  t.equal(b.connect(range(5003, 5005)), 0);
  t.same(sorted(times(2, () => b.bind(false, range(5008, 0)))), [5008, 5009]);
  t.same(sorted(times(3, () => b.bind(false, range(1, 5002)))), [5000, 5001, 5002]);
  t.same(sorted(times(2, () => b.connect(range(60000, 61000)))), [5006, 5007]);
});

t.test('reserved ports are not chosen', async (t) => {
  const b = new Bench(5000, 5009);
  t.equal(b.config.reservedPorts.parse('5000-5003,5005,5007-65535'), 0);
  t.same(sorted([b.bind(), b.connect()]), [5004, 5006]);
  t.equal(b.connect(), 0);
});

t.test('what a search costs does not grow with the ports that are taken', async (t) => {
  const b = new Bench();
  /** Ports looked at for each of so many connections. */
  const cost = (connections: number, begin: () => number): number => {
    const { looked } = b.ports;
    for (let i = 0; i < connections; i++) {
      if (begin() === 0) t.fail(`none for connection ${i}`);
    }
    return (b.ports.looked - looked) / connections;
  };
  const filling = cost(28_000, () => b.connect());
  t.ok(filling < 8, `${filling.toFixed(1)} for each of 28,000`);
  const all = [...b.taken];
  const full = cost(5000, () => {
    b.taken.delete(all[b.random.below(all.length)]!); // anyone ends, and another one begins
    return b.connect();
  });
  t.ok(full < 250, `${full.toFixed(1)} when 28,000 of 28,232 are taken`);
});
