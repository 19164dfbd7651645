/** What is measured, and over which wire. RX: the kernel sends to us. TX: we send to the kernel. */
import type { LineChild } from '../rings/c-side.ts';

export interface Wire {
  readonly who: 'kernel' | 'ours';
  readonly client: LineChild;
  /** Where the four services are, as the client sees them. */
  readonly address: string;
  readonly port: number;
  setChecking(isChecking: boolean): void;
  close(): Promise<void>;
}

export interface Case {
  readonly title: string;
  readonly device: 'tap' | 'packet';
  /** Super-frames and unfinished checksums; else the kernel's wire has no segmentation offloads either. */
  readonly vnet: boolean;
  readonly unit: string;
  readonly digits: number;
  /** Ours divided by the kernel's. */
  readonly goal: number;
  readonly isLessBetter: boolean;
  run(wire: Wire, isCheck: boolean): Promise<number>;
}

/** Some 0.2 s of a kernel's time each. */
const SUPER_BYTES = 768 << 20;
const PLAIN_BYTES = 192 << 20;
const PINGS = 5000;
const CONNECTIONS = 1500;

async function ask(wire: Wire, what: string, service: number, amount: number, isCheck: boolean) {
  const { client, address, port } = wire;
  const line = `${what} ${address} ${port + service} ${amount} ${isCheck ? 1 : 0}`;
  return (await client.ask(line)).split(' ').map(Number);
}

function bulk(name: string, device: Case['device'], what: 'RX' | 'TX', goal: number): Case {
  const vnet = name.endsWith('vnet');
  const bytes = vnet ? SUPER_BYTES : PLAIN_BYTES;
  return {
    ...{ title: `${what} ${name}`, device, vnet, goal, unit: 'Gbit/s', digits: 1 },
    isLessBetter: false,
    run: async (wire, isCheck) => {
      const isPush = what === 'RX';
      const [ns] = await ask(wire, isPush ? 'push' : 'pull', isPush ? 0 : 1, bytes, isCheck);
      return (bytes * 8) / ns!;
    },
  };
}

function pings(name: string, device: Case['device'], vnet: boolean): Case {
  return {
    ...{ title: `ping-pong ${name}`, device, vnet, goal: 1.5, unit: 'µs p50', digits: 1 },
    isLessBetter: true,
    run: async (wire) => (await ask(wire, 'ping', 2, PINGS, false))[0]! / 1000,
  };
}

function opens(name: string, device: Case['device'], vnet: boolean): Case {
  return {
    ...{ title: `connect+close ${name}`, device, vnet, goal: 0.5, unit: '1/s', digits: 0 },
    isLessBetter: false,
    run: async (wire) => {
      const [ns] = await ask(wire, 'open', 3, CONNECTIONS, false);
      return (CONNECTIONS * 1e9) / ns!;
    },
  };
}

export const CASES: readonly Case[] = [
  bulk('TAP vnet', 'tap', 'RX', 0.5),
  bulk('TAP vnet', 'tap', 'TX', 0.5),
  bulk('AF_PACKET vnet', 'packet', 'RX', 0.5),
  bulk('AF_PACKET vnet', 'packet', 'TX', 0.5),
  bulk('TAP', 'tap', 'RX', 0.5),
  bulk('TAP', 'tap', 'TX', 0.3),
  bulk('AF_PACKET', 'packet', 'RX', 0.5),
  bulk('AF_PACKET', 'packet', 'TX', 0.35),
  pings('TAP vnet', 'tap', true),
  pings('AF_PACKET vnet', 'packet', true),
  opens('TAP vnet', 'tap', true),
  opens('AF_PACKET vnet', 'packet', true),
];
