/** ICMP types and codes by their names in scripts, for either version of IP. */
import { ICMP4, ICMP6, PARAM6, UNREACH4, UNREACH6 } from '../../wire/icmp.ts';

export interface IcmpKind {
  readonly type: number;
  readonly code: number;
  /** As written, for messages. */
  readonly name: string;
}

type Names = Readonly<Record<string, number>>;

const TYPES4: Names = {
  echo_reply: ICMP4.ECHO_REPLY,
  unreachable: ICMP4.DEST_UNREACH,
  source_quench: ICMP4.SOURCE_QUENCH,
  redirect: ICMP4.REDIRECT,
  echo_request: ICMP4.ECHO,
  time_exceeded: ICMP4.TIME_EXCEEDED,
  parameter_problem: ICMP4.PARAM_PROBLEM,
  timestamp_request: ICMP4.TIMESTAMP,
  timestamp_reply: ICMP4.TIMESTAMP_REPLY,
  /** RFC 792; obsoleted by RFC 6918, still written. */
  information_request: 15,
  information_reply: 16,
  address_mask_request: ICMP4.ADDRESS_MASK,
  address_mask_reply: ICMP4.ADDRESS_MASK_REPLY,
};

const UNREACHABLE4: Names = {
  net_unreachable: UNREACH4.NET,
  host_unreachable: UNREACH4.HOST,
  protocol_unreachable: UNREACH4.PROTOCOL,
  port_unreachable: UNREACH4.PORT,
  frag_needed: UNREACH4.FRAG_NEEDED,
  source_route_failed: UNREACH4.SOURCE_ROUTE_FAILED,
  net_unknown: UNREACH4.NET_UNKNOWN,
  host_unknown: UNREACH4.HOST_UNKNOWN,
  source_host_isolated: UNREACH4.HOST_ISOLATED,
  net_prohibited: UNREACH4.NET_PROHIBITED,
  host_prohibited: UNREACH4.HOST_PROHIBITED,
  net_unreachable_for_tos: UNREACH4.NET_TOS,
  host_unreachable_for_tos: UNREACH4.HOST_TOS,
  packet_filtered: UNREACH4.FILTERED,
  precedence_violation: UNREACH4.PRECEDENCE_VIOLATION,
  precedence_cutoff: UNREACH4.PRECEDENCE_CUTOFF,
};

const TYPES6: Names = {
  unreachable: ICMP6.DEST_UNREACH,
  packet_too_big: ICMP6.PACKET_TOO_BIG,
  time_exceeded: ICMP6.TIME_EXCEEDED,
  parameter_problem: ICMP6.PARAM_PROBLEM,
  echo_request: ICMP6.ECHO,
  echo_reply: ICMP6.ECHO_REPLY,
};

const CODES6: Readonly<Record<number, Names>> = {
  [ICMP6.DEST_UNREACH]: {
    no_route: UNREACH6.NO_ROUTE,
    admin_prohibited: UNREACH6.PROHIBITED,
    not_neighbour: UNREACH6.BEYOND_SCOPE,
    address_unreachable: UNREACH6.ADDRESS,
    port_unreachable: UNREACH6.PORT,
  },
  [ICMP6.TIME_EXCEEDED]: { exceeded_hop_limit: 0, exceeded_frag_time: 1 },
  [ICMP6.PARAM_PROBLEM]: {
    header_field: PARAM6.HEADER,
    unknown_next_header: PARAM6.NEXT_HEADER,
    unknown_option: PARAM6.OPTION,
  },
};

/** What a type and a code (null: 0) mean, or what is wrong with them. */
export function icmpKind(isV4: boolean, type: string, code: string | null): IcmpKind | string {
  const typeNumber = lookUp(isV4 ? TYPES4 : TYPES6, type, 'type_');
  const version = isV4 ? 'ICMP' : 'ICMPv6';
  if (typeNumber === null) return `${version} has no type ${type}`;
  const codes = isV4
    ? typeNumber === ICMP4.DEST_UNREACH
      ? UNREACHABLE4
      : {}
    : (CODES6[typeNumber] ?? {});
  const codeNumber = code === null ? 0 : lookUp(codes, code, 'code_');
  if (codeNumber === null) return `${version} ${type} has no code ${code}`;
  return {
    type: typeNumber,
    code: codeNumber,
    name: code === null ? type : `${type} ${code}`,
  };
}

/** Whether the message carries an MTU: "fragmentation needed" and "packet too big". */
export function icmpHasMtu(isV4: boolean, kind: IcmpKind): boolean {
  if (!isV4) return kind.type === ICMP6.PACKET_TOO_BIG;
  return kind.type === ICMP4.DEST_UNREACH && kind.code === UNREACH4.FRAG_NEEDED;
}

/** The name of what was seen on the wire: the first that means it, or the number. */
export function icmpName(isV4: boolean, type: number, code: number): string {
  const typeName = nameOf(isV4 ? TYPES4 : TYPES6, type) ?? `type_${type}`;
  if (code === 0) return typeName;
  const codes = isV4 ? (type === ICMP4.DEST_UNREACH ? UNREACHABLE4 : {}) : (CODES6[type] ?? {});
  return `${typeName} ${nameOf(codes, code) ?? `code_${code}`}`;
}

function nameOf(names: Names, value: number): string | undefined {
  return Object.keys(names).find((name) => names[name] === value);
}

function lookUp(names: Names, name: string, prefix: string): number | null {
  if (Object.hasOwn(names, name)) return names[name]!;
  const digits = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^\d{1,3}$/.test(digits) && Number(digits) <= 255 ? Number(digits) : null;
}
