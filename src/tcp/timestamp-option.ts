import { TCP_OPT } from '../wire/tcp.ts';
import { TIMESTAMP_BYTES } from './agreed.ts';

const OPTION = (TCP_OPT.NOP << 24) | (TCP_OPT.NOP << 16) | (TCP_OPT.TIMESTAMPS << 8) | 10;
const LENGTH = TIMESTAMP_BYTES;

/** NOP, NOP, timestamps: RFC 7323 §3.2 and its appendix A. Returns the offset behind it. */
export function writeTimestampOption(dv: DataView, at: number, val: number, ecr: number): number {
  dv.setInt32(at, OPTION);
  dv.setInt32(at + 4, val);
  dv.setInt32(at + 8, ecr);
  return at + LENGTH;
}
