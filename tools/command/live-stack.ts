/** A stack on a device, turned in real time: what `up`, `ping` and `npm start` have in common. */
import { randomFillSync } from 'node:crypto';
import { Env } from '../../src/base/env.ts';
import { ENOENT, errnoName } from '../../src/base/errno.ts';
import type { Memory } from '../../src/base/memory.ts';
import { Rng } from '../../src/base/rng.ts';
import { SEC } from '../../src/base/time.ts';
import { NullTrace } from '../../src/base/trace.ts';
import { CapturePoint } from '../../src/link/capture.ts';
import {
  type ByteSink,
  type CaptureOptions,
  CaptureWriter,
} from '../../src/link/capture-writer.ts';
import type { Device, RxRing } from '../../src/link/device.ts';
import { FrameStore } from '../../src/link/frame-store.ts';
import { Pipe } from '../../src/link/pipe.ts';
import type { TxRing } from '../../src/link/tx-ring.ts';
import { type FrameWatcher, ObservedDevice } from '../../src/live/control-observe.ts';
import { type DeviceReport, LiveDriver } from '../../src/live/driver.ts';
import { openMemory } from '../../src/live/native-sum.ts';
import { PacketDevice, type PacketFacts } from '../../src/live/packet-device.ts';
import { randomMac } from '../../src/live/random-mac.ts';
import { TapDevice, type TapFacts } from '../../src/live/tap-device.ts';
import type { Interface } from '../../src/net/interface.ts';
import { sysctlRange, writeAnySysctl } from '../../src/stack/all-sysctls.ts';
import { Stack } from '../../src/stack/stack.ts';
import { dottedName } from '../../src/stack/sysctl.ts';
import { CC_SYSCTLS } from '../../src/stack/tcp-sysctl.ts';
import { IpAddress, isV4 } from '../../src/wire/address.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { Autoconf4 } from './autoconf4.ts';
import { CcFiles } from './cc-files.ts';
import { ccReporter } from './cc-spec.ts';
import { Failure } from './failure.ts';
import type { LeaseFile } from './lease-file.ts';
import type { AddressSpec, PacketSpec, StackSpec, TapSpec } from './stack-spec.ts';

const DEFAULT_MTU = 1500;
/** Both ends of a wire in memory leave checksums undone, as a vnet header does. */
const MEMORY_CAPS = { txChecksum: true, rxChecksum: true } as const;

export interface LiveStackOptions {
  readonly onDeviceError?: (report: DeviceReport) => void;
  /** Where the DHCP client's lease is kept. */
  readonly leaseFile?: LeaseFile;
  /** Users' congestion control, loaded: it is the stack's from then on. Without it, files can be loaded later. */
  readonly cc?: CcFiles;
}

export class LiveStack {
  readonly spec: StackSpec;
  readonly memory = openMemory();
  readonly driver: LiveDriver;
  readonly stack: Stack;
  /** The stack at the other end of a wire in memory. */
  readonly peer: Stack | null;
  readonly device: ObservedDevice;
  readonly iface: Interface;
  readonly autoconf4: Autoconf4;
  readonly cc: CcFiles;
  /** What was agreed with the kernel, if there is one. */
  readonly facts: TapFacts | PacketFacts | null;
  private isClosed = false;

  /** Throws a Failure, or the error of the device; then nothing is left open. */
  constructor(spec: StackSpec, options: LiveStackOptions = {}) {
    this.spec = spec;
    this.cc = options.cc ?? new CcFiles('new', ccReporter('ringway', false));
    const frames = new FrameStore(this.memory);
    this.driver = new LiveDriver({
      isPolling: spec.isPolling,
      ...(options.onDeviceError === undefined ? {} : { onDeviceError: options.onDeviceError }),
    });
    try {
      this.stack = this.newStack(frames);
      this.cc.attach(this.stack, () => this.kick());
      const opened = this.openDevice(frames);
      this.device = new ObservedDevice(opened.device);
      this.facts = opened.facts;
      const [early, late] = sysctlsInOrder(spec.sysctls);
      for (const [name, value] of early) setSysctl(this.stack, name, value);
      this.iface = this.stack.addInterface(opened.device.name, this.device);
      const vlans = spec.vlans.map(({ id, addresses }) => ({
        iface: addVlan(this.stack, this.iface, id, `${this.iface.name}.${id}`, null),
        addresses,
      }));
      for (const [name, value] of late) setSysctl(this.stack, name, value);
      for (const { iface, addresses } of vlans) {
        for (const a of addresses) addAddress(this.stack, iface, a);
      }
      this.peer = opened.far === null ? null : this.newPeer(frames, opened.far);
      for (const a of spec.addresses) addAddress(this.stack, this.iface, a);
      for (const gateway of spec.gateways) {
        const result = this.stack.addDefaultRoute(gateway);
        if (result < 0) throw badGateway(formatAddress(gateway), result);
      }
      const file = options.leaseFile ?? null;
      this.autoconf4 = new Autoconf4(this.stack, this.iface, spec.dhcp, spec.ipv4ll, file);
    } catch (error) {
      this.cc.close();
      this.driver.close();
      throw error;
    }
    this.driver.add(this.stack);
    if (this.peer !== null) this.driver.add(this.peer);
    this.autoconf4.start();
  }

  now(): number {
    return this.driver.now();
  }

  kick(): void {
    this.driver.kick();
  }

  /** A capture of the device from now on, until its `end`. */
  capture(sink: ByteSink, request: CaptureRequest = {}): RunningCapture {
    this.kick();
    const startNs = Date.now() * 1e6 - this.stack.env.nowNs;
    const startSec = Math.floor(startNs / SEC);
    const writer = new CaptureWriter(this.memory, this.stack.env, sink, {
      startSec,
      startNs: Math.round(startNs - startSec * SEC),
      ...(request.snaplen === undefined ? {} : { snaplen: request.snaplen }),
    });
    return new RunningCapture(this.device, writer, request);
  }

  /** Resolves when no address is tentative any more, and DHCP has an answer, or none. */
  async settled(): Promise<void> {
    const stacks = this.peer === null ? [this.stack] : [this.stack, this.peer];
    await this.autoconf4.settled();
    await Promise.all(stacks.map(addressesSettled));
  }

  /** What is to be said before the end, to whom has lent us something. */
  async leave(): Promise<void> {
    await this.autoconf4.release(() => this.kick());
  }

  /** Idempotent. What was written leaves first. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.cc.close();
    this.driver.close();
    this.stack.close();
    this.peer?.close();
  }

  private newStack(frames: FrameStore): Stack {
    const rng = Rng.fromEntropy(randomFillSync(new Int32Array(4)));
    const env = new Env(this.memory, rng, new NullTrace());
    env.nowNs = this.driver.now();
    return new Stack(env, frames);
  }

  private openDevice(frames: FrameStore): {
    device: Device;
    far: Device | null;
    facts: TapFacts | PacketFacts | null;
  } {
    const { spec } = this;
    switch (spec.device.kind) {
      case 'tap': {
        const device = openTap(this.memory, spec, spec.device);
        return { device, far: null, facts: device.facts };
      }
      case 'packet': {
        const device = openPacket(this.memory, spec, spec.device);
        return { device, far: null, facts: device.facts };
      }
      case 'memory': {
        const mtu = spec.mtu ?? DEFAULT_MTU;
        const caps = spec.vnet ? MEMORY_CAPS : {};
        const near = { name: 'mem0', mac: spec.mac ?? randomMac(), mtu, caps };
        const far = { name: 'mem1', mac: randomMac(), mtu, caps };
        const pipe = new Pipe(frames, near, far);
        return { device: pipe.a, far: pipe.b, facts: null };
      }
    }
  }

  /** In each of our subnets it has the gateway's address, or the first that is not ours. */
  private newPeer(frames: FrameStore, device: Device): Stack {
    const peer = this.newStack(frames);
    const iface = peer.addInterface(device.name, device);
    addNeighbours(peer, iface, this.spec.addresses);
    for (const { id, addresses } of this.spec.vlans) {
      addNeighbours(peer, addVlan(peer, iface, id, `${iface.name}.${id}`, null), addresses);
    }
    return peer;
  }
}

export interface CaptureRequest extends CaptureOptions {
  /** Stop after so many; 0: never. */
  readonly frames?: number;
  /** False: the reader is behind, and the frame is missed. */
  readonly hasRoom?: () => boolean;
}

/** A capture in progress. Bytes are gathered; the writer's `flush` hands them over. */
export class RunningCapture implements FrameWatcher {
  readonly writer: CaptureWriter;
  /** Frames that the reader was too slow for. */
  missed = 0;
  private readonly point: CapturePoint;
  private readonly device: ObservedDevice;
  private readonly most: number;
  private readonly hasRoom: () => boolean;
  private isEnded = false;

  constructor(device: ObservedDevice, writer: CaptureWriter, request: CaptureRequest) {
    this.device = device;
    this.writer = writer;
    this.point = new CapturePoint(writer, device.name, device.mac);
    this.most = request.frames ?? 0;
    this.hasRoom = request.hasRoom ?? (() => true);
    device.watch(this);
  }

  get captured(): number {
    return this.point.seen;
  }

  get isFull(): boolean {
    return this.most > 0 && this.point.seen >= this.most;
  }

  received(rx: RxRing, index: number, dropped: number): void {
    if (this.wants()) this.point.received(rx, index, dropped);
  }

  sent(tx: TxRing, ahead: number): void {
    if (this.wants()) this.point.sent(tx, ahead);
  }

  /** Idempotent. */
  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.device.unwatch(this);
    this.point.end();
    this.writer.close();
  }

  private wants(): boolean {
    if (this.isFull) return false;
    if (this.hasRoom()) return true;
    this.missed++;
    return false;
  }
}

function openTap(memory: Memory, spec: StackSpec, tap: TapSpec): TapDevice {
  return new TapDevice(memory, {
    ...(tap.name === '' ? {} : { name: tap.name }),
    ...(spec.mac === null ? {} : { mac: spec.mac }),
    ...(spec.mtu === null ? {} : { mtu: spec.mtu }),
    ...(tap.persist ? { persist: true } : {}),
    ...(spec.synRate === null ? {} : { synRate: spec.synRate }),
    multiQueue: tap.multiQueue,
    vnet: spec.vnet,
    checksum: spec.checksum,
    tso: spec.tso && spec.checksum,
    tsoEcn: spec.tso && spec.checksum,
    uso: spec.uso && spec.checksum,
  });
}

function openPacket(memory: Memory, spec: StackSpec, packet: PacketSpec): PacketDevice {
  return new PacketDevice(memory, {
    interface: packet.interface,
    ...(spec.mac === null ? {} : { mac: spec.mac }),
    ...(spec.synRate === null ? {} : { synRate: spec.synRate }),
    promiscuous: packet.promiscuous,
    vnet: spec.vnet,
  });
}

export function addAddress(stack: Stack, iface: Interface, a: AddressSpec): void {
  const result = stack.addAddress(iface, a.address, a.bits);
  if (result === 0) return;
  const why = result === -ENOENT ? '' : ' (no host can have it, or the stack has it already)';
  const text = `${formatAddress(a.address)}/${a.bits}`;
  throw new Failure(errnoName(result), `${text}: not an address for ${iface.name}${why}`);
}

/** Throws a Failure. */
export function addVlan(
  stack: Stack,
  parent: Interface,
  id: number,
  name: string,
  mtu: number | null,
): Interface {
  const result = stack.addVlan(parent, id, name, mtu === null ? {} : { mtu });
  if (typeof result !== 'number') return result;
  const why = VLAN_REFUSALS[errnoName(result)] ?? 'it is refused';
  throw new Failure(errnoName(result), `VLAN ${id} of ${parent.name}: ${why}`);
}

const VLAN_REFUSALS: Readonly<Record<string, string>> = {
  ERANGE: 'not an identifier from 1 to 4094, or a larger MTU than the device has',
  EOPNOTSUPP: 'only the interface of a device has VLANs',
  EEXIST: 'there is that VLAN already, or an interface of that name',
};

/** At the other end of a wire in memory: a neighbour in each of the subnets. */
function addNeighbours(peer: Stack, iface: Interface, near: readonly AddressSpec[]): void {
  for (const own of near) {
    const address = neighbourOf(own);
    if (address !== null) addAddress(peer, iface, { address, bits: own.bits });
  }
}

function badGateway(gateway: string, result: number): Failure {
  return new Failure(
    errnoName(result),
    `--gateway ${gateway}: not a neighbour; give an --address in its subnet first`,
  );
}

type Settings = StackSpec['sysctls'];

/** An interface's own can be set once it is there; all others hold before it starts. */
function sysctlsInOrder(all: Settings): readonly [Settings, Settings] {
  const isLate = (name: string) =>
    /^net\.ipv[46]\.conf\.(?!(all|default)\.)/.test(dottedName(name));
  return [all.filter(([name]) => !isLate(name)), all.filter(([name]) => isLate(name))];
}

export function setSysctl(stack: Stack, name: string, value: string): void {
  const dotted = dottedName(name);
  const isCc = CC_SYSCTLS.includes(dotted);
  const result = writeAnySysctl(stack, dotted, value);
  if (result === 0) return;
  if (isCc) {
    const known = stack.tcp.ccModules.available().join(', ');
    throw new Failure(errnoName(result), `no congestion control ${value}; there is ${known}`);
  }
  if (result === -ENOENT) throw new Failure('ENOENT', `no sysctl ${name}; see docs/ringway.md`);
  const range = sysctlRange(stack, dotted);
  const why = range === undefined ? 'a value of it' : `from ${range[0]} to ${range[1]}`;
  throw new Failure(errnoName(result), `sysctl ${name}: ${value} is not ${why}`);
}

/** Another host of the same subnet: the first that is not ours; null where there is no room for one. */
function neighbourOf({ address, bits }: AddressSpec): AddressSpec['address'] | null {
  const hostBits = (isV4(address) ? 32 : 128) - bits;
  if (hostBits < 1) return null;
  const low = hostBits >= 32 ? 0 : address.w3 & (-1 << hostBits);
  const first = hostBits === 1 ? low : low | 1;
  const near = first === address.w3 ? first + 1 : first;
  // Of a network of 2^32 addresses and more, the words above stay: the neighbour is near.
  return new IpAddress().set(address.w0, address.w1, address.w2, near);
}

function addressesSettled(stack: Stack): Promise<void> {
  const isSettled = () =>
    stack.net.interfaces.every((i) => i.addresses.every((a) => a.state !== 'tentative'));
  if (isSettled()) return Promise.resolve();
  return new Promise((done) => {
    stack.onAddress({
      dadDone: () => {
        if (isSettled()) done();
      },
    });
  });
}
