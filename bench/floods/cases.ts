/** Which floods there are, over which device, and which way the transfer goes meanwhile. */

/** As bench/c/flood.c has them. */
export interface Kind {
  readonly kind: 'syn' | 'ack' | 'text' | 'udp' | 'sum';
  readonly title: string;
  /** Where it is aimed. */
  readonly port: 'open' | 'closed' | 'transfer';
  /** What is left of the transfer's goodput, in the middle of the rounds. */
  readonly goal: number;
}

export const KINDS: readonly Kind[] = [
  { kind: 'syn', title: 'SYNs to a listener', port: 'open', goal: 0.9 },
  { kind: 'ack', title: 'ACKs of no connection', port: 'closed', goal: 0 },
  { kind: 'text', title: 'text for the transfer', port: 'transfer', goal: 0 },
  { kind: 'udp', title: 'UDP to a closed port', port: 'closed', goal: 0 },
  { kind: 'sum', title: 'wrong checksums', port: 'open', goal: 0 },
];

export interface World {
  readonly title: string;
  readonly device: 'tap' | 'packet';
  readonly vnet: boolean;
}

export const WORLDS: readonly World[] = [
  { title: 'TAP vnet', device: 'tap', vnet: true },
  { title: 'AF_PACKET vnet', device: 'packet', vnet: true },
  { title: 'TAP', device: 'tap', vnet: false },
  { title: 'AF_PACKET', device: 'packet', vnet: false },
];

/** RX: the kernel sends to us. TX: we send to it. */
export const WAYS = ['RX', 'TX'] as const;
export type Way = (typeof WAYS)[number];
