/** Sockets as iproute2's ss prints them: a table, and behind each line what -o, -e, -m and -i add. */
import type { CcInfo } from '../../src/cc/congestion-control.ts';
import type { MemoryView, SocketView, TimerView } from './socket-views.ts';

export interface Shown {
  readonly hasNetid: boolean;
  readonly hasState: boolean;
  readonly hasHeader: boolean;
  readonly timers: boolean;
  readonly extended: boolean;
  readonly memory: boolean;
  readonly info: boolean;
}

type Info = Readonly<Record<string, number>>;
interface Column {
  readonly head: string;
  readonly isRight: boolean;
  /** What separates it from the next one. */
  readonly gap: string;
  readonly of: (s: SocketView) => string;
}

export function socketsText(sockets: readonly SocketView[], shown: Shown): string[] {
  const columns = columnsOf(shown);
  const rows = sockets.map((s) => columns.map((column) => column.of(s)));
  const heads = columns.map((column) => column.head);
  const widths = heads.map((head, i) =>
    Math.max(head.length, ...rows.map((row) => row[i]!.length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => {
        const { isRight, gap } = columns[i]!;
        return (isRight ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)) + gap;
      })
      .join('')
      .trimEnd();
  const lines = shown.hasHeader ? [line(heads)] : [];
  for (const [i, row] of rows.entries()) {
    lines.push(line(row));
    const more = moreText(sockets[i]!, shown);
    if (more !== '') lines.push(`\t${more}`);
  }
  return lines;
}

function columnsOf(shown: Shown): Column[] {
  const column = (head: string, of: (s: SocketView) => string): Column => ({
    head,
    isRight: false,
    gap: ' ',
    of,
  });
  const address = (head: string, of: (s: SocketView) => string): Column => ({
    head,
    isRight: true,
    gap: ':',
    of,
  });
  return [
    ...(shown.hasNetid ? [column('Netid', (s) => s.netid)] : []),
    ...(shown.hasState ? [column('State', (s) => s.state)] : []),
    column('Recv-Q', (s) => String(s.recvQ)),
    column('Send-Q', (s) => String(s.sendQ)),
    address('Local Address', (s) => s.local + (s.dev === undefined ? '' : `%${s.dev}`)),
    column('Port', (s) => portText(s.localPort)),
    address('Peer Address', (s) => s.peer),
    column('Port', (s) => portText(s.peerPort)),
    column('Process', (s) => besideText(s, shown)),
  ];
}

const portText = (port: number): string => (port === 0 ? '*' : String(port));

/** -o, and -e, which shows timers as well. */
function besideText(s: SocketView, shown: Shown): string {
  const parts: string[] = [];
  if ((shown.timers || shown.extended) && s.timer !== undefined) parts.push(timerText(s.timer));
  if (shown.extended && s.state !== 'TIME-WAIT') {
    parts.push(`${s.isOpenIn ? '<' : '-'}-${s.isOpenOut ? '>' : '-'}`);
  }
  return parts.join(' ');
}

function timerText({ name, ms, retrans }: TimerView): string {
  return `timer:(${name},${durationText(ms)},${retrans})`;
}

/** 119min, 1min59sec, 59sec, 1.200ms, 824ms: the finer units only where they matter. */
function durationText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  const seconds = minutes > 9 ? 0 : Math.floor(ms / 1000) % 60;
  const rest = minutes > 0 || seconds > 9 ? 0 : ms % 1000;
  const parts = [minutes > 0 ? `${minutes}min` : ''];
  if (seconds > 0) parts.push(rest > 0 ? `${seconds}.` : `${seconds}sec`);
  if (rest > 0) parts.push(`${String(rest).padStart(3, '0')}ms`);
  return parts.join('');
}

/** -m and -i, on a line of their own. */
function moreText(s: SocketView, shown: Shown): string {
  const memory = shown.memory && s.memory !== undefined ? ` ${memoryText(s.memory)}` : '';
  if (!shown.info || s.netid !== 'tcp') return memory;
  return memory + infoText(s);
}

function memoryText(m: MemoryView): string {
  return `skmem:(r${m.received},rb${m.receiveBuffer},t0,tb${m.sendBuffer},f0,w${m.queued},o0,bl0,d${m.drops})`;
}

/** The order is ss's; what is zero is left out. */
function infoText(s: SocketView): string {
  const i = s.info;
  if (i === undefined) return '';
  const parts = [
    ...agreedText(i, s),
    ...pathText(i, s.module),
    ...totalsText(i),
    ...moduleText(s.module),
    ...ratesText(i),
    ...limitsText(i),
    ...flightText(i, s.state),
    ...receiverText(i),
  ];
  return parts.map((part) => ` ${part}`).join('');
}

const get = (i: Info, field: string): number => i[`tcpi_${field}`] ?? 0;

/** `label:value` of each field that is not zero. */
function numbers(i: Info, fields: readonly (readonly [label: string, field: string])[]): string[] {
  return fields
    .filter(([, field]) => get(i, field) !== 0)
    .map(([label, field]) => `${label}:${get(i, field)}`);
}

function agreedText(i: Info, { congestion, standIn }: SocketView): string[] {
  const options = get(i, 'options');
  const has = (bit: number, text: string) => ((options & bit) === 0 ? [] : [text]);
  return [
    ...has(1, 'ts'),
    ...has(2, 'sack'),
    ...has(8, 'ecn'),
    ...has(16, 'ecnseen'),
    ...has(32, 'fastopen'),
    ...(congestion === undefined ? [] : [congestion]),
    ...(standIn === undefined ? [] : [`stand_in:${standIn}`]),
    ...has(4, `wscale:${get(i, 'snd_wscale')},${get(i, 'rcv_wscale')}`),
  ];
}

function pathText(i: Info, module: CcInfo | undefined): string[] {
  const ssthresh = get(i, 'snd_ssthresh');
  return [
    ...(get(i, 'rto') === 0 ? [] : [`rto:${millis(i, 'rto')}`]),
    ...numbers(i, [['backoff', 'backoff']]),
    ...(get(i, 'rtt') === 0 ? [] : [`rtt:${rttText(i, module)}/${millis(i, 'rttvar')}`]),
    ...(get(i, 'ato') === 0 ? [] : [`ato:${millis(i, 'ato')}`]),
    ...numbers(i, [
      ['mss', 'snd_mss'],
      ['pmtu', 'pmtu'],
      ['rcvmss', 'rcv_mss'],
      ['advmss', 'advmss'],
      ['cwnd', 'snd_cwnd'],
    ]),
    ...(ssthresh > 0 && ssthresh < 0xffff ? [`ssthresh:${ssthresh}`] : []),
  ];
}

/** As in ss, Vegas's round trip takes the place of the smoothed one. */
function rttText(i: Info, module: CcInfo | undefined): string {
  const isOfVegas = module?.kind === 'vegas' && module.enabled > 0 && module.rttUs !== 0x7fffffff;
  return isOfVegas ? sixDigits(module.rttUs / 1000) : millis(i, 'rtt');
}

function totalsText(i: Info): string[] {
  return numbers(i, [
    ['bytes_sent', 'bytes_sent'],
    ['bytes_retrans', 'bytes_retrans'],
    ['bytes_acked', 'bytes_acked'],
    ['bytes_received', 'bytes_received'],
    ['segs_out', 'segs_out'],
    ['segs_in', 'segs_in'],
    ['data_segs_out', 'data_segs_out'],
    ['data_segs_in', 'data_segs_in'],
  ]);
}

/** What the congestion-control module tells. */
function moduleText(m: CcInfo | undefined): string[] {
  if (m?.kind === 'dctcp') return [dctcpText(m)];
  if (m?.kind !== 'bbr') return [];
  const gains = [
    ['pacing_gain', m.pacingGain],
    ['cwnd_gain', m.cwndGain],
  ] as const;
  const parts = [
    `bw:${Math.floor(m.bytesPerSecond) * 8}bps`,
    `mrtt:${sixDigits(m.minRttUs / 1000)}`,
    ...gains
      .filter(([, gain]) => gain > 0)
      .map(([name, gain]) => `${name}:${sixDigits(gain / 256)}`),
  ];
  return [`bbr:(${parts.join(',')})`];
}

function dctcpText(m: Extract<CcInfo, { kind: 'dctcp' }>): string {
  if (m.enabled === 0) return 'dctcp:fallback_mode';
  return `dctcp:(ce_state:${m.ceState},alpha:${m.alpha},ab_ecn:${m.abEcn},ab_tot:${m.abTot})`;
}

/** printf's %g. */
const sixDigits = (value: number): string => String(Number(value.toPrecision(6)));

function ratesText(i: Info): string[] {
  const bits = (field: string, label: string) =>
    get(i, field) === 0 ? [] : [`${label} ${get(i, field) * 8}bps`];
  const [rtt, mss, cwnd] = [get(i, 'rtt'), get(i, 'snd_mss'), get(i, 'snd_cwnd')];
  const send = rtt > 0 ? Math.round((cwnd * mss * 8e6) / rtt) : 0;
  const pacing = bits('pacing_rate', 'pacing_rate');
  const most = get(i, 'max_pacing_rate');
  return [
    ...(send === 0 ? [] : [`send ${send}bps`]),
    ...numbers(i, [
      ['lastsnd', 'last_data_sent'],
      ['lastrcv', 'last_data_recv'],
      ['lastack', 'last_ack_recv'],
    ]),
    ...(most === 0 ? pacing : pacing.map((text) => `${text}/${most * 8}bps`)),
    ...bits('delivery_rate', 'delivery_rate'),
    ...numbers(i, [
      ['delivered', 'delivered'],
      ['delivered_ce', 'delivered_ce'],
    ]),
    ...(get(i, 'delivery_rate_app_limited') === 0 ? [] : ['app_limited']),
  ];
}

function limitsText(i: Info): string[] {
  const busy = get(i, 'busy_time');
  if (busy === 0) return [];
  const share = (label: string, field: string) => {
    const us = get(i, field);
    const percent = ((100 * us) / busy).toFixed(1);
    return us === 0 ? [] : [`${label}:${Math.floor(us / 1000)}ms(${percent}%)`];
  };
  return [
    `busy:${Math.floor(busy / 1000)}ms`,
    ...share('rwnd_limited', 'rwnd_limited'),
    ...share('sndbuf_limited', 'sndbuf_limited'),
  ];
}

function flightText(i: Info, state: string): string[] {
  // Of a listener these are its accept queue, which the table has already.
  const isListening = state === 'LISTEN';
  const retrans = [get(i, 'retrans'), get(i, 'total_retrans')];
  return [
    ...(isListening ? [] : numbers(i, [['unacked', 'unacked']])),
    ...(retrans[0] === 0 && retrans[1] === 0 ? [] : [`retrans:${retrans.join('/')}`]),
    ...numbers(i, [['lost', 'lost']]),
    ...(isListening ? [] : numbers(i, [['sacked', 'sacked']])),
    ...numbers(i, [['dsack_dups', 'dsack_dups']]),
    ...(get(i, 'reordering') === 3 ? [] : numbers(i, [['reordering', 'reordering']])),
    ...numbers(i, [['reord_seen', 'reord_seen']]),
  ];
}

function receiverText(i: Info): string[] {
  const minRtt = get(i, 'min_rtt');
  return [
    ...(get(i, 'rcv_rtt') === 0 ? [] : [`rcv_rtt:${millis(i, 'rcv_rtt')}`]),
    ...numbers(i, [
      ['rcv_space', 'rcv_space'],
      ['rcv_ssthresh', 'rcv_ssthresh'],
      ['notsent', 'notsent_bytes'],
    ]),
    ...(minRtt === 0 || minRtt === 0xffffffff ? [] : [`minrtt:${millis(i, 'min_rtt')}`]),
    ...numbers(i, [
      ['rcv_ooopack', 'rcv_ooopack'],
      ['snd_wnd', 'snd_wnd'],
    ]),
  ];
}

/** Microseconds as milliseconds with six significant digits: printf's %g. */
function millis(i: Info, field: string): string {
  return String(Number((get(i, field) / 1000).toPrecision(6)));
}
