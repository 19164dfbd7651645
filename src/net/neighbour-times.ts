import type { Env } from '../base/env.ts';
import type { RandomStream } from '../base/rng.ts';
import { SEC } from '../base/time.ts';
import type { NetConfig } from './net-config.ts';

/** RFC 4861 §6.3.4: a new random ReachableTime "at least every few hours". */
const REDRAW_NS = 2 * 3600 * SEC;

/** The times of one family of neighbours on one interface: as configured, or as a router has advertised. */
export class NeighbourTimes {
  /** ReachableTime: drawn from 0.5 … 1.5 times the base, so that neighbours do not probe in step. */
  reachableNs = 0;
  /** 0: nothing was advertised. */
  private baseNs = 0;
  private retransmitNs = 0;
  private drawnFromNs = 0;
  private redrawAtNs = 0;

  retransNs(config: NetConfig): number {
    return this.retransmitNs || config.retransNs;
  }

  baseReachableNs(config: NetConfig): number {
    return this.baseNs || config.baseReachableNs;
  }

  advertiseRetrans(ns: number): void {
    this.retransmitNs = ns;
  }

  advertiseReachable(ns: number): void {
    this.baseNs = ns;
  }

  draw(env: Env, config: NetConfig, random: RandomStream): void {
    const base = this.baseReachableNs(config);
    if (env.nowNs < this.redrawAtNs && this.drawnFromNs === base) return;
    this.redrawAtNs = env.nowNs + REDRAW_NS;
    this.drawnFromNs = base;
    this.reachableNs = Math.round(base * (0.5 + random.unit()));
  }
}
