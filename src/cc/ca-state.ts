/** The words in which the sender tells a module what goes on, numbered as in Linux. */

/** tcp_ca_state, as TCP_INFO shows it. */
export const CA_STATE = {
  /** All is well. */
  OPEN: 0,
  /** Duplicate ACKs or SACKs: loss or reordering, not yet known. */
  DISORDER: 1,
  /** The window shrinks because of an ECN mark or a local drop. */
  CWR: 2,
  /** Fast recovery. */
  RECOVERY: 3,
  /** The retransmission timer fired. */
  LOSS: 4,
} as const;
export type CaState = (typeof CA_STATE)[keyof typeof CA_STATE];

/** tcp_ca_event. */
export const CA_EVENT = {
  /** The first transmission when nothing was in flight. */
  TX_START: 0,
  /** The window was cut after idleness (RFC 5681 §4.1). */
  CWND_RESTART: 1,
  /** The end of a reduction: cwnd has come down to ssthresh. */
  COMPLETE_CWR: 2,
  /** The retransmission timer fired. */
  LOSS: 3,
  /** A data segment came without a CE mark, or with one. Only for CC_FLAG.NEEDS_ECN and WANTS_CE_EVENTS. */
  ECN_NO_CE: 4,
  ECN_IS_CE: 5,
} as const;
export type CaEvent = (typeof CA_EVENT)[keyof typeof CA_EVENT];

/** Bits that tell how an ACK looked (tcp_ca_ack_event_flags). */
export const CA_ACK = {
  /** Not the plain next ACK in sequence. */
  SLOWPATH: 1,
  WIN_UPDATE: 2,
  ECE: 4,
} as const;
