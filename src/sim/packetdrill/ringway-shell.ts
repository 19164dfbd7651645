/** What commands of scripts change, on the stack under test. */
import { EINVAL, ENOENT } from '../../base/errno.ts';
import type { MemoryDevice } from '../../link/memory-device.ts';
import type { Interface } from '../../net/interface.ts';
import { writeAnySysctl } from '../../stack/all-sysctls.ts';
import { listCounters } from '../../stack/nstat.ts';
import type { Stack } from '../../stack/stack.ts';
import { STATE } from '../../tcp/tcp-state.ts';
import { isV4 } from '../../wire/address.ts';
import type { Qdisc, RouteChange, ShellHost, TcpSocketLine } from './system-under-test.ts';

const PACING = 'fq';
const UNPACED = ['pfifo', 'bfifo', 'pfifo_fast', 'noqueue', 'default'];

export class RingwayShell implements ShellHost {
  /** By name, as scripts made them. */
  readonly files = new Map<string, Uint8Array>();
  private readonly stack: Stack;
  private readonly nic: MemoryDevice;
  private readonly iface: Interface;
  private counted = new Map<string, number>();

  constructor(stack: Stack, nic: MemoryDevice, iface: Interface) {
    this.stack = stack;
    this.nic = nic;
    this.iface = iface;
  }

  setSysctl(name: string, value: string): number {
    return writeAnySysctl(this.stack, name, value);
  }

  /** Of the modules of congestion control: `tcp_cubic`. */
  setModuleParameter(module: string, name: string, value: string): number {
    if (!module.startsWith('tcp_')) return -ENOENT;
    if (!/^\d+$/.test(value)) return -EINVAL;
    const { ccModules } = this.stack.tcp;
    return ccModules.setParameter(module.slice('tcp_'.length), name, Number(value));
  }

  flushTcpMetrics(): void {
    this.stack.tcp.fastOpenCache.clear();
  }

  setQdisc({ kind, limit }: Qdisc): number {
    if (kind !== PACING && !UNPACED.includes(kind)) return -ENOENT;
    this.iface.setPaced(kind === PACING);
    this.iface.setDropping(limit === 0);
    return 0;
  }

  /** As on a tunnel device: it has these two, and no more. */
  setOffload(feature: string, isOn: boolean): number {
    if (feature === 'tso' || feature === 'gso') this.nic.setCaps({ tso4: isOn, tso6: isOn });
    return 0;
  }

  /** The peer is on the link: whatever gateway the script names stands for it. */
  setRoute({ address, bits, mtu, isMtuLocked, advmss, initcwnd }: RouteChange): number {
    const metrics = { mtu, isMtuLocked, advmss, initcwnd };
    return this.stack.replaceRoute(address, bits, null, this.iface, undefined, metrics);
  }

  nstat(): readonly (readonly [string, number])[] {
    const now = new Map(listCounters(this.stack.net, this.stack.tcp));
    const before = this.counted;
    this.counted = now;
    return [...now]
      .map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const)
      .filter(([, value]) => value !== 0);
  }

  tcpSockets(): readonly TcpSocketLine[] {
    const { demux } = this.stack.tcp;
    const listeners = demux.listeners.all().map(({ local, localPort }) => ({
      isV4: isV4(local),
      localPort,
      remotePort: 0,
      state: STATE.LISTEN,
    }));
    const others = demux.all().map((e) => ({
      isV4: isV4(e.local),
      localPort: e.localPort,
      remotePort: e.remotePort,
      state: e.kind === 'time-wait' ? STATE.TIME_WAIT : e.state,
    }));
    return [...listeners, ...others];
  }

  writeFile(path: string, bytes: Uint8Array): number {
    this.files.set(path, bytes);
    return 0;
  }

  removeFile(path: string): number {
    return this.files.delete(path) ? 0 : -ENOENT;
  }
}
