/** Reads back what we write, strictly: lengths at both ends, known blocks only, options that end. */
export interface Packet {
  readonly face: number;
  readonly timeNs: number;
  readonly originalLen: number;
  readonly bytes: Uint8Array;
  readonly flags: number;
  readonly dropped: number;
  /** 0 when it has none. */
  readonly id: number;
  readonly comment: string;
}

export interface Capture {
  /** Of the section. */
  readonly comment: string;
  readonly faces: { readonly name: string; readonly snaplen: number; readonly options: Options }[];
  readonly packets: Packet[];
  readonly statistics: {
    readonly face: number;
    readonly received: number;
    readonly dropped: number;
  }[];
}

type Writable = { -readonly [K in keyof Capture]: Capture[K] };
type Options = Map<number, Uint8Array>;

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
const view = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const u32 = (bytes: Uint8Array | undefined): number => (bytes ? view(bytes).getUint32(0, true) : 0);
const u64 = (bytes: Uint8Array | undefined): number =>
  bytes ? Number(view(bytes).getBigUint64(0, true)) : 0;

export function readPcapng(file: Uint8Array): Capture {
  const dv = view(file);
  const capture: Writable = { comment: '', faces: [], packets: [], statistics: [] };
  let at = 0;
  while (at < file.length) {
    const type = dv.getUint32(at, true);
    const len = dv.getUint32(at + 4, true);
    if (len % 4 !== 0 || dv.getUint32(at + len - 4, true) !== len)
      throw new Error(`bad block at ${at}`);
    readBlock(type, file.slice(at + 8, at + len - 4), capture);
    at += len;
  }
  return capture;
}

function readBlock(type: number, body: Uint8Array, capture: Writable): void {
  const dv = view(body);
  if (type === 0x0a0d0d0a) {
    if (dv.getUint32(0, true) !== 0x1a2b3c4d) throw new Error('byte order');
    capture.comment = text(readOptions(body, 16).get(1));
  } else if (type === 1) {
    const options = readOptions(body, 8);
    capture.faces.push({ name: text(options.get(2)), snaplen: dv.getUint32(4, true), options });
  } else if (type === 6) {
    const kept = dv.getUint32(12, true);
    const options = readOptions(body, (20 + kept + 3) & -4);
    capture.packets.push({
      face: dv.getUint32(0, true),
      timeNs: dv.getUint32(4, true) * 2 ** 32 + dv.getUint32(8, true),
      originalLen: dv.getUint32(16, true),
      bytes: body.slice(20, 20 + kept),
      flags: u32(options.get(2)),
      dropped: u64(options.get(4)),
      id: u64(options.get(5)),
      comment: text(options.get(1)),
    });
  } else if (type === 5) {
    const options = readOptions(body, 12);
    const [received, dropped] = [u64(options.get(4)), u64(options.get(5))];
    capture.statistics.push({ face: dv.getUint32(0, true), received, dropped });
  } else throw new Error(`block type ${type}`);
}

function readOptions(body: Uint8Array, from: number): Options {
  const options: Options = new Map();
  const dv = view(body);
  let at = from;
  while (true) {
    const code = dv.getUint16(at, true);
    const len = dv.getUint16(at + 2, true);
    at += 4;
    if (code === 0) break;
    options.set(code, body.slice(at, at + len));
    at += (len + 3) & -4;
  }
  if (at !== body.length) throw new Error('options do not fill the block');
  return options;
}
