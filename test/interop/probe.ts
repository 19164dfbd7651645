import { addressBytes, type Bytes, join, sum16, u16, u32 } from '../net/packets.ts';

/** Packets that are sent one after the other; what they are answered with is compared. */
export interface Probe {
  readonly name: string;
  readonly packets: readonly Bytes[];
}

export interface Segment {
  readonly from: number;
  readonly to: number;
  readonly flags: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly options?: readonly number[];
  /** In words of four bytes; what it should be when absent. */
  readonly offset?: number;
  readonly urgent?: number;
  readonly reserved?: number;
  readonly text?: Bytes;
  readonly badChecksum?: boolean;
}

/** A TCP segment between two addresses, which its checksum covers. */
export function tcpSegment(src: string, dst: string, s: Segment): Bytes {
  const options = [...(s.options ?? [])];
  while (options.length % 4 !== 0) options.push(0);
  const offset = s.offset ?? 5 + options.length / 4;
  const bytes = join(
    u16(s.from),
    u16(s.to),
    u32(s.seq ?? 1000),
    u32(s.ack ?? 0),
    [(offset << 4) | (s.reserved ?? 0), s.flags],
    u16(1024),
    [0, 0],
    u16(s.urgent ?? 0),
    options,
    s.text ?? [],
  );
  const pseudo = join(addressBytes(src), addressBytes(dst), u32(bytes.length), u32(6));
  bytes.set(u16((~sum16(pseudo, bytes) ^ (s.badChecksum ? 1 : 0)) & 0xffff), 16);
  return bytes;
}
