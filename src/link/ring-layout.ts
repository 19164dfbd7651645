/**
 * The layout of descriptors and control words that TypeScript and C++ share (int32 words).
 * The same numbers stand in `native/ring_layout.h`; both sides carry LAYOUT_VERSION and the addon is
 * refused when they differ. Change one, change both, raise the version.
 */
export const LAYOUT_VERSION = 2;

/** A received frame: one contiguous run of slab bytes, starting at the Ethernet header. */
export const RX = {
  OFF: 0,
  LEN: 1,
  /** RX_FLAG bits. */
  FLAGS: 2,
  /** With CSUM_COMPLETE: the folded 16-bit one's-complement sum (big-endian words) of bytes 14 … LEN. */
  SUM: 3,
  /** GSO type << 16 | GSO size; 0 for an ordinary frame. */
  GSO: 4,
  /**
   * With CSUM_PARTIAL: start << 16 | offset, as in the vnet header, relative to the frame;
   * 0 when the device knows that it is partial but not where (a kernel ring without vnet header).
   */
  CSUM: 5,
  /** The chunk that holds the frame: `hold` it to keep the bytes beyond the turn. */
  CHUNK: 6,
  RESERVED: 7,
} as const;
export const RX_STRIDE = 8;

export const RX_FLAG = {
  /** The device vouches for the transport checksum. */
  CSUM_VALID: 1,
  /** The sender left the checksum to hardware that never was: trusted, but not on the wire yet. */
  CSUM_PARTIAL: 2,
  /** SUM is filled in; whoever knows the protocol can verify in O(1). */
  CSUM_COMPLETE: 4,
} as const;

/** A frame to send: up to MAX_PIECES runs of slab bytes, gathered by the device. */
export const TX = {
  PIECES: 0,
  /** The sum of the pieces' lengths. */
  LEN: 1,
  /** TX_FLAG bits. */
  FLAGS: 2,
  /** With CSUM: start << 16 | offset; the field holds the folded pseudo-header sum. */
  CSUM: 3,
  /** GSO type << 16 | GSO size; 0 for an ordinary frame. */
  GSO: 4,
  /** With GSO: bytes of headers (Ethernet to transport) before the payload. */
  HDR_LEN: 5,
  RESERVED_A: 6,
  RESERVED_B: 7,
  /** The first of MAX_PIECES (offset, length) pairs. */
  PIECE: 8,
} as const;
export const MAX_PIECES = 8;
export const TX_STRIDE = 8 + 2 * MAX_PIECES;

export const TX_FLAG = {
  /** The device completes the checksum: hardware, vnet header, or one native pass. */
  CSUM: 1,
} as const;

/** virtio_net_hdr's gso_type. */
export const GSO = { NONE: 0, TCPV4: 1, TCPV6: 4, UDP_L4: 5, ECN: 0x80 } as const;

/** Control words of a ring, one Int32Array; counters that only grow, compared modulo 2^32. */
export const CTRL = {
  /** Written by TypeScript: frames committed so far. */
  TX_HEAD: 0,
  /** Written by the device: frames completed so far. */
  TX_TAIL: 1,
  /** Written by the device: frames in the receive batch. */
  RX_COUNT: 2,
  /** Written by the device: a LINK state. */
  LINK: 3,
} as const;
export const CTRL_WORDS = 16;

/** GONE: the device was deleted or closed; nothing brings it back. */
export const LINK = { GONE: -1, DOWN: 0, UP: 1 } as const;

/**
 * The memory offered to a device in C++ for one receive batch. The device fills the chunks in their
 * order, and leaves in CURRENT and FILL how far it came.
 */
export const OFFER = {
  COUNT: 0,
  /** Index (in this list) of the chunk being filled; those before it are full. */
  CURRENT: 1,
  /** Bytes of that chunk already taken. */
  FILL: 2,
  RESERVED: 3,
  /** The first of MAX_OFFERED chunk numbers. */
  CHUNK: 4,
} as const;
/** 1 MiB, a dozen super-frames: a longer batch falls out of the second-level cache before it is read. */
export const MAX_OFFERED = 4;
export const OFFER_WORDS = 4 + MAX_OFFERED;
