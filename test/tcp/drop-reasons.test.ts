/** What is not taken is counted once, for a reason with a name: `ringway nstat -a`, `RingwayDrop*`. */
import t from 'tap';
import { listCounters } from '../../src/stack/nstat.ts';
import type { Listener } from '../../src/tcp/listener.ts';
import { TcpHarness, type TcpHarnessOptions } from './tcp-harness.ts';

/** What leads there, and the segment that is dropped. */
interface Case {
  readonly what: string;
  readonly before: string;
  readonly drop: string;
  readonly reason: string;
  readonly tcp?: TcpHarnessOptions['tcp'];
}

const TS = 'mss 1000,sackOK,TS val 100 ecr 0';
const SYN_SENT = '0 connect';
const SYN_RECEIVED = '0 listen\n0 < S 0:0(0) win 65535 <mss 1000,sackOK>';
const SYN_RECEIVED_TS = `0 listen\n0 < S 0:0(0) win 65535 <${TS}>`;
const STANDS = `${SYN_RECEIVED}\n0 < . 1:1(0) ack 1`;
const STANDS_TS = `${SYN_RECEIVED_TS}\n0 < . 1:1(0) ack 1 <TS val 200 ecr 0>`;
const FIN_WAIT_2 = '0.1 close\n0.2 < . 1:1(0) ack 2\n0.2 state FIN-WAIT-2';
const TIME_WAIT = '0.1 close\n0.2 < F. 1:1(0) ack 2\n0.2 state TIME-WAIT';

const IN_SYN_SENT: readonly Case[] = [
  {
    what: 'an ACK of another SYN',
    before: '',
    drop: 'S. 0:0(0) ack 777',
    reason: 'TcpInvalidAckSequence',
  },
  { what: 'a RST without ACK', before: '', drop: 'R 0:0(0)', reason: 'TcpReset' },
  { what: 'an ACK without SYN', before: '', drop: '. 0:0(0) ack 1', reason: 'TcpFlags' },
  {
    what: 'a timestamp that we never sent',
    before: '',
    drop: 'S. 0:0(0) ack 1 <mss 1000,TS val 1 ecr 77777777>',
    reason: 'TcpRfc7323Paws',
  },
];

const IN_SYN_RECEIVED: readonly Case[] = [
  {
    what: 'an ACK of another SYN-ACK',
    before: '',
    drop: '. 1:1(0) ack 99',
    reason: 'TcpInvalidAckSequence',
  },
  {
    what: 'text beyond the window',
    before: '',
    drop: 'P. 900001:900002(1) ack 1',
    reason: 'TcpOverwindow',
  },
  { what: 'a RST in the window', before: '', drop: 'R 100:100(0)', reason: 'TcpReset' },
  { what: 'a SYN in the window', before: '', drop: 'S 100:100(0)', reason: 'TcpInvalidSyn' },
  { what: 'text without ACK', before: '', drop: 'P 1:2(1)', reason: 'TcpFlags' },
  {
    what: 'its SYN, too often',
    before: '0.1 < S 0:0(0)',
    drop: 'S 0:0(0)',
    reason: 'TcpOldSequence',
  },
  {
    what: 'its ACK, and nobody can accept it',
    before: '0 backlog -1',
    drop: '. 1:1(0) ack 1',
    reason: 'TcpListenOverflow',
  },
];

const STANDING: readonly Case[] = [
  {
    what: 'text that was there',
    before: '0.1 < P. 1:101(100) ack 1',
    drop: 'P. 1:101(100) ack 1',
    reason: 'TcpOldData',
  },
  {
    what: 'text from long ago',
    before: '',
    drop: 'P. -999:-899(100) ack 1',
    reason: 'TcpOldSequence',
  },
  {
    what: 'text that waits already',
    before: '0.1 < P. 201:301(100) ack 1',
    drop: 'P. 201:301(100) ack 1',
    reason: 'TcpOfomerge',
  },
  {
    what: 'a FIN that waits already',
    before: '0.1 < F. 201:201(0) ack 1',
    drop: 'F. 201:201(0) ack 1',
    reason: 'TcpOfomerge',
  },
  { what: 'text at the edge of the window', before: '', drop: 'EDGE', reason: 'TcpOverwindow' },
  {
    what: 'text across it while there is some to read',
    before: '0.1 < P. 1:101(100) ack 1',
    drop: 'ACROSS',
    reason: 'TcpInvalidEndSequence',
  },
  {
    what: 'text behind the FIN',
    before: '0.1 < F. 1:1(0) ack 1',
    drop: 'P. 2:102(100) ack 1',
    reason: 'TcpInvalidSequence',
  },
  {
    what: 'text in order without memory',
    before: '0.1 hoard',
    drop: 'P. 1:101(100) ack 1',
    reason: 'TcpNoMemory',
  },
  {
    what: 'text for a shut window',
    before: '0.1 hoard\n0.1 < P. 1:101(100) ack 1',
    drop: 'EDGE',
    reason: 'TcpZerowindow',
  },
  {
    what: 'text behind a gap without memory',
    before: '0.1 hoard',
    drop: 'P. 201:301(100) ack 1',
    reason: 'TcpOfoDrop',
  },
  {
    what: 'text for nobody',
    before: '0.1 close',
    drop: 'P. 1:101(100) ack 1',
    reason: 'TcpAbortOnData',
  },
];

const IN_FIN_WAIT_2: readonly Case[] = [
  { what: 'text for nobody', before: '', drop: 'P. 1:101(100) ack 2', reason: 'TcpAbortOnData' },
  { what: 'text without ACK', before: '', drop: 'P 1:101(100)', reason: 'TcpFlags' },
  { what: 'a SYN', before: '', drop: 'S 100:100(0)', reason: 'TcpInvalidSyn' },
  {
    what: 'text from long ago',
    before: '',
    drop: 'P. -999:-899(100) ack 2',
    reason: 'TcpOldSequence',
  },
  {
    what: 'text beyond the window',
    before: '',
    drop: 'P. 900001:900101(100) ack 2',
    reason: 'TcpInvalidSequence',
  },
];

const IN_TIME_WAIT: readonly Case[] = [
  { what: 'the FIN again', before: '', drop: 'F. 1:1(0) ack 2', reason: 'TcpOldSequence' },
  { what: 'text', before: '', drop: 'P. 100:200(100) ack 2', reason: 'TcpInvalidSequence' },
  { what: 'a RST elsewhere', before: '', drop: 'R 100:100(0)', reason: 'TcpReset' },
  {
    what: 'RFC 1337: a RST',
    before: '',
    drop: 'R 2:2(0)',
    reason: 'TcpReset',
    tcp: { rfc1337: 1 },
  },
  { what: 'an old SYN', before: '', drop: 'S -9:-9(0)', reason: 'TcpInvalidSyn' },
  {
    what: 'a new SYN, and nobody listens',
    before: '0.3 deafen',
    drop: 'S 1000:1000(0)',
    reason: 'TcpNoPort',
  },
];

const PAWS: readonly Case[] = [
  {
    what: 'SYN-RECEIVED',
    before: SYN_RECEIVED_TS,
    drop: '. 1:1(0) ack 1 <TS val 50 ecr 0>',
    reason: 'TcpRfc7323Paws',
  },
  {
    what: 'ESTABLISHED',
    before: STANDS_TS,
    drop: 'P. 1:101(100) ack 1 <TS val 150 ecr 0>',
    reason: 'TcpRfc7323Paws',
  },
  {
    what: 'FIN-WAIT-2',
    before: `${STANDS_TS}\n${FIN_WAIT_2}`,
    drop: 'P. 1:101(100) ack 2 <TS val 50 ecr 0>',
    reason: 'TcpRfc7323TwPaws',
  },
  {
    what: 'TIME-WAIT',
    before: `${STANDS_TS}\n${TIME_WAIT}`,
    drop: 'F. 2:2(0) ack 2 <TS val 50 ecr 0>',
    reason: 'TcpRfc7323TwPaws',
  },
];

const DEFERRED: readonly Case[] = [
  {
    what: 'a bare ACK',
    before: `0 set deferTimeouts 3\n${SYN_RECEIVED}`,
    drop: '. 1:1(0) ack 1',
    reason: 'TcpDeferAccept',
  },
];

/** Where a window ends is the stack's affair. */
function segmentAtEdge(h: TcpHarness, drop: string): string {
  if (drop !== 'EDGE' && drop !== 'ACROSS') return drop;
  const { received, rcv } = h.flow;
  const edge = 1 + received.readyBytes + rcv.acceptable();
  const from = drop === 'EDGE' ? edge : edge - 50;
  return `P. ${from}:${from + 100}(100) ack 1`;
}

const dropsOf = (h: TcpHarness): Map<string, number> =>
  new Map(listCounters(h.rig.net).filter(([name]) => name.startsWith('RingwayDrop')));

function verbs(h: TcpHarness, taken: number[]): void {
  const { pages } = h.rig.net.env.memory;
  const listener = (): Listener => h.listener!; // the scripts that say so listen
  h.verb('backlog', ([n]) => {
    listener().setBacklog(Number(n));
    return 0;
  });
  h.verb('deafen', () => {
    h.tcp.demux.listeners.remove(listener());
    return 0;
  });
  h.verb('hoard', () => {
    for (let b = pages.take(); b >= 0; b = pages.take()) taken.push(b);
    return 0;
  });
}

function provoke(title: string, opening: string, cases: readonly Case[]): void {
  t.test(`dropped, and why: ${title}`, async (t) => {
    for (const { what, before, drop, reason, tcp = {} } of cases) {
      const h = new TcpHarness({ tcp });
      const taken: number[] = [];
      verbs(h, taken);
      h.trace = [];
      h.run(`${opening}\n${before}`);
      const was = dropsOf(h);
      h.run(`+0.01 < ${segmentAtEdge(h, drop)}`);
      const news = [...dropsOf(h)].map(([name, n]): [string, number] => [
        name,
        n - (was.get(name) ?? 0),
      ]);
      t.same(
        news.filter(([, n]) => n > 0),
        [[`RingwayDrop${reason}`, 1]],
        what,
      );
      for (const block of taken) h.rig.net.env.memory.pages.release(block);
      h.rig.stack.close();
    }
  });
}

provoke('SYN-SENT', SYN_SENT, IN_SYN_SENT);
provoke('SYN-RECEIVED', SYN_RECEIVED, IN_SYN_RECEIVED);
provoke('TCP_DEFER_ACCEPT', '', DEFERRED);
provoke('ESTABLISHED and later', STANDS, STANDING);
provoke('FIN-WAIT-2 without a reader', `${STANDS}\n${FIN_WAIT_2}`, IN_FIN_WAIT_2);
provoke('TIME-WAIT', `${STANDS}\n${TIME_WAIT}`, IN_TIME_WAIT);
provoke('PAWS', '', PAWS);
