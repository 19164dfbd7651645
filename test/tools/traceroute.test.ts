/** `traceroute`: what it sends, what it makes of answers, and how it says so. Virtual time, no device. */
import t from 'tap';
import { SEC } from '../../src/base/time.ts';
import { parseOptions } from '../../tools/command/options.ts';
import { PING_OPTIONS, pingRequestOf, resolveTarget } from '../../tools/command/ping-request.ts';
import { probeTarget } from '../../tools/command/probe-request.ts';
import { TracePrinter } from '../../tools/command/traceroute.ts';
import {
  checkedTrace,
  TRACE_OPTIONS,
  type TraceRequest,
  traceRequestOf,
} from '../../tools/command/traceroute-request.ts';
import { TraceRun, type TraceSummary } from '../../tools/command/traceroute-run.ts';
import { type Bytes, icmp4, icmp6, ip4, ip6, OUR_MAC2 } from '../net/packets.ts';
import { dialogue, type NetHarness } from '../net/rig.ts';

const FAR4 = '192.0.2.9';
const FAR6 = '2001:db8:9::9';

const requestOf = (line: string): TraceRequest =>
  traceRequestOf(parseOptions(TRACE_OPTIONS, line.split(' ')));

/** A run on the rig's stack, and what it prints. */
class Story {
  text: string;
  summary: TraceSummary | null = null;
  failure = '';
  readonly run: TraceRun;
  private readonly h: NetHarness;

  constructor(h: NetHarness, line: string) {
    this.h = h;
    const turner = { now: () => h.net.env.nowNs, kick: () => undefined };
    const request = checkedTrace(JSON.parse(JSON.stringify(requestOf(line))));
    const printer = new TracePrinter(request);
    this.text = printer.head();
    this.run = new TraceRun(h.stack, turner, request, {
      event: (event) => {
        this.text += printer.event(event);
      },
      done: (summary) => {
        this.summary = summary;
      },
      failed: ({ code }) => {
        this.failure = code;
      },
    });
    this.run.start();
    h.settle();
  }

  /** The IP packets that left since the last call. */
  probes(): Bytes[] {
    return this.h.sent().map((seen) => seen.frame.slice(14));
  }

  lines(): string[] {
    return this.text.split('\n').slice(1);
  }
}

const hopsOf = (packet: Bytes): number => packet[packet[0]! >>> 4 === 4 ? 8 : 7]!;
const portOf = (packet: Bytes): number => {
  const at = packet[0]! >>> 4 === 4 ? 20 : 40;
  return (packet[at + 2]! << 8) | packet[at + 3]!;
};

/** A router or the destination says what became of a probe. */
function says(packet: Bytes, src: string, type: number, code = 0, rest = 0): Bytes {
  return packet[0]! >>> 4 === 4
    ? ip4({ src }, icmp4({ type, code, rest }, packet))
    : ip6({ src }, icmp6({ type, code, rest }, packet, src));
}

interface World {
  readonly to: string;
  readonly passed: number;
  readonly unreachable: readonly [number, number];
  readonly router: (n: number) => string;
}

const WORLDS: readonly World[] = [
  { to: FAR4, passed: 11, unreachable: [3, 3], router: (n) => `198.51.100.${n}` },
  { to: FAR6, passed: 3, unreachable: [1, 4], router: (n) => `2001:db8:5::${n}` },
];

for (const { to, passed, unreachable, router } of WORLDS) {
  dialogue(`UDP to ${to}: a port each, a TTL each three, until the port is unreachable`, (t, h) => {
    const story = new Story(h, to);
    const probes = story.probes();
    t.same(
      probes.map(portOf),
      probes.map((_, i) => 33434 + i),
      'ports count up',
    );
    t.same(probes.map(hopsOf), [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6]);
    h.advance(0.0125);
    for (const probe of probes) {
      const ttl = hopsOf(probe);
      if (ttl < 3) h.give(says(probe, router(ttl), passed));
      else h.give(says(probe, to, ...unreachable));
    }
    t.same(story.lines(), [
      ` 1  ${router(1)}  12.500 ms  12.500 ms  12.500 ms`,
      ` 2  ${router(2)}  12.500 ms  12.500 ms  12.500 ms`,
      ` 3  ${to}  12.500 ms  12.500 ms  12.500 ms`,
    ]);
    t.same(story.summary, { isReached: true, hops: 3 });
    t.equal(h.stack.udp.list().length, 0, 'its socket is closed');
    story.probes();
  });

  dialogue(`ICMP to ${to}: the destination replies`, (t, h) => {
    const story = new Story(h, `-I -q 1 -f 2 -m 9 ${to}`);
    const probes = story.probes();
    t.same(probes.map(hopsOf), [2, 3, 4, 5, 6, 7, 8, 9]);
    h.give(says(probes[0]!, router(2), passed));
    const at = to === FAR4 ? 20 : 40;
    const rest = new DataView(probes[1]!.buffer).getUint32(at + 4);
    const body = probes[1]!.slice(at + 8);
    if (to === FAR4) h.give(ip4({ src: to }, icmp4({ type: 0, rest }, body)));
    else h.give(ip6({ src: to }, icmp6({ type: 129, rest }, body, to)));
    t.same(story.lines(), [` 2  ${router(2)}  0.000 ms`, ` 3  ${to}  0.000 ms`]);
    t.same(story.summary, { isReached: true, hops: 3 });
    t.equal(h.net.echoes.size, 0, 'its socket is closed');
  });
}

dialogue('a hop that is silent has stars, and answers are told in order', (t, h) => {
  const story = new Story(h, `-m 2 -w 2 ${FAR4}`);
  const probes = story.probes();
  t.equal(probes.length, 6);
  for (const i of [5, 4, 2]) h.give(says(probes[i]!, `198.51.100.${i}`, 11));
  t.same(story.lines(), [], 'the first is awaited');
  h.advance(1.999);
  t.same(story.lines(), []);
  h.advance(0.002);
  t.same(story.lines(), [
    ' 1  * * 198.51.100.2  0.000 ms',
    ' 2  * 198.51.100.4  0.000 ms 198.51.100.5  0.000 ms',
  ]);
  t.same(story.summary, { isReached: false, hops: 2 });
});

dialogue('no more than sixteen are under way, and the next leaves when one is told of', (t, h) => {
  const story = new Story(h, `-q 1 ${FAR4}`);
  const probes = story.probes();
  t.equal(probes.length, 16);
  h.give(says(probes[1]!, '198.51.100.2', 11));
  t.equal(story.probes().length, 0);
  h.give(says(probes[0]!, '198.51.100.1', 11));
  t.same(story.probes().map(hopsOf), [17, 18]);
  story.run.stop();
  t.same(story.summary, { isReached: false, hops: 2 });
});

const MARKS: readonly [string, number, number, string][] = [
  [FAR4, 3, 0, '!N'],
  [FAR4, 3, 1, '!H'],
  [FAR4, 3, 2, '!P'],
  [FAR4, 3, 5, '!S'],
  [FAR4, 3, 13, '!X'],
  [FAR4, 3, 14, '!V'],
  [FAR4, 3, 15, '!C'],
  [FAR6, 1, 0, '!N'],
  [FAR6, 1, 1, '!X'],
  [FAR6, 1, 3, '!H'],
];

for (const [to, type, code, mark] of MARKS) {
  dialogue(`type ${type}, code ${code} from the way to ${to} ends it with ${mark}`, (t, h) => {
    const story = new Story(h, `-q 1 ${to}`);
    const from = to === FAR4 ? '198.51.100.1' : '2001:db8:5::1';
    h.give(says(story.probes()[0]!, from, type, code));
    t.same(story.lines(), [` 1  ${from}  0.000 ms ${mark}`]);
    t.same(story.summary, { isReached: false, hops: 1 });
  });
}

dialogue('nobody answers for the next hop: our own stack says so', (t, h) => {
  const story = new Story(h, '-q 1 -m 1 10.0.0.77');
  h.advance(6);
  t.match(story.lines()[0], /^ 1 {2}10\.0\.0\.1 {2}\d+\.\d+ ms !H$/);
  story.probes();
});

dialogue('an answer to what was never asked changes nothing', (t, h) => {
  const story = new Story(h, `-q 1 -m 1 ${FAR4}`);
  const [probe] = story.probes();
  const forged = probe!.slice();
  forged[23] = forged[23]! ^ 0x7f; // another port
  forged.set([0, 0], 10);
  h.give(says(forged, '203.0.113.66', 11));
  t.same(story.lines(), []);
  h.give(says(probe!, '198.51.100.1', 11));
  t.same(story.lines(), [' 1  198.51.100.1  0.000 ms']);
});

dialogue(
  'no route, no interface: it says why',
  (t, h) => {
    for (const [line, code] of [
      [FAR4, 'ENETUNREACH'],
      [`-i eth9 10.0.0.2`, 'ENODEV'],
    ] as const) {
      t.throws(() => new Story(h, line), { code }, line);
    }
  },
  { gateway: false },
);

dialogue(
  'RFC 4007 §6: ping and traceroute mean the sole interface, or the one that is named, by a link-local destination',
  (t, h) => {
    const of = (destination: string, device = '') => {
      const request = { destination, device };
      return probeTarget(h.stack, request, '-x').ifaceIndex;
    };
    const eth0 = h.port.iface.index;
    t.equal(of('fe80::2'), eth0, 'loopback does not count');
    t.doesNotThrow(() => new Story(h, '-m 1 fe80::2').run.stop());
    const { index } = h.addPort('eth1', OUR_MAC2).iface;
    for (const destination of ['fe80::2', 'fe80::2%']) {
      t.throws(() => of(destination), { code: 'EINVAL', message: /needs -x or %interface/ });
    }
    t.equal(of('fe80::2%eth1'), index);
    t.equal(of('fe80::2', 'eth1'), index);
    t.equal(of('fe80::2%eth0', 'eth1'), index, 'the option goes before');
    t.equal(of('fd00::2'), 0, 'others go by route');
    t.throws(() => of('fe80::2%eth9'), { code: 'ENODEV', message: /it has lo, eth0, eth1/ });
    const ping = pingRequestOf(parseOptions(PING_OPTIONS, ['fe80::2']));
    t.throws(() => new Story(h, 'fe80::2'), { code: 'EINVAL', message: /-i or/ });
    t.throws(() => resolveTarget(h.stack, ping), { message: /-I or/ });
    h.sent();
  },
  { gateway: false },
);

t.test('the command line, and what comes over the control socket', async (t) => {
  t.match(requestOf(FAR4), { firstTtl: 1, maxTtl: 30, queries: 3, waitNs: 5 * SEC, port: 33434 });
  t.match(requestOf(`-n -I -f 3 -m 7 -q 2 -w 0.5 -p 9 ${FAR4}`), {
    isIcmp: true,
    firstTtl: 3,
    maxTtl: 7,
    queries: 2,
    waitNs: SEC / 2,
    port: 9,
  });
  for (const line of [
    'example',
    `-f 9 -m 3 ${FAR4}`,
    `-q 11 ${FAR4}`,
    `-6 ${FAR4}`,
    `-4 ${FAR6}`,
  ]) {
    t.throws(() => requestOf(line), { code: 'ERR_USAGE' }, line);
  }
  const good = requestOf(FAR4);
  for (const bad of [
    { maxTtl: 0 },
    { firstTtl: 31 },
    { queries: 1e9 },
    { waitNs: -1 },
    { port: 0 },
  ]) {
    t.throws(() => checkedTrace({ ...good, ...bad }), { code: 'EINVAL' }, JSON.stringify(bad));
  }
});
