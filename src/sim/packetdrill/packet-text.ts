/** Packets in the script's own notation, for people: what was written and what was seen look alike. */
import { TCP_FLAG } from '../../wire/tcp.ts';
import type { IpFields, PacketAction, TcpOption, TcpPacket } from './script.ts';

const LETTERS: readonly (readonly [string, number])[] = [
  ['F', TCP_FLAG.FIN],
  ['S', TCP_FLAG.SYN],
  ['R', TCP_FLAG.RST],
  ['P', TCP_FLAG.PSH],
  ['U', TCP_FLAG.URG],
  ['E', TCP_FLAG.ECE],
  ['W', TCP_FLAG.CWR],
  ['A', TCP_FLAG.AE],
  ['.', TCP_FLAG.ACK],
];

export function flagsNotation(flags: number): string {
  const text = LETTERS.filter(([, bit]) => (flags & bit) !== 0).map(([letter]) => letter);
  return text.length === 0 ? '-' : text.join('');
}

export function packetText(packet: PacketAction): string {
  const words = [packet.isInbound ? '<' : '>'];
  for (const name of packet.encapsulations) words.push(`encap ${name}`);
  const ip = ipText(packet.ip);
  if (ip !== '') words.push(ip);
  switch (packet.kind) {
    case 'tcp':
      words.push(tcpText(packet));
      break;
    case 'udp':
      words.push(`udp (${packet.len})`);
      break;
    case 'icmp':
      words.push(`icmp ${packet.icmp.name}${packet.mtu === null ? '' : ` mtu ${packet.mtu}`}`);
  }
  return words.join(' ');
}

function ipText(ip: IpFields): string {
  const words: string[] = [];
  if (ip.ecn !== null) words.push(ip.ecn);
  if (ip.tos !== null) words.push(`tos 0x${ip.tos.toString(16).padStart(2, '0')}`);
  if (ip.flowLabel !== null) words.push(`flowlabel 0x${ip.flowLabel.toString(16)}`);
  if (ip.ttl !== null) words.push(`ttl ${ip.ttl}`);
  return words.length === 0 ? '' : `(${words.join(', ')})`;
}

function tcpText(packet: TcpPacket): string {
  const { start, len } = packet.seq;
  const words = [flagsNotation(packet.flags), `${start}:${(start + len) % 4294967296}(${len})`];
  if (packet.ports !== null) {
    words.unshift(`${packet.ports.source} > ${packet.ports.destination}`);
  }
  if (packet.ack !== null) words.push(`ack ${packet.ack}`);
  if (packet.window !== null) words.push(`win ${packet.window}`);
  if (packet.urgent !== null) words.push(`urg ${packet.urgent}`);
  if (packet.options === null) words.push('<...>');
  else if (packet.options.length > 0) words.push(`<${packet.options.map(optionText).join(',')}>`);
  return words.join(' ');
}

export function optionText(option: TcpOption): string {
  switch (option.kind) {
    case 'mss':
    case 'wscale':
      return `${option.kind} ${option.value}`;
    case 'sack':
      return `sack ${option.blocks.map(({ left, right }) => `${left}:${right}`).join(' ')}`;
    case 'TS':
      return `TS val ${option.val} ecr ${option.ecr}`;
    case 'FO':
    case 'FOEXP':
    case 'md5':
      return option.bytes === '' ? option.kind : `${option.kind} ${option.bytes}`;
    case 'raw':
      return `option 0x${option.bytes}`;
    case 'ECN': {
      const names = option.first === 0 ? ['e0b', 'ceb', 'e1b'] : ['e1b', 'ceb', 'e0b'];
      return `ECN ${option.counters.map((counter, i) => `${names[i]} ${counter}`).join(' ')}`;
    }
    default:
      return option.kind;
  }
}
