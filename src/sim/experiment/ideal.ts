/**
 * How soon a transfer, an answer or a page could have come at best: nobody else there, the path's rate known
 * beforehand, no queue, no loss. What it took, divided by this, is its slowdown: never below 1 while links are no
 * faster and no shorter than their peak rate (a trace's mean) and least delay.
 */
import { SEC } from '../../base/time.ts';
import { shortestDelayNs } from '../../path/delay-spec.ts';
import type { LinkSpec } from '../../path/link-spec.ts';
import { peakBps } from '../../path/rate-spec.ts';
import type { Graph } from './graph.ts';
import type { FlowSpec, PageSpec, Scenario } from './scenario.ts';
import { PAGE_CONNECTIONS } from './traffic/page.ts';

/** Ethernet, IPv4 and TCP without options: the least. */
const HEADERS = 14 + 20 + 20;
const DEFAULT_MTU = 1500;

/** One direction between two hosts. */
interface Way {
  readonly delayNs: number;
  readonly bps: number;
  /** What a shaper lets pass at once. */
  readonly burstBytes: number;
  readonly mss: number;
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
  ns({ from, to, traffic }: FlowSpec): number | null {
    switch (traffic.kind) {
      case 'bulk':
        return traffic.bytes === undefined ? null : this.bulkNs(from, to, traffic.bytes);
      case 'requests': {
        const [forth, back] = [this.way(from, to), this.way(to, from)];
        const { requestBytes, responseBytes } = traffic;
        const asksNs = forth.delayNs + sendingNs(forth, requestBytes);
        return Math.round(asksNs + back.delayNs + sendingNs(back, responseBytes));
      }
      case 'page':
        return this.pageNs(from, to, traffic);
      default:
        return null;
    }
  }

  /** SYN, SYN|ACK, and then all of it. */
  private bulkNs(from: string, to: string, bytes: number): number {
    const [forth, back] = [this.way(from, to), this.way(to, from)];
    return Math.round(2 * forth.delayNs + back.delayNs + sendingNs(forth, bytes));
  }

  private pageNs(from: string, to: string, page: PageSpec): number {
    const [forth, back] = [this.way(from, to), this.way(to, from)];
    const rttNs = forth.delayNs + back.delayNs;
    const { documentBytes, objects, objectBytes, connections } = page;
    const documentNs = 2 * rttNs + sendingNs(back, documentBytes);
    if (objects === 0) return Math.round(documentNs);
    // One connection fetches so many, one after the other; and all of them come over one path.
    const rounds = Math.ceil(objects / (connections ?? PAGE_CONNECTIONS));
    const oneNs = sendingNs(back, objectBytes);
    return Math.round(documentNs + Math.max(rounds * (rttNs + oneNs), rttNs + objects * oneNs));
  }

  private way(from: string, to: string): Way {
    const key = `${from}>${to}`;
    const known = this.ways.get(key);
    if (known !== undefined) return known;
    const { scenario, graph } = this;
    const target = graph.node(to);
    const next = this.towards.get(target) ?? graph.towards(target);
    this.towards.set(target, next);
    const way = wayOver(scenario, graph, graph.node(from), target, next);
    this.ways.set(key, way);
    return way;
  }
}

function sendingNs({ bps, burstBytes, mss }: Way, bytes: number): number {
  const onWire = bytes + HEADERS * Math.ceil(bytes / mss);
  return (Math.max(0, onWire - burstBytes) * 8 * SEC) / bps;
}

function wayOver(
  scenario: Scenario,
  graph: Graph,
  from: number,
  target: number,
  next: Int32Array,
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
    mss: mtu - 40,
  };
}

const bpsOf = ({ rateBps }: LinkSpec): number =>
  rateBps === undefined ? Infinity : peakBps(rateBps);
