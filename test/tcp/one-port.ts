/** A client with a single port to connect from: a TIME-WAIT stands in its way. */
import { errnoName } from '../../src/base/errno.ts';
import { MS } from '../../src/base/time.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import type { Opener } from '../../src/tcp/handshake.ts';
import { STATE } from '../../src/tcp/tcp-state.ts';
import { type OpenFrom, plainFrom, tcpConnect, tcpShutdown } from '../../src/tcp/user-calls.ts';
import { type Address, ANY6, IpAddress } from '../../src/wire/address.ts';
import { End, PORT, TcpPair } from './tcp-pair.ts';

export const SERVER = new IpAddress().setV4(0x0a000002);
export const ONLY_PORT = 40_000;

export class OnePort {
  readonly pair = new TcpPair({ seed: 3, delayNs: MS });
  readonly client: TcpPair['client'];
  private served: End | null = null;

  constructor() {
    this.client = this.pair.client;
    const { config } = this.client.net;
    config.localPortFirst = ONLY_PORT;
    config.localPortLast = ONLY_PORT;
    this.pair.listen((c) => this.serve(c));
  }

  private serve(c: TcpConnection): void {
    this.served = new End(0, true);
    this.served.attach(c);
  }

  /** In a turn of the client. Returns the error, or '' when it has begun. */
  connect(end: End, to: Address, from: OpenFrom): string {
    const { tcp } = this.client;
    const opener: Opener = { established: (c) => end.attach(c), failed: () => undefined };
    let result: ReturnType<typeof tcpConnect> = 0;
    this.pair.hosts[0]!.after(0, () => {
      result = tcpConnect(tcp, to, PORT, from, opener);
    });
    this.run(100);
    return typeof result === 'number' ? errnoName(result) : '';
  }

  any(port = 0): OpenFrom {
    return plainFrom(this.client.tcp, ANY6, port);
  }

  run(ms: number): void {
    this.pair.sim.run(this.pair.sim.nowNs + ms * MS);
  }

  /** The client closes first, the server follows: TIME-WAIT is the client's. */
  comeAndGo(port = 0): void {
    const begun = this.connect(new End(0), SERVER, this.any(port));
    if (begun !== '') throw new Error(begun);
    this.pair.hosts[1]!.after(0, () => tcpShutdown(this.served!.connection!));
    this.run(50);
  }

  /** What is left of the client's only flow. */
  state(): number {
    return this.client.tcp.demux.all()[0]?.state ?? STATE.CLOSED;
  }

  mib(name: Parameters<typeof this.client.tcp.mib.get>[0]): number {
    return this.client.tcp.mib.get(name);
  }

  end(): void {
    this.pair.end();
  }
}
