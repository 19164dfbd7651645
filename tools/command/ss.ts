/** `ss`: the sockets of a running stack. */
import { controlCall } from '../../src/live/control-client.ts';
import type { Command } from './command.ts';
import { EXIT } from './failure.ts';
import type { Options } from './options.ts';
import type { SocketState, SocketView } from './socket-views.ts';
import { ALL_STATES, DEFAULT_STATES, parseFilter } from './ss-filter.ts';
import { socketsText } from './ss-text.ts';

/** What the control socket answers. */
export interface SocketsAnswer {
  readonly sockets: readonly SocketView[];
  /** How many there are of the states asked for; more than were sent when an answer would be too long. */
  readonly total: number;
}

export interface SummaryAnswer {
  readonly udp: FamilyCount;
  readonly tcp: FamilyCount;
  readonly fragments: FamilyCount;
  readonly estab: number;
  readonly closed: number;
  readonly orphaned: number;
  readonly timewait: number;
  readonly memory: MemoryCount;
}

/** What TCP holds, in tcp_mem's pages of 4 KiB. */
export interface MemoryCount {
  readonly pages: number;
  readonly isPressed: boolean;
}

export interface FamilyCount {
  readonly ip: number;
  readonly ip6: number;
}

export const ssCommand: Command = {
  name: 'ss',
  usage: '[-tu] [-la] [-nHoemi] [-46] [-s] [state STATE] [exclude STATE] [FILTER]',
  options: [
    { name: 'tcp', short: 't', help: 'TCP sockets (with neither -t nor -u, both)' },
    { name: 'udp', short: 'u', help: 'UDP sockets' },
    { name: 'listening', short: 'l', help: 'those that listen, and UDP sockets without a peer' },
    { name: 'all', short: 'a', help: 'in all states' },
    { name: 'numeric', short: 'n', help: 'numbers, which is what there always is' },
    { name: 'no-header', short: 'H', help: 'no header line' },
    { name: 'options', short: 'o', help: 'timers' },
    { name: 'extended', short: 'e', help: 'timers, and which directions are still open' },
    { name: 'memory', short: 'm', help: 'buffers' },
    { name: 'info', short: 'i', help: 'what TCP knows of the connection: TCP_INFO' },
    { name: 'summary', short: 's', help: 'how many there are' },
    { name: '4', help: 'IPv4 only' },
    { name: '6', help: 'IPv6 only' },
    { name: 'name', value: 'NAME', help: 'which running stack (needed when there are several)' },
  ],
  details: `
STATE is established, syn-sent, syn-recv, fin-wait-1, fin-wait-2, time-wait, closed, close-wait, last-ack,
listening, closing, or all, connected, synchronized, bucket (syn-recv and time-wait), big (the others).
FILTER compares sport and dport with ports (= != < > <= >=) and src and dst with ADDRESS[/BITS][:PORT]
(= !=), joined by and, or, not and brackets. Formats are those of iproute2's ss.`,
  run: ss,
};

async function ss(options: Options): Promise<number> {
  options.notTogether('4', '6');
  if (options.has('summary')) return summary(options);
  const filter = parseFilter(options.words);
  const states = filter.states ?? defaultStates(options);
  const isBoth = options.has('tcp') === options.has('udp');
  const request = {
    op: 'ss',
    netids: isBoth ? ['udp', 'tcp'] : [options.has('tcp') ? 'tcp' : 'udp'],
    states: [...states],
  };
  const call = await controlCall(options.text('name'), request);
  const { sockets, total } = (await call.result) as SocketsAnswer;
  const family = options.has('4') ? 'inet' : options.has('6') ? 'inet6' : '';
  const shown = sockets.filter((s) => (family === '' || s.family === family) && filter.test(s));
  if (options.has('json')) console.log(JSON.stringify(shown));
  else {
    for (const line of socketsText(shown, {
      hasNetid: isBoth,
      hasState: states.size > 1,
      hasHeader: !options.has('no-header'),
      timers: options.has('options'),
      extended: options.has('extended'),
      memory: options.has('memory'),
      info: options.has('info'),
    })) {
      console.log(line);
    }
  }
  if (total > sockets.length) {
    console.error(`ringway ss: ${sockets.length} of ${total} sockets; name a state to see others`);
  }
  return EXIT.OK;
}

function defaultStates(options: Options): ReadonlySet<SocketState> {
  if (options.has('all')) return new Set(ALL_STATES);
  if (options.has('listening')) return new Set<SocketState>(['LISTEN', 'UNCONN']);
  return new Set(DEFAULT_STATES);
}

async function summary(options: Options): Promise<number> {
  const call = await controlCall(options.text('name'), { op: 'ss-summary' });
  const answer = (await call.result) as SummaryAnswer;
  console.log(options.has('json') ? JSON.stringify(answer) : summaryText(answer));
  return EXIT.OK;
}

/** As `ss -s`, and what /proc/net/sockstat calls `mem`; there are no raw sockets. */
export function summaryText(s: SummaryAnswer): string {
  const none = { ip: 0, ip6: 0 };
  const inet = { ip: s.udp.ip + s.tcp.ip, ip6: s.udp.ip6 + s.tcp.ip6 };
  const row = (name: string, { ip, ip6 }: FamilyCount) =>
    `${name}\t  ${String(ip + ip6).padEnd(9)} ${String(ip).padEnd(9)} ${String(ip6).padEnd(9)}`;
  const all = s.tcp.ip + s.tcp.ip6 + s.closed;
  return [
    `Total: ${inet.ip + inet.ip6}`,
    `TCP:   ${all} (estab ${s.estab}, closed ${s.closed}, orphaned ${s.orphaned}, timewait ${s.timewait})`,
    '',
    'Transport Total     IP        IPv6',
    row('RAW', none),
    row('UDP', s.udp),
    row('TCP', s.tcp),
    row('INET', inet),
    row('FRAG', s.fragments),
    '',
    `TCP memory: ${s.memory.pages} pages of 4096 bytes${s.memory.isPressed ? ', under pressure' : ''}`,
    '',
  ].join('\n');
}
