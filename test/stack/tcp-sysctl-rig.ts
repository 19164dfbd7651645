/** What the proofs that a sysctl acts are made of. */
import type { Test } from 'tap';
import { MS } from '../../src/base/time.ts';
import { writeTcpSysctl } from '../../src/stack/tcp-sysctl.ts';
import { connectionInfo, TcpInfo } from '../../src/tcp/tcp-info.ts';
import { TcpHarness } from '../tcp/tcp-harness.ts';
import { End, type PairOptions, TcpPair } from '../tcp/tcp-pair.ts';

export type Act = (t: Test, name: string) => void;

export const infoOf = (of: End | TcpHarness): TcpInfo => {
  const info = new TcpInfo();
  connectionInfo(of.connection!, info);
  return info;
};

interface Joined {
  readonly pair: TcpPair;
  readonly client: End;
  readonly server: End;
}

/** A pair whose client has the setting; the client sends so much, and both stay open. */
export function joined(
  set: Setter,
  bytes: number,
  options: Partial<PairOptions> = {},
  forMs = 5000,
): Joined {
  const pair = new TcpPair({ seed: 1, delayNs: 20 * MS, ...options });
  set(pair.client.tcp);
  const client = new End(bytes, true);
  const server = new End(0, true);
  pair.listen((c) => server.attach(c));
  pair.connect({ established: (c) => client.attach(c), failed: () => undefined });
  pair.sim.run(pair.sim.nowNs + forMs * MS);
  return { pair, client, server };
}

type Tcp = TcpPair['client']['tcp'];
export type Setter = (tcp: Tcp) => void;

/** The row is written with `value`, and nothing else. */
export const setting =
  (name: string, value: string): Setter =>
  (tcp) => {
    if (writeTcpSysctl(tcp, name, value) !== 0) throw new Error(`${name} = ${value} is refused`);
  };
export const byDefault: Setter = () => undefined;

export function talk(set: Setter, options: string, script: string): void {
  const h = new TcpHarness();
  set(h.tcp);
  h.passive({ rtt: 0.05, options });
  h.run(script);
}
export const PLAIN = 'mss 1000,sackOK';
export const FULL = 'mss 1460,sackOK,TS val 1 ecr 0,wscale 7';
