import { randomBytes } from 'node:crypto';
import { MacAddress } from '../wire/mac.ts';

/** A locally administered unicast address: 40 random bits of the operating system's behind 02. */
export function randomMac(): MacAddress {
  const b = randomBytes(5);
  return new MacAddress(0x0200 | b[0]!, b.readInt32BE(1));
}
