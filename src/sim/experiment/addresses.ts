/** Who has which address: hosts are numbered in the scenario's order. */
import { IpAddress } from '../../wire/address.ts';
import { MacAddress } from '../../wire/mac.ts';

/** 10.0.0.0/8: host 0 has 10.0.0.1. */
const NETWORK = 0x0a000000;
export const PREFIX = 8;
export const MAC_HIGH = 0x0200;

export function addressOf(host: number): IpAddress {
  return new IpAddress().setV4(NETWORK + host + 1);
}

/** As the simulator counts its interfaces. */
export function macOf(host: number): MacAddress {
  return new MacAddress(MAC_HIGH, host + 1);
}
