/**
 * How soon a transfer, an answer or a page could have come at best: nobody else there, the path's rate known
 * beforehand, no queue, no loss. What it took, divided by this, is its slowdown: never below 1 while links are no
 * faster and no shorter than their peak rate (a trace's mean) and least delay.
 */
import { SEC } from '../../base/time.ts';
import { shortestDelayNs } from '../../path/delay-spec.ts';
import type { LinkSpec } from '../../path/link-spec.ts';
import { peakBps } from '../../path/rate-spec.ts';
import { ETH_HEADER_LEN } from '../../wire/ethernet.ts';
import type { IpVersion } from './addresses.ts';
import type { Graph } from './graph.ts';
import { DEFAULT_MTU, type FlowSpec, type PageSpec, type Scenario } from './scenario.ts';
import { PAGE_CONNECTIONS } from './traffic/page.ts';

/** IP and TCP without options: the least. */
const PACKET_HEADERS = { 4: 20 + 20, 6: 40 + 20 } as const;

/** One direction between two hosts. */
interface Way {
  readonly delayNs: number;
  readonly bps: number;
  /** What a shaper lets pass at once. */
  readonly burstBytes: number;
  readonly mss: number;
  /** Of a frame. */
  readonly headers: number;
}

export class Ideals {
  private readonly scenario: Scenario;
  private readonly graph: Graph;
  private readonly ways = new Map<string, Way>();
  /** By host: the way to it, from everywhere. */
  private readonly towards = new Map<number, Int32Array>();

  constructor(scenario: Scenario, graph: Graph) {
    this.scenario = scenario;
    this.graph = graph;
  }

  /** Null for what does not complete. */
  ns({ from, to, ip = 4, traffic }: FlowSpec): number | null {
    const [forth, back] = [this.way(from, to, ip), this.way(to, from, ip)];
    switch (traffic.kind) {
      case 'bulk':
        return traffic.bytes === undefined ? null : bulkNs(forth, back, traffic.bytes);
      case 'requests': {
        const { requestBytes, responseBytes } = traffic;
        const asksNs = forth.delayNs + sendingNs(forth, requestBytes);
        return Math.round(asksNs + back.delayNs + sendingNs(back, responseBytes));
      }
      case 'page':
        return pageNs(forth, back, traffic);
      default:
        return null;
    }
  }

  private way(from: string, to: string, ip: IpVersion): Way {
    const key = `${from}>${to} ${ip}`;
    const known = this.ways.get(key);
    if (known !== undefined) return known;
    const { scenario, graph } = this;
    const target = graph.node(to);
    const next = this.towards.get(target) ?? graph.towards(target);
    this.towards.set(target, next);
    const way = wayOver(scenario, graph, graph.node(from), target, next, PACKET_HEADERS[ip]);
    this.ways.set(key, way);
    return way;
  }
}

/** SYN, SYN|ACK, and then all of it. */
function bulkNs(forth: Way, back: Way, bytes: number): number {
  return Math.round(2 * forth.delayNs + back.delayNs + sendingNs(forth, bytes));
}

function pageNs(forth: Way, back: Way, page: PageSpec): number {
  const rttNs = forth.delayNs + back.delayNs;
  const { documentBytes, objects, objectBytes, connections } = page;
  const documentNs = 2 * rttNs + sendingNs(back, documentBytes);
  if (objects === 0) return Math.round(documentNs);
  // One connection fetches so many, one after the other; and all of them come over one path.
  const rounds = Math.ceil(objects / (connections ?? PAGE_CONNECTIONS));
  const oneNs = sendingNs(back, objectBytes);
  return Math.round(documentNs + Math.max(rounds * (rttNs + oneNs), rttNs + objects * oneNs));
}

function sendingNs({ bps, burstBytes, mss, headers }: Way, bytes: number): number {
  const onWire = bytes + headers * Math.ceil(bytes / mss);
  return (Math.max(0, onWire - burstBytes) * 8 * SEC) / bps;
}

function wayOver(
  scenario: Scenario,
  graph: Graph,
  from: number,
  target: number,
  next: Int32Array,
  packetHeaders: number,
): Way {
  const links: LinkSpec[] = [];
  let mtu = Infinity;
  for (let node = from; node !== target; ) {
    const edge = graph.edges[node]![next[node]!]!;
    const link = scenario.links[edge.link]!;
    links.push(edge.isForth ? link.forth : link.back);
    mtu = Math.min(mtu, link.mtu ?? DEFAULT_MTU);
    node = edge.to;
  }
  const slowest = links.reduce((a, b) => (bpsOf(b) < bpsOf(a) ? b : a));
  const { rateBps } = slowest;
  return {
    delayNs: links.reduce((n, { delayNs }) => n + shortestDelayNs(delayNs ?? 0), 0),
    bps: bpsOf(slowest),
    burstBytes: typeof rateBps === 'object' && 'shaper' in rateBps ? rateBps.shaper.burstBytes : 0,
    mss: mtu - packetHeaders,
    headers: ETH_HEADER_LEN + packetHeaders,
  };
}

const bpsOf = ({ rateBps }: LinkSpec): number =>
  rateBps === undefined ? Infinity : peakBps(rateBps);
