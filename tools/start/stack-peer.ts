import { errnoName } from '../../src/base/errno.ts';
import { SEC } from '../../src/base/time.ts';
import { PMTUDISC } from '../../src/net/out-packet.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { UdpEchoServer } from '../command/echo-server.ts';
import type { EventLoop } from '../command/event-loop.ts';
import { HttpService } from '../command/http-page.ts';
import { pingOnce, type Turner } from '../command/ping-run.ts';
import type { Fetched } from './fetched.ts';
import { fetchHttp } from './http-client.ts';
import type { EchoResult, Peer } from './peer.ts';
import { type Closer, exchangeUdp } from './udp-client.ts';

/** A stack of ours: in memory it is the other end of the wire; and it is always this end. */
export class StackPeer implements Peer {
  readonly name: string;
  private readonly stack: Stack;
  private readonly turner: Turner;
  private readonly loop: EventLoop;

  constructor(name: string, stack: Stack, turner: Turner, loop: EventLoop) {
    this.name = name;
    this.stack = stack;
    this.turner = turner;
    this.loop = loop;
  }

  async ping(to: string, size: number, count: number): Promise<EchoResult> {
    const s = await pingOnce(this.stack, this.turner, {
      destination: to,
      count,
      size,
      intervalNs: 0.02 * SEC,
      isFlood: false,
      isAdaptive: false,
      lingerNs: 2 * SEC,
      deadlineNs: 0,
      ttl: 0,
      tos: 0,
      pmtuDiscovery: PMTUDISC.WANT,
      pattern: '',
      device: '',
    });
    const notes = [
      s.corrupted > 0 ? `${s.corrupted} corrupt` : '',
      s.duplicates > 0 ? `${s.duplicates} twice` : '',
      s.errors > 0 ? `${s.errors} errors` : '',
    ];
    return {
      sent: s.transmitted,
      received: s.received - s.corrupted,
      min: s.rtt?.min ?? 0,
      avg: s.rtt?.avg ?? 0,
      max: s.rtt?.max ?? 0,
      note: notes.filter((note) => note !== '').join(', '),
    };
  }

  exchange(to: string, port: number, data: Uint8Array): Promise<Uint8Array | null> {
    return exchangeUdp(this.stack, this.turner, to, port, data);
  }

  fetch(host: string, port: number, path: string): Promise<Fetched> {
    this.turner.kick();
    return fetchHttp(this.loop, host, port, path);
  }

  /** On all its addresses. */
  async serveHttp(_address: string, port: number): Promise<Closer> {
    this.turner.kick();
    const fd = new HttpService(this.loop, () => '').open(port);
    if (fd < 0) throw new Error(`HTTP on port ${port}: ${errnoName(fd)}`);
    return {
      close: () => {
        this.turner.kick();
        this.loop.close(fd);
      },
    };
  }

  /** On all its addresses. */
  async serveEcho(_address: string, port: number): Promise<Closer> {
    this.turner.kick();
    return new UdpEchoServer(this.stack, port);
  }
}
