/** A host for commands that writes down what it is told. */
import { ENOENT } from '../../../src/base/errno.ts';
import type {
  Qdisc,
  RouteChange,
  ShellHost,
  TcpSocketLine,
} from '../../../src/sim/packetdrill/system-under-test.ts';
import { formatAddress } from '../../../src/wire/address-text.ts';

export class FakeShell implements ShellHost {
  readonly log: string[] = [];
  readonly counters: (readonly [string, number])[] = [];
  sockets: readonly TcpSocketLine[] = [];
  readonly files = new Map<string, number>();

  setSysctl(name: string, value: string): number {
    if (name.includes('nonsense')) return -ENOENT;
    this.log.push(`${name}=${value}`);
    return 0;
  }

  setModuleParameter(module: string, name: string, value: string): number {
    if (module !== 'tcp_cubic') return -ENOENT;
    this.log.push(`${module}.${name}=${value}`);
    return 0;
  }

  flushTcpMetrics(): void {
    this.log.push('flush metrics');
  }

  setQdisc({ kind, limit }: Qdisc): number {
    if (kind === 'hfsc') return -ENOENT;
    this.log.push(`qdisc ${kind} ${limit}`);
    return 0;
  }

  setOffload(feature: string, isOn: boolean): number {
    this.log.push(`${feature} ${isOn}`);
    return 0;
  }

  setRoute(route: RouteChange): number {
    const { address, bits, mtu, isMtuLocked, advmss, initcwnd } = route;
    this.log.push(
      `route ${formatAddress(address)}/${bits} mtu ${mtu} ${isMtuLocked} advmss ${advmss} cwnd ${initcwnd}`,
    );
    return 0;
  }

  nstat(): readonly (readonly [string, number])[] {
    return this.counters.splice(0);
  }

  tcpSockets(): readonly TcpSocketLine[] {
    return this.sockets;
  }

  writeFile(path: string, bytes: Uint8Array): number {
    this.files.set(path, bytes.length);
    return 0;
  }

  removeFile(path: string): number {
    return this.files.delete(path) ? 0 : -ENOENT;
  }
}
