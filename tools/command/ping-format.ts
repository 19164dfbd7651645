/** Ping's events in the words of iputils, so that whatever reads its output reads ours. */
import { ICMP4, ICMP6, UNREACH4, UNREACH6 } from '../../src/wire/icmp.ts';
import type { PingEvent } from './ping-run.ts';
import type { PingSummary } from './ping-stats.ts';

export function headerLine(destination: string, size: number): string {
  const isV6 = destination.includes(':');
  if (isV6) return `PING ${destination}(${destination}) ${size} data bytes`;
  return `PING ${destination} (${destination}) ${size}(${size + 28}) bytes of data.`;
}

/** One line, or more when the data came back changed; '' for what is not shown. */
export function eventLine(event: PingEvent): string {
  switch (event.type) {
    case 'sent':
      return '';
    case 'reply':
      return replyLine(event);
    case 'error':
      return `From ${event.from} icmp_seq=${event.seq} ${describeError(event)}`;
    case 'refused':
      return refusedLine(event);
  }
}

/** Of a flood: a dot goes out with each request, a backspace takes it away with its reply. */
export function floodMark(event: PingEvent): string {
  switch (event.type) {
    case 'sent':
      return '.';
    case 'reply':
      return event.wrong === undefined ? '\b \b' : 'C';
    default:
      return 'E';
  }
}

function replyLine(event: PingEvent & { type: 'reply' }): string {
  const { from, seq, bytes, ttl, rttNs, duplicate, truncated, wrong } = event;
  let line = `${bytes} bytes from ${from}: icmp_seq=${seq} ttl=${ttl}`;
  if (truncated === true) return `${line} (truncated)`;
  line += ` time=${formatTime(rttNs)} ms`;
  if (duplicate === true) line += ' (DUP!)';
  if (wrong !== undefined) {
    const hex = (n: number) => `0x${n.toString(16)}`;
    line += `\nwrong data byte #${wrong.at} should be ${hex(wrong.should)} but was ${hex(wrong.is)}`;
  }
  return line;
}

/** Three significant figures or so: 0.045, 1.23, 12.3, 123. */
export function formatTime(ns: number): string {
  const us = Math.floor(ns / 1000);
  if (us >= 99_950) return (us / 1000).toFixed(0);
  if (us >= 9_995) return (us / 1000).toFixed(1);
  if (us >= 1_000) return (us / 1000).toFixed(2);
  return (us / 1000).toFixed(3);
}

function refusedLine(event: PingEvent & { type: 'refused' }): string {
  if (event.code === 'EMSGSIZE') {
    return `ping: local error: message too long, mtu=${event.mtu}`;
  }
  return `ping: ${refusalText(event.code)}`;
}

export function refusalText(code: string): string {
  switch (code) {
    case 'ENETUNREACH':
      return 'Network is unreachable (ENETUNREACH): the stack has no route there; see `ringway route`';
    case 'EADDRNOTAVAIL':
      return 'Cannot assign requested address (EADDRNOTAVAIL): the interface has no usable address of this family; see `ringway addr`';
    case 'ENETDOWN':
      return 'Network is down (ENETDOWN): see `ringway link`';
    default:
      return `cannot send (${code})`;
  }
}

const UNREACH4_TEXT: Readonly<Record<number, string>> = {
  [UNREACH4.NET]: 'Destination Net Unreachable',
  [UNREACH4.HOST]: 'Destination Host Unreachable',
  [UNREACH4.PROTOCOL]: 'Destination Protocol Unreachable',
  [UNREACH4.PORT]: 'Destination Port Unreachable',
  [UNREACH4.SOURCE_ROUTE_FAILED]: 'Source Route Failed',
  [UNREACH4.NET_UNKNOWN]: 'Destination Net Unknown',
  [UNREACH4.HOST_UNKNOWN]: 'Destination Host Unknown',
  [UNREACH4.HOST_ISOLATED]: 'Source Host Isolated',
  [UNREACH4.NET_PROHIBITED]: 'Destination Net Prohibited',
  [UNREACH4.HOST_PROHIBITED]: 'Destination Host Prohibited',
  [UNREACH4.NET_TOS]: 'Destination Net Unreachable for Type of Service',
  [UNREACH4.HOST_TOS]: 'Destination Host Unreachable for Type of Service',
  [UNREACH4.FILTERED]: 'Packet filtered',
};
const UNREACH6_TEXT: Readonly<Record<number, string>> = {
  [UNREACH6.NO_ROUTE]: 'Destination unreachable: No route',
  [UNREACH6.PROHIBITED]: 'Destination unreachable: Administratively prohibited',
  [UNREACH6.BEYOND_SCOPE]: 'Destination unreachable: Beyond scope of source address',
  [UNREACH6.ADDRESS]: 'Destination unreachable: Address unreachable',
  [UNREACH6.PORT]: 'Destination unreachable: Port unreachable',
  [UNREACH6.POLICY]: 'Destination unreachable: Source address failed ingress/egress policy',
  [UNREACH6.REJECT_ROUTE]: 'Destination unreachable: Reject route to destination',
};

export function describeError(event: PingEvent & { type: 'error' }): string {
  return event.v4 ? describeError4(event) : describeError6(event);
}

function describeError4({ icmpType, icmpCode, mtu }: PingEvent & { type: 'error' }): string {
  switch (icmpType) {
    case ICMP4.DEST_UNREACH:
      if (icmpCode === UNREACH4.FRAG_NEEDED) return `Frag needed and DF set (mtu = ${mtu})`;
      return UNREACH4_TEXT[icmpCode] ?? `Dest Unreachable, Bad Code: ${icmpCode}`;
    case ICMP4.TIME_EXCEEDED:
      return icmpCode === 0 ? 'Time to live exceeded' : 'Frag reassembly time exceeded';
    case ICMP4.PARAM_PROBLEM:
      return 'Parameter problem';
    default:
      return `Bad ICMP type: ${icmpType}`;
  }
}

function describeError6({ icmpType, icmpCode, mtu }: PingEvent & { type: 'error' }): string {
  switch (icmpType) {
    case ICMP6.DEST_UNREACH:
      return UNREACH6_TEXT[icmpCode] ?? `Destination unreachable: Unknown code ${icmpCode}`;
    case ICMP6.PACKET_TOO_BIG:
      return `Packet too big: mtu=${mtu}`;
    case ICMP6.TIME_EXCEEDED:
      return icmpCode === 0 ? 'Time exceeded: Hop limit' : 'Time exceeded: Defragmentation failure';
    case ICMP6.PARAM_PROBLEM:
      return 'Parameter problem';
    default:
      return `Unknown icmp type: ${icmpType}`;
  }
}

export function summaryText(destination: string, s: PingSummary): string {
  const parts = [`${s.transmitted} packets transmitted`, `${s.received} received`];
  if (s.duplicates > 0) parts.push(`+${s.duplicates} duplicates`);
  if (s.corrupted > 0) parts.push(`+${s.corrupted} corrupted`);
  if (s.errors > 0) parts.push(`+${s.errors} errors`);
  if (s.overflows > 0) parts.push(`+${s.overflows} buffer overflows`);
  parts.push(`${Number(s.loss.toPrecision(6))}% packet loss`, `time ${Math.floor(s.timeMs)}ms`);
  const lines = ['', `--- ${destination} ping statistics ---`, parts.join(', ')];
  if (s.rtt !== undefined) {
    const { min, avg, max, mdev } = s.rtt;
    const times = [min, avg, max, mdev].map((ms) => ms.toFixed(3)).join('/');
    let line = `rtt min/avg/max/mdev = ${times} ms`;
    if (s.ipg !== undefined && s.ewma !== undefined) {
      line += `, ipg/ewma ${s.ipg.toFixed(3)}/${s.ewma.toFixed(3)} ms`;
    }
    lines.push(line);
  } else lines.push('');
  return lines.join('\n');
}
