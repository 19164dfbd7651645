/** Who has which address: hosts are numbered in the scenario's order. */
import { IpAddress } from '../../wire/address.ts';
import { MacAddress } from '../../wire/mac.ts';

/** Which IP a flow is over. */
export type IpVersion = 4 | 6;

/** 10.0.0.0/8 and fd00::/64: host 0 has 10.0.0.1 and fd00::1. */
const NETWORK4 = 0x0a000000;
const NETWORK6 = 0xfd000000;
export const PREFIX = { 4: 8, 6: 64 } as const;
export const MAC_HIGH = 0x0200;

export function addressOf(host: number, ip: IpVersion): IpAddress {
  const address = new IpAddress();
  return ip === 4 ? address.setV4(NETWORK4 + host + 1) : address.set(NETWORK6, 0, 0, host + 1);
}

/** As the simulator counts its interfaces. */
export function macOf(host: number): MacAddress {
  return new MacAddress(MAC_HIGH, host + 1);
}
