/** IGMP and MLD on the wire: messages of queriers and of other members, and ours read back, every byte of them checked. */
import { SourceFilter } from '../../src/net/source-filter.ts';
import {
  addressBytes,
  addressText,
  type Bytes,
  hex,
  ip4,
  ip6,
  join,
  optionsHeader,
  sum16,
  u16,
} from './packets.ts';
import { ip, NetHarness, type RigOptions } from './rig.ts';

export interface Query {
  /** 1, 2, 3 of IGMP; MLDv1 is 2, MLDv2 is 3, as MLD has it from IGMP. */
  readonly version: number;
  /** In seconds. */
  readonly delay: number;
  readonly group?: string;
  readonly sources?: readonly string[];
  readonly robustness?: number;
  readonly interval?: number;
  /** In the place of what the delay makes. */
  readonly code?: number;
  /** In the place of how many there are. */
  readonly count?: number;
}

/** One family's names and messages, so that one dialogue does for both. */
export interface Family {
  readonly name: string;
  readonly us: string;
  readonly routers: string;
  readonly allRouters: string;
  readonly g1: string;
  readonly g2: string;
  readonly s: readonly string[];
  readonly newest: string;
  /** The version to force so that the newest, or the one before it, is spoken. */
  query(q: Query): Bytes;
  /** Another member's report of the version before the newest. */
  report(group: string): Bytes;
}

const none = new Uint8Array(0);
const zeros = (n: number): Bytes => new Uint8Array(n);

function summed(message: Bytes, over: Bytes): Bytes {
  const copy = Uint8Array.from(message);
  copy.set(u16(~sum16(over, copy) & 0xffff), 2);
  return copy;
}

export function igmp(
  message: readonly number[],
  dst: string,
  how: { src?: string; ttl?: number; options?: readonly number[] } = {},
): Bytes {
  const header = { src: '10.0.0.9', ttl: 1, options: [0x94, 4, 0, 0], ...how };
  return ip4({ protocol: 2, dst, ...header }, summed(Uint8Array.from(message), none));
}

export function mld(
  message: readonly number[],
  dst: string,
  how: { src?: string; hop?: number; alert?: boolean } = {},
): Bytes {
  const src = how.src ?? 'fe80::9';
  const bytes = Uint8Array.from(message);
  const over = join(
    addressBytes(src),
    addressBytes(dst),
    u16(0),
    u16(bytes.length),
    u16(0),
    [0, 58],
  );
  const body = summed(bytes, over);
  if (how.alert === false) return ip6({ next: 58, src, dst, hop: how.hop ?? 1 }, body);
  return ip6({ next: 0, src, dst, hop: how.hop ?? 1 }, join(optionsHeader(58, [5, 2, 0, 0]), body));
}

const tail = (q: Query, sources: readonly string[]): number[] => [
  q.robustness ?? 2,
  q.interval ?? 125,
  ...u16(q.count ?? sources.length),
  ...sources.flatMap((s) => addressBytes(s)),
];

export const IGMP: Family = {
  name: 'IGMP',
  us: '10.0.0.1',
  routers: '224.0.0.22',
  allRouters: '224.0.0.2',
  g1: '239.1.2.3',
  g2: '232.9.9.9',
  s: ['10.9.0.1', '10.9.0.2', '10.9.0.3'],
  newest: 'v3',
  query(q) {
    const group = q.group ?? '0.0.0.0';
    const code = q.version === 1 ? 0 : (q.code ?? Math.round(q.delay * 10));
    const head = [0x11, code, 0, 0, ...addressBytes(group)];
    const dst = q.group ?? '224.0.0.1';
    return igmp(q.version === 3 ? [...head, ...tail(q, q.sources ?? [])] : head, dst);
  },
  report: (group) => igmp([0x16, 0, 0, 0, ...addressBytes(group)], group),
};

export const MLD: Family = {
  name: 'MLD',
  us: 'fe80::ff:fe00:1',
  routers: 'ff02::16',
  allRouters: 'ff02::2',
  g1: 'ff05::1:3',
  g2: 'ff35::9:9',
  s: ['2001:db8:9::1', '2001:db8:9::2', '2001:db8:9::3'],
  newest: 'v2',
  query(q) {
    const code = q.code ?? Math.round(q.delay * 1000);
    const head = [130, 0, 0, 0, ...u16(code), 0, 0, ...addressBytes(q.group ?? '::')];
    return mld(
      q.version === 3 ? [...head, ...tail(q, q.sources ?? [])] : head,
      q.group ?? 'ff02::1',
    );
  },
  report: (group) => mld([131, 0, 0, 0, ...zeros(4), ...addressBytes(group)], group),
};

const RECORDS = ['?', 'is_in', 'is_ex', 'to_in', 'to_ex', 'allow', 'block'];

/** `source > destination what`; a frame that is no membership message reads ''. */
export function groupLine(frame: Bytes): string {
  const isV4 = frame[12] === 8 && frame[13] === 0;
  const p = frame.subarray(14);
  if (isV4 ? p[9] !== 2 : p[6] !== 0) return '';
  const body = p.slice(isV4 ? 24 : 48);
  const [src, dst] = isV4 ? [p.slice(12, 16), p.slice(16, 20)] : [p.slice(8, 24), p.slice(24, 40)];
  const mac = isV4 ? [1, 0, 0x5e, dst[1]! & 127, dst[2], dst[3]] : [0x33, 0x33, ...dst.slice(12)];
  const pseudo = join(src, dst, u16(0), u16(body.length), u16(0), [0, 58]);
  const isRight = isV4
    ? p[0] === 0x46 &&
      p[1] === 0xc0 &&
      p[6] === 0x40 &&
      ((p[2]! << 8) | p[3]!) === p.length &&
      p[8] === 1 &&
      sum16(p.subarray(0, 24)) === 0xffff &&
      hex('94:04:00:00').every((b, i) => p[20 + i] === b)
    : ((p[4]! << 8) | p[5]!) === p.length - 40 &&
      p[7] === 1 &&
      hex('3a:00:05:02:00:00:01:00').every((b, i) => p[40 + i] === b);
  if (!isRight || !mac.every((b, i) => frame[i] === b)) return 'BAD header';
  if (sum16(isV4 ? none : pseudo, body) !== 0xffff) return 'BAD checksum';
  return `${addressText(src)} > ${addressText(dst)} ${isV4 ? said(body, 4, 4) : said(body, 8, 16)}`;
}

function said(b: Bytes, groupAt: number, addressLen: number): string {
  const old: Record<number, string> = {
    18: 'report1',
    22: 'report',
    23: 'leave',
    131: 'report',
    132: 'leave',
  };
  const name = old[b[0]!];
  if (name !== undefined) {
    const isWhole = b.length === groupAt + addressLen;
    return isWhole ? `${name} ${addressText(b.slice(groupAt))}` : 'BAD length';
  }
  const records: string[] = [];
  let at = 8;
  for (let i = (b[6]! << 8) | b[7]!; i > 0; i--) {
    const count = (b[at + 2]! << 8) | b[at + 3]!;
    const texts: string[] = [];
    for (let k = 0; k <= count; k++) {
      texts.push(addressText(b.slice(at + 4 + k * addressLen, at + 4 + (k + 1) * addressLen)));
    }
    records.push(`${RECORDS[b[at]!]} ${texts[0]}${texts.slice(1).map((s) => ` ${s}`)}`);
    at += 4 + addressLen * (1 + count);
  }
  return at === b.length ? records.sort().join('; ') : 'BAD length';
}

/** A host that has told everything about the groups of its own addresses. */
export class GroupRig {
  readonly h: NetHarness;
  readonly f: Family;

  constructor(
    f: Family,
    options: RigOptions = {},
    h: NetHarness = new NetHarness({ groupReports: true, ...options }),
  ) {
    this.f = f;
    this.h = h;
    this.h.advance(30);
    this.lines();
  }

  /** What was said to whom; `us >` and the name of the routers' group left out. */
  lines(): string[] {
    const { us, routers } = this.f;
    const all = this.h.port.wire.frames.splice(0).map(groupLine);
    const isOurs = (line: string) =>
      line !== '' && (line.includes(':') === us.includes(':') || line.startsWith('BAD'));
    const start = (line: string) =>
      line.replace(`${us} > ${routers} `, '').replace(`${us} > `, '> ');
    return all.filter(isOurs).map(start);
  }

  filter(isExclude: boolean, ...sources: string[]): SourceFilter {
    return new SourceFilter(isExclude, sources.map(ip));
  }

  change(group: string, from: SourceFilter | null, to: SourceFilter | null): string[] {
    this.h.port.iface.groups.change(ip(group), from, to);
    this.h.settle();
    return this.lines();
  }

  join(group: string): string[] {
    this.h.port.iface.join(ip(group));
    this.h.settle();
    return this.lines();
  }

  leave(group: string): string[] {
    this.h.port.iface.leave(ip(group));
    this.h.settle();
    return this.lines();
  }

  after(seconds: number): string[] {
    this.h.advance(seconds);
    return this.lines();
  }

  query(q: Query): string {
    return this.give(this.f.query(q), q.group);
  }

  hears(group: string): string {
    return this.give(this.f.report(group), group);
  }

  private give(packet: Bytes, group: string | undefined): string {
    const all = this.f.us.includes(':') ? 'ff02::1' : '224.0.0.1';
    return this.h.give(packet, { dst: groupMac(group ?? all) });
  }
}

export function groupMac(group: string): string {
  const b = addressBytes(group);
  const bytes =
    b.length === 4 ? [1, 0, 0x5e, b[1]! & 127, b[2]!, b[3]!] : [0x33, 0x33, ...b.slice(12)];
  return bytes.map((x) => x.toString(16).padStart(2, '0')).join(':');
}
