/** `ping`: what it sends, what it makes of answers, and how it says so. Virtual time, no device. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { PMTUDISC } from '../../src/net/out-packet.ts';
import { eventLine, formatTime, headerLine, summaryText } from '../../tools/command/ping-format.ts';
import { checkedRequest, type PingRequest } from '../../tools/command/ping-request.ts';
import { type PingEvent, PingRun } from '../../tools/command/ping-run.ts';
import { PingStats, type PingSummary } from '../../tools/command/ping-stats.ts';
import { type Bytes, icmp4, icmp6, ip4, ip6, join, type Seen } from '../net/packets.ts';
import { dialogue, type NetHarness } from '../net/rig.ts';

const REQUEST: PingRequest = {
  destination: '10.0.0.2',
  count: 3,
  size: 8,
  intervalNs: 1 * SEC,
  isFlood: false,
  isAdaptive: false,
  lingerNs: 10 * SEC,
  deadlineNs: 0,
  ttl: 0,
  tos: 0,
  pmtuDiscovery: PMTUDISC.WANT,
  pattern: '',
  device: '',
};

/** A run on the rig's stack, and its story. */
class Story {
  readonly events: PingEvent[] = [];
  summary: PingSummary | null = null;
  readonly run: PingRun;
  private readonly h: NetHarness;

  constructor(h: NetHarness, request: Partial<PingRequest> = {}) {
    this.h = h;
    const turner = { now: () => h.net.env.nowNs, kick: () => undefined };
    this.run = new PingRun(
      h.stack,
      turner,
      { ...REQUEST, ...request },
      {
        event: (event) => this.events.push(event),
        done: (summary) => {
          this.summary = summary;
        },
      },
    );
    this.run.start();
    h.settle();
  }

  /** The requests on the wire since the last call. */
  sent(): Seen[] {
    return this.h.sent();
  }

  lines(): string[] {
    return this.events
      .splice(0)
      .map(eventLine)
      .filter((line) => line !== '');
  }
}

/** The peer's answer to an echo request that was on the wire: the same packet, turned round. */
function answerTo(request: Bytes, change: (body: Bytes) => Bytes = (b) => b): Bytes {
  const isV4 = request[0]! >>> 4 === 4;
  const at = isV4 ? 20 : 40;
  const rest = new DataView(request.buffer, request.byteOffset).getUint32(at + 4);
  const body = change(request.slice(at + 8));
  return isV4
    ? ip4({ src: '10.0.0.2', ttl: 61 }, icmp4({ type: 0, rest }, body))
    : ip6({ hop: 61 }, icmp6({ type: 129, rest }, body));
}

const packetOf = (seen: Seen): Bytes => seen.frame.slice(14);

dialogue('a request a second, each answered after 20 ms', (t, h) => {
  const story = new Story(h);
  for (let i = 1; i <= 3; i++) {
    const sent = story.sent();
    t.equal(sent.length, 1, `request ${i}`);
    h.advance(0.02);
    t.equal(h.give(answerTo(packetOf(sent[0]!))), 'accepted');
    t.match(story.lines(), [`16 bytes from 10.0.0.2: icmp_seq=${i} ttl=61 time=20.0 ms`]);
    if (i < 3) h.advance(0.98);
  }
  t.ok(story.run.isDone, 'the third answer ends it');
  t.match(story.summary, { transmitted: 3, received: 3, loss: 0, timeMs: 2020 });
  t.match(story.summary!.rtt, { min: 20, avg: 20, max: 20, mdev: 0 });
  t.equal(h.net.echoes.size, 0, 'and its socket is closed');
});

dialogue('silence: -W after the last request, and 100 % loss', (t, h) => {
  const story = new Story(h, { count: 2, lingerNs: 3 * SEC });
  h.advance(3.99);
  t.notOk(story.run.isDone);
  h.advance(0.02);
  t.ok(story.run.isDone);
  t.match(story.summary, { transmitted: 2, received: 0, loss: 100 });
  t.equal(story.summary!.rtt, undefined);
  story.sent();
});

dialogue('once somebody answers, the last reply gets a second', (t, h) => {
  const story = new Story(h, { count: 2 });
  h.give(answerTo(packetOf(story.sent()[0]!)));
  h.advance(1.99);
  t.notOk(story.run.isDone);
  h.advance(0.02);
  t.match(story.summary, { transmitted: 2, received: 1, loss: 50 });
  story.sent();
});

dialogue('an answer that comes twice is a duplicate and no second reply', (t, h) => {
  const story = new Story(h, { count: 2 });
  const answer = answerTo(packetOf(story.sent()[0]!));
  h.give(answer);
  h.give(answer);
  t.match(story.lines(), [/icmp_seq=1/, /icmp_seq=1 .* \(DUP!\)$/]);
  story.run.stop();
  t.match(story.summary, { transmitted: 1, received: 1, duplicates: 1, loss: 0 });
});

dialogue('data that comes back changed, or short, is seen', (t, h) => {
  const story = new Story(h, { count: 3, pattern: 'ff00' });
  const [first] = story.sent();
  t.same([...packetOf(first!).slice(28)], [255, 0, 255, 0, 255, 0, 255, 0], 'the pattern is sent');
  h.give(answerTo(packetOf(first!), (b) => join(b.slice(0, 3), [7], b.slice(4))));
  t.match(story.lines(), [/seq=1 .*\nwrong data byte #3 should be 0x0 but was 0x7$/]);
  h.advance(1);
  h.give(answerTo(packetOf(story.sent()[0]!), (b) => b.slice(0, 4)));
  t.match(story.lines(), [/^12 bytes .* \(truncated\)$/]);
  story.run.stop();
  t.equal(story.summary!.corrupted, 1);
});

dialogue('IPv6, with a hop limit and a traffic class of its own', (t, h) => {
  const story = new Story(h, { destination: '2001:db8::2', count: 1, ttl: 5, tos: 0x20 });
  const packet = packetOf(story.sent()[0]!);
  t.equal(packet[7], 5);
  t.equal((((packet[0]! << 8) | packet[1]!) >> 4) & 0xff, 0x20);
  h.give(answerTo(packet));
  t.match(story.lines(), ['16 bytes from 2001:db8::2: icmp_seq=1 ttl=61 time=0.000 ms']);
});

dialogue('errors name who sent them and what they are', (t, h) => {
  const cases: [number, number, number, RegExp][] = [
    [3, 1, 0, /^From 10.0.0.254 icmp_seq=1 Destination Host Unreachable$/],
    [3, 4, 1400, /^From 10.0.0.254 icmp_seq=1 Frag needed and DF set \(mtu = 1400\)$/],
    [3, 13, 0, /Packet filtered$/],
    [11, 0, 0, /Time to live exceeded$/],
  ];
  for (const [type, code, rest, expected] of cases) {
    const story = new Story(h, { count: 1, destination: '192.0.2.7' });
    const quoted = packetOf(story.sent()[0]!);
    h.give(ip4({ src: '10.0.0.254' }, icmp4({ type, code, rest }, quoted)));
    t.match(story.lines(), [expected]);
    t.match(story.summary, { received: 0, errors: 1, loss: 100 }, 'and the error ends it');
  }
});

dialogue('a neighbour that does not answer: host unreachable, from ourselves', (t, h) => {
  const story = new Story(h, { destination: '10.0.0.77', count: 1 });
  h.advance(3.1);
  t.match(story.lines(), ['From 10.0.0.1 icmp_seq=1 Destination Host Unreachable']);
  story.sent();
});

dialogue(
  'no route, no address, too long: refused at once, with a reason',
  (t, h) => {
    const story = new Story(h, { destination: '192.0.2.7', count: 5 });
    t.match(story.events, [{ type: 'refused', code: 'ENETUNREACH' }]);
    t.ok(story.run.isDone);
    const large = new Story(h, { count: 1, size: 3000, pmtuDiscovery: PMTUDISC.DO });
    t.match(large.lines(), ['ping: local error: message too long, mtu=1500']);
    t.ok(large.run.isDone);
    const device = { destination: '10.0.0.2', device: 'eth9' };
    t.throws(() => new Story(h, device), { code: 'ENODEV', message: /eth9.*lo, eth0/ });
  },
  { gateway: false },
);

dialogue('a flood follows the replies, or goes 100 a second without', (t, h) => {
  const story = new Story(h, { isFlood: true, intervalNs: 10 * MS, count: 0 });
  for (let i = 0; i < 50; i++) {
    const sent = story.sent();
    t.equal(sent.length, 1);
    h.advance(0.0001);
    h.give(answerTo(packetOf(sent[0]!)));
  }
  t.equal(story.sent().length, 1, 'an answer is what sends the next');
  h.advance(0.1);
  t.equal(story.sent().length, 10, 'ten in the tenth of a second without answers');
  story.run.stop();
  t.match(story.summary, { transmitted: 61, received: 50 });
  t.ok(story.summary!.ipg! > 1.6 && story.summary!.ipg! < 1.8, `${story.summary!.ipg} ms apart`);
});

dialogue('-w ends it, and -c then counts replies', (t, h) => {
  const story = new Story(h, { count: 2, deadlineNs: 5 * SEC });
  h.advance(2.5);
  const sent = story.sent();
  t.equal(sent.length, 3, 'it goes on asking');
  h.give(answerTo(packetOf(sent[1]!)));
  h.give(answerTo(packetOf(sent[2]!)));
  t.match(story.summary, { transmitted: 3, received: 2 });
  const silent = new Story(h, { count: 2, deadlineNs: 5 * SEC });
  h.advance(5.1);
  t.ok(silent.run.isDone);
  t.equal(silent.summary!.timeMs, 5000);
  silent.sent();
});

dialogue('sequence numbers wrap: 70,000 requests, none taken for another', (t, h) => {
  const story = new Story(h, { isFlood: true, intervalNs: 10 * MS, count: 70_000, size: 0 });
  for (let i = 0; i < 70_000; i++) h.give(answerTo(packetOf(story.sent()[0]!)));
  t.match(story.summary, { transmitted: 70_000, received: 70_000, duplicates: 0 });
});

t.test('what comes over a socket is checked field by field', async (t) => {
  const good = JSON.parse(JSON.stringify(REQUEST)) as Record<string, unknown>;
  t.same(checkedRequest(good), REQUEST);
  const bad: [string, unknown][] = [
    ['destination', 7],
    ['count', -1],
    ['count', 1.5],
    ['size', 70_000],
    ['intervalNs', null],
    ['ttl', 256],
    ['pattern', 'xyz'],
    ['device', undefined],
    ['pmtuDiscovery', 'do'],
  ];
  for (const [name, value] of bad) t.throws(() => checkedRequest({ ...good, [name]: value }), name);
});

t.test('times as iputils prints them', async (t) => {
  const cases: [number, string][] = [
    [0, '0.000'],
    [45_600, '0.045'],
    [999_999, '0.999'],
    [1_234_567, '1.23'],
    [12_345_678, '12.3'],
    [123_456_789, '123'],
  ];
  for (const [ns, text] of cases) t.equal(formatTime(ns), text);
});

t.test('the header and the summary', async (t) => {
  t.equal(headerLine('10.0.0.2', 56), 'PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.');
  t.equal(headerLine('fd00::2', 56), 'PING fd00::2(fd00::2) 56 data bytes');
  const stats = new PingStats(false);
  stats.transmitted = 3;
  stats.answered(1 * MS);
  stats.answered(3 * MS);
  stats.duplicates = 1;
  t.equal(
    summaryText('10.0.0.2', stats.summary(2003.7 * MS)),
    [
      '',
      '--- 10.0.0.2 ping statistics ---',
      '3 packets transmitted, 2 received, +1 duplicates, 33.3333% packet loss, time 2003ms',
      'rtt min/avg/max/mdev = 1.000/2.000/3.000/1.000 ms',
    ].join('\n'),
  );
});
