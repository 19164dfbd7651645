/** Hosts and routers as a graph: whom a packet is passed to next, for every destination. */
import type { Scenario } from './scenario.ts';

/** A way out of a node: over which link, in which direction, to which node. */
export interface Edge {
  readonly link: number;
  readonly isForth: boolean;
  readonly to: number;
}

export class Graph {
  /** Hosts first, then routers, in the scenario's order. */
  readonly names: readonly string[];
  private readonly nodes: ReadonlyMap<string, number>;
  readonly hosts: number;
  /** By node: its links, in the scenario's order. */
  readonly edges: readonly (readonly Edge[])[];

  constructor({ hosts, routers, links }: Pick<Scenario, 'hosts' | 'routers' | 'links'>) {
    this.names = [...hosts.map(({ name }) => name), ...routers];
    this.hosts = hosts.length;
    this.nodes = new Map(this.names.map((name, i) => [name, i]));
    const edges: Edge[][] = this.names.map(() => []);
    for (const [link, { between }] of links.entries()) {
      const [a, b] = between.map((name) => this.node(name)) as [number, number];
      edges[a]!.push({ link, isForth: true, to: b });
      edges[b]!.push({ link, isForth: false, to: a });
    }
    this.edges = edges;
  }

  node(name: string): number {
    return this.nodes.get(name) ?? -1;
  }

  /**
   * For each node the place, among its edges, of the first one on the way to `host`; -1 where there is no way. The
   * fewest links; of equals the first in the scenario. No way leads through another host.
   */
  towards(host: number): Int32Array {
    const next = new Int32Array(this.names.length).fill(-1);
    const reached = [host];
    for (let i = 0; i < reached.length; i++) {
      const node = reached[i]!;
      if (node !== host && node < this.hosts) continue;
      for (const { to } of this.edges[node]!) {
        if (to === host || next[to] !== -1) continue;
        next[to] = this.edges[to]!.findIndex((back) => back.to === node);
        reached.push(to);
      }
    }
    return next;
  }
}
