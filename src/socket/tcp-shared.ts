/** What the TCP sockets of one process share: the protocol, who is ready, the options they know. */
import { ReadyList } from '../base/ready-list.ts';
import type { Tcp } from '../tcp/tcp.ts';
import type { TcpSettings } from '../tcp/tcp-settings.ts';
import type { OptionMap } from './option.ts';
import type { SocketProtocol } from './socket-api.ts';
import { TcpEndpoint } from './tcp-endpoint.ts';

export class TcpShared implements SocketProtocol {
  readonly tcp: Tcp;
  readonly options4: OptionMap<TcpEndpoint>;
  readonly options6: OptionMap<TcpEndpoint>;
  /** Unix time of the stack's time 0, in ns. */
  readonly epochNs: number;
  /** Told in `drainReady`, never within input. */
  readonly ready = new ReadyList();

  constructor(
    tcp: Tcp,
    options4: OptionMap<TcpEndpoint>,
    options6: OptionMap<TcpEndpoint>,
    epochNs: number,
  ) {
    this.tcp = tcp;
    this.options4 = options4;
    this.options6 = options6;
    this.epochNs = epochNs;
  }

  open(domain: number, isNonBlocking: boolean): TcpEndpoint {
    return this.openWith(domain, isNonBlocking, this.tcp.defaults);
  }

  openWith(domain: number, isNonBlocking: boolean, settings: TcpSettings): TcpEndpoint {
    return new TcpEndpoint(this, domain, isNonBlocking, settings);
  }
}
