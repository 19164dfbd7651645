/** A stack of ours on a wire to the kernel, a transfer over it, new connections, and a flood from the same side. */
import type { Stack } from '../../src/stack/stack.ts';
import { parseAddress } from '../../src/wire/address-text.ts';
import type { LineChild } from '../rings/c-side.ts';
import { OurPeer } from '../tcp-live/our-peer.ts';
import {
  type Cores,
  clientOn,
  KERNEL_ADDRESS,
  OUR_ADDRESS,
  type OurEnd,
  openOurEnd,
  type Peer,
  PORT,
  pinned,
  run,
} from '../tcp-live/wires.ts';
import type { Kind, Way, World } from './cases.ts';

const MOST_FRAMES = 1e9;
/** Of the kernel's ends: Linux's default, whatever the machine's is. */
const CONGESTION = 'cubic';
const CLOSED_PORT = 4999;
/** The generator's other target: its frames go nowhere, and cost its core the same. */
const NOWHERE = 'd0';

export type Target = 'us' | 'nowhere' | 'nobody';

export interface Round {
  readonly gbits: number;
  /** Frames a second that the generator handed to its interface. */
  readonly floodRate: number;
  readonly begun: number;
  readonly echoed: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly mostMs: number;
}

export interface FloodOptions {
  readonly programs: { readonly 'tcp-peer': string; readonly flood: string };
  readonly cores: Cores;
  readonly synRate?: number;
}

export class FloodRig {
  readonly end: OurEnd;
  private readonly peer: OurPeer;
  private readonly transfer: LineChild;
  private readonly dialer: LineChild;
  private readonly floods: Readonly<Record<'us' | 'nowhere', LineChild>>;

  constructor(world: World, options: FloodOptions) {
    const { programs, cores, synRate } = options;
    this.end = openOurEnd({ ...world, ...(synRate === undefined ? {} : { synRate }) });
    const { stack, device, driver } = this.end;
    stack.addDefaultRoute(parseAddress(KERNEL_ADDRESS)!);
    this.peer = new OurPeer(stack, PORT);
    driver.add(stack);
    run(`ip link add ${NOWHERE} type veth peer name ${NOWHERE}p`);
    for (const link of [NOWHERE, `${NOWHERE}p`]) run(`ip link set ${link} up`);
    const peer: Peer = { program: programs['tcp-peer'], congestion: CONGESTION };
    this.transfer = clientOn(cores[0], peer);
    this.dialer = clientOn(cores[0], peer);
    const flood = (link: string) => pinned(cores[0], [programs.flood, link, device.mac.toString()]);
    this.floods = { us: flood('r0'), nowhere: flood(NOWHERE) };
  }

  get stack(): Stack {
    return this.end.stack;
  }

  /** Some bytes both ways, every one compared. */
  async check(bytes: number): Promise<void> {
    this.peer.isChecking = true;
    for (const [what, service] of [
      ['push', 0],
      ['pull', 1],
    ] as const) {
      await this.transfer.ask(`${what} ${OUR_ADDRESS} ${PORT + service} ${bytes} 1`);
    }
    this.peer.isChecking = false;
  }

  /** So many milliseconds of the transfer and of new connections, beside a flood. */
  async round(kind: Kind, way: Way, target: Target, ms: number): Promise<Round> {
    const what = way === 'RX' ? 'push-ms' : 'pull-ms';
    const service = way === 'RX' ? 0 : 1;
    const transfer = this.transfer.ask(`${what} ${OUR_ADDRESS} ${PORT + service} ${ms} 0`);
    const flood = target === 'nobody' ? null : await this.begin(kind, service, target, ms);
    const dial = this.dialer.ask(`dial ${OUR_ADDRESS} ${PORT + 2} ${ms / 2} 0`);
    const [bytes, ns] = (await transfer).split(' ').map(Number);
    const [begun, echoed, p50, p90, most] = (await dial).split(' ').map(Number);
    const floodRate = flood === null ? 0 : await this.stop(flood);
    return {
      gbits: (bytes! * 8) / ns!,
      floodRate,
      ...{ begun: begun!, echoed: echoed! },
      ...{ p50Ms: p50! / 1e6, p90Ms: p90! / 1e6, mostMs: most! / 1e6 },
    };
  }

  private async begin(kind: Kind, service: number, target: 'us' | 'nowhere', ms: number) {
    const child = this.floods[target];
    const port = { open: PORT + 2, closed: CLOSED_PORT, transfer: PORT + service }[kind.port];
    const from = kind.port === 'transfer' ? await this.transferPort(port) : 1;
    const line = `${kind.kind} ${OUR_ADDRESS} ${port} ${KERNEL_ADDRESS} ${from} ${MOST_FRAMES} ${3 * ms}`;
    return { child, answer: child.ask(line) };
  }

  private async stop(flood: { child: LineChild; answer: Promise<string> }): Promise<number> {
    flood.child.tell('');
    const [sent, refused, ns] = (await flood.answer).split(' ').map(Number);
    return ((sent! + refused!) * 1e9) / ns!;
  }

  /** The kernel's port of the connection to this port of ours. */
  private async transferPort(port: number): Promise<number> {
    for (let i = 0; i < 100; i++) {
      await new Promise((done) => setTimeout(done, 5));
      for (const e of this.stack.tcp.demux.all()) {
        if (e.kind === 'connection' && e.localPort === port) return e.remotePort;
      }
    }
    throw new Error('no transfer began');
  }

  /** Waits, for a second at most, until no connection of a round is left. */
  async quiet(): Promise<void> {
    for (let i = 0; i < 100; i++) {
      if (this.stack.env.memory.pages.held === 0) return;
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  async close(): Promise<void> {
    const { us, nowhere } = this.floods;
    for (const child of [this.transfer, this.dialer, us, nowhere]) await child.close();
    this.end.close();
    run(`ip link delete ${NOWHERE}`);
  }
}
