/**
 * An outbound packet against the line that expects it. What was seen is first put into the script's own
 * numbers, as a packet of the same kind as the line; then the two are compared field by field, and shown
 * side by side when they differ.
 */
import { SEC } from '../../base/time.ts';
import { TCP_FLAG } from '../../wire/tcp.ts';
import type { Flow } from './flow.ts';
import { icmpName } from './icmp-names.ts';
import type { LivePacket, LiveTcp } from './live-packet.ts';
import type { ScriptOptions } from './options.ts';
import { optionText, packetText } from './packet-text.ts';
import type {
  Ecn,
  IcmpPacket,
  IpFields,
  PacketAction,
  TcpOption,
  TcpPacket,
  UdpPacket,
} from './script.ts';

/** What differs, in words, and both sides in the script's notation. */
export interface Difference {
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
}

/** `live` as the script would write it, with as much of the IP header and the window as `expected` has. */
export function asScript(
  expected: PacketAction,
  live: LivePacket,
  flow: Flow,
): PacketAction | null {
  const head = {
    at: expected.at,
    isInbound: false,
    encapsulations: [],
    ip: seenIp(expected.ip, live),
  };
  const { transport } = live;
  switch (transport.kind) {
    case 'tcp':
      return { kind: 'tcp', ...head, ...tcpFields(expected, transport, flow) };
    case 'udp':
      return { kind: 'udp', ...head, ports: null, len: transport.len };
    case 'icmp': {
      const { type, code } = transport;
      const icmp = { type, code, name: icmpName(live.isV4, type, code) };
      return { kind: 'icmp', ...head, icmp, mtu: null, id: null, quoted: null };
    }
    case 'other':
      return null;
  }
}

function tcpFields(expected: PacketAction, live: LiveTcp, flow: Flow) {
  const line = expected.kind === 'tcp' ? expected : null;
  const { flags } = live;
  const hasAck = (flags & TCP_FLAG.ACK) !== 0;
  const toRemote = (n: number) => flow.remoteToScript(flags, n);
  const isAckShown = hasAck || live.ack !== 0;
  return {
    ports:
      line === null || line.ports === null
        ? null
        : { source: live.srcPort, destination: live.dstPort },
    flags,
    seq: { start: flow.localToScript(flags, live.seq), len: live.len },
    ack: !isAckShown ? null : hasAck ? toRemote(live.ack) : live.ack,
    window: line?.window === null ? null : live.window,
    urgent: (flags & TCP_FLAG.URG) !== 0 || live.urgent !== 0 ? live.urgent : null,
    options: live.options.map(
      (option): TcpOption =>
        option.kind === 'sack'
          ? {
              kind: 'sack',
              blocks: option.blocks.map((b) => ({
                left: toRemote(b.left),
                right: toRemote(b.right),
              })),
            }
          : option,
    ),
  };
}

const ECN_NAMES: readonly Ecn[] = ['noecn', 'ect1', 'ect0', 'ce'];

function seenIp(expected: IpFields, live: LivePacket): IpFields {
  return {
    ecn: expected.ecn === null ? null : ECN_NAMES[live.tos & 3]!,
    tos: expected.tos === null ? null : live.tos,
    flowLabel: expected.flowLabel === null ? null : live.flowLabel,
    ttl: expected.ttl === null ? null : live.ttl,
  };
}

/**
 * Null when the packet is the expected one; its timestamp is then recorded in the flow. `elapsedNs` is
 * the time of capture since the start of the script.
 */
export function comparePacket(
  expected: PacketAction,
  live: LivePacket,
  flow: Flow,
  options: ScriptOptions,
  elapsedNs: number,
): Difference | null {
  const actual = asScript(expected, live, flow);
  if (actual === null) return difference(['protocol'], expected, 'a packet of another protocol');
  if (live.problem !== null) return difference([live.problem], expected, packetText(actual));
  const what = ipDifferences(expected.ip, actual.ip, flow);
  if (expected.kind === 'tcp' && actual.kind === 'tcp') {
    what.push(...tcpDifferences(expected, actual));
    what.push(...stampDifferences(expected, actual, flow, options, elapsedNs));
  } else if (expected.kind === 'udp' && actual.kind === 'udp') {
    what.push(...udpDifferences(expected, actual));
  } else if (expected.kind === 'icmp' && actual.kind === 'icmp') {
    what.push(...icmpDifferences(expected, actual));
  } else what.push('protocol');
  if (what.length > 0) return difference(what, expected, packetText(actual));
  if (expected.kind === 'tcp' && actual.kind === 'tcp') recordStamp(expected, actual, flow);
  return null;
}

const difference = (
  what: readonly string[],
  expected: PacketAction,
  actual: string,
): Difference => ({
  what: what.join(', '),
  expected: packetText(expected),
  actual,
});

function ipDifferences(expected: IpFields, actual: IpFields, flow: Flow): string[] {
  const what: string[] = [];
  const isEcnGood =
    expected.ecn === 'ect01'
      ? actual.ecn === 'ect0' || actual.ecn === 'ect1'
      : actual.ecn === expected.ecn;
  if (!isEcnGood) what.push('ECN');
  if (actual.tos !== expected.tos) what.push('TOS');
  if (actual.ttl !== expected.ttl) what.push('TTL');
  const { flowLabel } = expected;
  if (flowLabel !== null && !flow.isLabel(flowLabel, actual.flowLabel!)) what.push('flow label');
  return what;
}

function tcpDifferences(expected: TcpPacket, actual: TcpPacket): string[] {
  const what: string[] = [];
  const { ports } = expected;
  if (ports !== null && ports.source !== actual.ports?.source) what.push('source port');
  if (ports !== null && ports.destination !== actual.ports?.destination) {
    what.push('destination port');
  }
  if (actual.flags !== expected.flags) what.push('flags');
  if (actual.seq.start !== expected.seq.start) what.push('sequence number');
  if (actual.seq.len !== expected.seq.len) what.push('length');
  if ((actual.ack ?? 0) !== (expected.ack ?? 0)) what.push('ack');
  if (expected.window !== null && actual.window !== expected.window) what.push('window');
  if ((actual.urgent ?? 0) !== (expected.urgent ?? 0)) what.push('urgent pointer');
  if (expected.options !== null && !areOptionsAlike(expected.options, actual.options!)) {
    what.push('options');
  }
  return what;
}

/** Kinds, order and bytes; of timestamps only that they are there. */
function areOptionsAlike(expected: readonly TcpOption[], actual: readonly TcpOption[]): boolean {
  const comparable = (option: TcpOption) => (option.kind === 'TS' ? 'TS' : optionText(option));
  return (
    expected.length === actual.length &&
    expected.every((option, i) => comparable(option) === comparable(actual[i]!))
  );
}

function stampsOf(expected: TcpPacket, actual: TcpPacket): { script: number; live: number } | null {
  const script = expected.options?.find((option) => option.kind === 'TS');
  const live = actual.options?.find((option) => option.kind === 'TS');
  return script === undefined || live === undefined ? null : { script: script.val, live: live.val };
}

function stampDifferences(
  expected: TcpPacket,
  actual: TcpPacket,
  flow: Flow,
  options: ScriptOptions,
  elapsedNs: number,
): string[] {
  const stamps = stampsOf(expected, actual);
  if (options.tsTickNs === 0 || stamps === null) return [];
  const offNs = flow.stampError(stamps.script, stamps.live) * options.tsTickNs;
  const allowedNs = Math.max(options.toleranceNs, (options.tolerancePercent / 100) * elapsedNs);
  if (Math.abs(offNs) <= allowedNs) return [];
  return [`TS val (${(offNs / SEC).toFixed(6)} s off, ${(allowedNs / SEC).toFixed(6)} s allowed)`];
}

function recordStamp(expected: TcpPacket, actual: TcpPacket, flow: Flow): void {
  const stamps = stampsOf(expected, actual);
  if (stamps !== null) flow.recordStamp(stamps.script, stamps.live);
}

const udpDifferences = (expected: UdpPacket, actual: UdpPacket): string[] =>
  expected.len === actual.len ? [] : ['length'];

function icmpDifferences(expected: IcmpPacket, actual: IcmpPacket): string[] {
  const what: string[] = [];
  if (expected.icmp.type !== actual.icmp.type) what.push('type');
  if (expected.icmp.code !== actual.icmp.code) what.push('code');
  return what;
}
