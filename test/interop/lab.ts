/**
 * A laboratory inside a network namespace of its own: a Ringway stack at one end of a wire, the
 * kernel at the other. Runs in a child made by `scenario.ts`; nothing here touches the namespace the
 * tests were started in. Results go out as one JSON line a check.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Env } from '../../src/base/env.ts';
import type { Memory } from '../../src/base/memory.ts';
import { Rng } from '../../src/base/rng.ts';
import { NullTrace } from '../../src/base/trace.ts';
import type { LiveDriver } from '../../src/live/driver.ts';
import { PacketDevice } from '../../src/live/packet-device.ts';
import type { RingDevice } from '../../src/live/ring-device.ts';
import { TapDevice } from '../../src/live/tap-device.ts';
import { Datagram } from '../../src/net/datagram-store.ts';
import type { EchoSocket } from '../../src/net/echo-socket.ts';
import type { Interface } from '../../src/net/interface.ts';
import type { Conf6Name } from '../../src/net/ipv6-conf.ts';
import { Stack } from '../../src/stack/stack.ts';
import type { UdpSocket } from '../../src/udp/udp-socket.ts';
import { type Address, isV4 } from '../../src/wire/address.ts';
import { parseAddress, parsePrefix } from '../../src/wire/address-text.ts';

export const SEED = Number(process.env.SEED ?? 20261120);
export const isLong = process.env.LONG === '1';

export type World = 'tap' | 'tap-plain' | 'packet' | 'packet-plain';

export interface Outcome {
  readonly status: number;
  readonly output: string;
}

/** Runs a Linux program in this namespace, with a limit in time. Never through a shell. */
export function linux(command: string, limitMs = 60_000): Promise<Outcome> {
  const [program, ...args] = command.split(' ');
  return new Promise((resolve) => {
    const options = { timeout: limitMs, maxBuffer: 1 << 26 };
    execFile(program!, args, options, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 127;
      resolve({ status, output: stdout + stderr });
    });
  });
}

/** For set-up: throws with the program's words when it fails. */
export async function mustLinux(command: string): Promise<string> {
  const { status, output } = await linux(command);
  if (status !== 0) throw new Error(`${command}: ${output.trim()}`);
  return output;
}

/** One claim and what it rests on. */
export async function check(name: string, run: () => Promise<string | null>): Promise<void> {
  let detail: string | null;
  try {
    detail = await run();
  } catch (error) {
    detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  process.stdout.write(`${JSON.stringify({ name, ok: detail === null, detail })}\n`);
}

export const sleep = (ms: number): Promise<void> => new Promise((r) => setTimeout(r, ms));

/** Waits for a condition; false when it did not come true in time. */
export async function until(isTrue: () => boolean, limitMs = 10_000): Promise<boolean> {
  for (const end = Date.now() + limitMs; Date.now() < end; await sleep(5))
    if (isTrue()) return true;
  return isTrue();
}

export const address = (text: string): Address => parseAddress(text)!;

/** A stack of ours on a wire to the kernel. */
export class Station {
  readonly stack: Stack;
  readonly iface: Interface;
  readonly device: RingDevice & { refreshStats(): void };
  readonly driver: LiveDriver;
  private readonly echo: EchoSocket;
  private readonly scratch = new Datagram();
  private readonly buffer = new Uint8Array(65536);

  constructor(
    driver: LiveDriver,
    memory: Memory,
    device: RingDevice & { refreshStats(): void },
    seed: number,
    addresses: readonly string[],
    conf6: Readonly<Partial<Record<Conf6Name, number>>> = {},
  ) {
    const env = new Env(memory, new Rng(seed), new NullTrace());
    env.nowNs = driver.now();
    this.driver = driver;
    this.device = device;
    this.stack = new Stack(env);
    for (const [name, value] of Object.entries(conf6)) {
      this.stack.net.config.conf6.set(name as Conf6Name, value);
    }
    this.iface = this.stack.addInterface('eth0', device);
    for (const text of addresses) {
      const { address: a, bits } = parsePrefix(text)!;
      this.stack.addAddress(this.iface, a, bits);
    }
    this.echo = this.stack.net.echoes.open()!;
    driver.add(this.stack);
  }

  /** All addresses have passed duplicate address detection. */
  isSettled(): boolean {
    return this.iface.addresses.every((a) => a.state === 'preferred');
  }

  /** Pings once; the milliseconds are a limit, not a claim. Null when the same bytes came back. */
  async ping(to: string, size: number, seq: number): Promise<string | null> {
    const data = new Uint8Array(size).map((_, i) => (i * 7 + seq) & 255);
    this.driver.kick();
    const sent = this.stack.net.echoes.send(this.echo, address(to), seq, data);
    if (sent !== 0) return `send to ${to}, ${size} bytes: ${sent}`;
    let got = -1;
    const arrived = () => {
      got = this.stack.net.echoes.receive(this.echo, this.buffer, this.scratch);
      return got >= 0;
    };
    if (!(await until(arrived))) return `no reply from ${to} to ${size} bytes`;
    const isSame = got === size && data.every((b, i) => b === this.buffer[i]);
    return isSame && this.scratch.port === seq ? null : `${to}: ${got} of ${size} bytes, or others`;
  }

  /** A UDP echo server on both families. */
  serveEcho(port: number): UdpSocket {
    const { udp } = this.stack;
    const s = udp.open('dual');
    const bound = udp.bind(s, address('::'), port);
    if (bound !== 0) throw new Error(`bind: ${bound}`);
    s.rcvbufBytes = 4 << 20;
    s.listener = {
      onReady: () => {
        const d = this.scratch;
        for (;;) {
          const n = udp.receive(s, this.buffer, d);
          if (n < 0) return;
          udp.sendTo(s, this.buffer.subarray(0, n), d.src, d.port, d.ifaceIndex);
        }
      },
    };
    return s;
  }

  /** Sends a datagram and waits for the same one to come back. */
  async askEcho(s: UdpSocket, to: string, port: number, data: Uint8Array): Promise<string | null> {
    const { udp } = this.stack;
    this.driver.kick();
    const sent = udp.sendTo(s, data, address(to), port);
    if (sent !== data.length) return `sendTo ${to}: ${sent}`;
    let got = -1;
    const arrived = () => {
      this.driver.kick();
      got = udp.receive(s, this.buffer, this.scratch);
      return got >= 0;
    };
    if (!(await until(arrived))) return `no answer to ${data.length} bytes from ${to}`;
    const isSame = got === data.length && data.every((b, i) => b === this.buffer[i]);
    return isSame ? null : `${got} of ${data.length} bytes, or others`;
  }

  close(): void {
    this.driver.remove(this.stack);
    this.stack.close();
  }
}

/** The wire and the kernel's end of it, with `kernel` addresses on it. */
export async function connect(
  world: World,
  memory: Memory,
  name: string,
  kernel: readonly string[],
  mtu = 1500,
): Promise<RingDevice & { refreshStats(): void }> {
  await mustLinux('ip link set lo up');
  const vnet = world === 'tap' || world === 'packet';
  let device: RingDevice & { refreshStats(): void };
  if (world === 'tap' || world === 'tap-plain') {
    device = new TapDevice(memory, { name, mtu, vnet });
  } else {
    const far = `${name}p`;
    await mustLinux(`ip link add ${name} mtu ${mtu} type veth peer name ${far} mtu ${mtu}`);
    await mustLinux(`ip link set ${far} addrgenmode none up`);
    await mustLinux(`ip link set ${name} up`);
    device = new PacketDevice(memory, { interface: far, vnet });
  }
  for (const text of kernel) {
    const nodad = isV4(parsePrefix(text)!.address) ? '' : ' nodad';
    await mustLinux(`ip addr add ${text} dev ${name}${nodad}`);
  }
  return device;
}

/** What the kernel has sent out of an interface of this namespace, and what it dropped instead. */
export function kernelSent(iface: string): { packets: number; dropped: number } {
  const lines = readFileSync('/proc/net/dev', 'utf8').split('\n');
  const row = lines.map((l) => l.trim().split(/[:\s]+/)).find((f) => f[0] === iface);
  if (row === undefined) throw new Error(`no interface ${iface}`);
  return { packets: Number(row[10]), dropped: Number(row[12]) };
}
