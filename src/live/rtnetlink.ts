/**
 * The bytes of rtnetlink, in the machine's byte order, padded to 4:
 *
 *     | length 4 | type 2 | flags 2 | sequence 4 | port 4 | fixed part | attributes … |
 *     attribute:  | length 2 | type 2 | value, or attributes again |
 *
 * Numbers are those of <linux/rtnetlink.h>, <linux/if_link.h> and <linux/if_addr.h>.
 */
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { loadAddon } from './addon.ts';

const LE = endianness() === 'LE';
const HEADER_BYTES = 16;

export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
} as const;

const NLM_F = { REQUEST: 1, ACK: 4, DUMP: 0x300, CREATE: 0x400, EXCL: 0x200 } as const;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
/** Attributes of an extended acknowledgement: a sentence. */
const NLMSGERR_ATTR_MSG = 1;

/** What was wrong, as the kernel put it: an Error with code, errno and syscall. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  readonly code: string;
  /** Negative, as libuv has it. */
  readonly errno: number;
  readonly syscall = 'netlink';

  constructor(errno: number, doing: string, reason: string) {
    const code = getSystemErrorName(-errno).replace(/^Unknown.*/, `E${errno}`);
    super(`${code}: cannot ${doing}${reason === '' ? '' : `: ${reason}`}`);
    this.code = code;
    this.errno = -errno;
  }
}

/** A request under construction. */
export class Request {
  private bytes = new Uint8Array(512);
  private dv = new DataView(this.bytes.buffer);
  private length = HEADER_BYTES;

  constructor(type: number, flags: number) {
    this.dv.setUint16(4, type, LE);
    this.dv.setUint16(6, NLM_F.REQUEST | flags, LE);
  }

  u8(value: number): this {
    this.room(1);
    this.dv.setUint8(this.length++, value);
    return this;
  }

  u16(value: number): this {
    this.room(2);
    this.dv.setUint16(this.length, value, LE);
    this.length += 2;
    return this;
  }

  u32(value: number): this {
    this.room(4);
    this.dv.setUint32(this.length, value, LE);
    this.length += 4;
    return this;
  }

  attr(type: number, value: Uint8Array): this {
    return this.nest(type, () => {
      this.room(value.length);
      this.bytes.set(value, this.length);
      this.length += value.length;
    });
  }

  attrText(type: number, text: string): this {
    return this.attr(type, new TextEncoder().encode(`${text}\0`));
  }

  attrU32(type: number, value: number): this {
    return this.nest(type, () => void this.u32(value));
  }

  /** An attribute whose value is what `fill` appends. */
  nest(type: number, fill: () => void): this {
    const at = this.length;
    this.u16(0).u16(type);
    fill();
    this.dv.setUint16(at, this.length - at, LE);
    this.room(3);
    this.length = (this.length + 3) & ~3;
    return this;
  }

  finish(): Uint8Array {
    this.dv.setUint32(0, this.length, LE);
    this.dv.setUint32(8, 1, LE);
    return this.bytes.slice(0, this.length);
  }

  private room(bytes: number): void {
    if (this.length + bytes <= this.bytes.length) return;
    const grown = new Uint8Array((this.length + bytes) * 2);
    grown.set(this.bytes);
    this.bytes = grown;
    this.dv = new DataView(grown.buffer);
  }
}

/** Part of a reply: `at` … `end`, starting with a fixed part of the caller's knowledge. */
export class Reply {
  private readonly dv: DataView;
  private readonly bytes: Uint8Array;
  readonly type: number;
  private readonly at: number;
  private readonly end: number;

  constructor(bytes: Uint8Array, type: number, at: number, end: number) {
    this.bytes = bytes;
    this.dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.type = type;
    this.at = at;
    this.end = end;
  }

  get length(): number {
    return this.end - this.at;
  }

  u8(offset: number): number {
    return this.dv.getUint8(this.at + offset);
  }

  u16(offset: number): number {
    return this.dv.getUint16(this.at + offset, LE);
  }

  u32(offset: number): number {
    return this.dv.getUint32(this.at + offset, LE);
  }

  u64(offset: number): number {
    return Number(this.dv.getBigUint64(this.at + offset, LE));
  }

  data(): Uint8Array {
    return this.bytes.slice(this.at, this.end);
  }

  text(): string {
    const raw = new TextDecoder().decode(this.data());
    const end = raw.indexOf('\0');
    return end < 0 ? raw : raw.slice(0, end);
  }

  /** The attributes that follow `skip` bytes, by type; of several of a type, the last. */
  attrs(skip: number): Map<number, Reply> {
    const found = new Map<number, Reply>();
    let at = this.at + skip;
    while (at + 4 <= this.end) {
      const length = this.dv.getUint16(at, LE);
      if (length < 4 || at + length > this.end) break;
      // The two top bits say "nested" and "network byte order".
      const type = this.dv.getUint16(at + 2, LE) & 0x3fff;
      found.set(type, new Reply(this.bytes, type, at + 4, at + length));
      at += (length + 3) & ~3;
    }
    return found;
  }
}

export function change(type: number, isNew = false): Request {
  return new Request(type, NLM_F.ACK | (isNew ? NLM_F.CREATE | NLM_F.EXCL : 0));
}

export function dump(type: number): Request {
  return new Request(type, NLM_F.DUMP);
}

export function getOne(type: number): Request {
  return new Request(type, NLM_F.ACK);
}

interface NetlinkAddon {
  netlinkTalk(request: Uint8Array): Uint8Array;
}

/** Sends the request and returns what came, without the acknowledgement. `doing` names it in errors. */
export function talk(request: Request, doing: string): Reply[] {
  const bytes = loadAddon<NetlinkAddon>().netlinkTalk(request.finish());
  const dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const replies: Reply[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const length = dv.getUint32(at, LE);
    if (length < HEADER_BYTES || at + length > bytes.length) break;
    const type = dv.getUint16(at + 4, LE);
    const reply = new Reply(bytes, type, at + HEADER_BYTES, at + length);
    if (type === NLMSG_ERROR) refuse(reply, doing);
    else if (type !== NLMSG_DONE) replies.push(reply);
    at += (length + 3) & ~3;
  }
  return replies;
}

/** Throws unless it is the acknowledgement. After the errno comes the request's header, then attributes. */
function refuse(reply: Reply, doing: string): void {
  const errno = -(reply.u32(0) | 0);
  if (errno === 0) return;
  const reason =
    reply
      .attrs(4 + HEADER_BYTES)
      .get(NLMSGERR_ATTR_MSG)
      ?.text() ?? '';
  throw new NetlinkError(errno, doing, reason);
}
