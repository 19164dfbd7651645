/**
 * The states of RFC 9293 §3.3.2, numbered as in Linux's TCP_INFO. Each belongs to one type:
 * LISTEN to `Listener`, SYN-SENT and SYN-RECEIVED to `Handshake`, TIME-WAIT to `TimeWait`, the others to
 * `TcpConnection`; CLOSED is "not in the table". The one exception: SYN-RECEIVED of `fast-open-child`.
 */
export const STATE = {
  ESTABLISHED: 1,
  SYN_SENT: 2,
  SYN_RECEIVED: 3,
  FIN_WAIT_1: 4,
  FIN_WAIT_2: 5,
  TIME_WAIT: 6,
  CLOSED: 7,
  CLOSE_WAIT: 8,
  LAST_ACK: 9,
  LISTEN: 10,
  CLOSING: 11,
} as const;
export type TcpState = (typeof STATE)[keyof typeof STATE];

export const STATE_NAMES: readonly string[] = [
  '',
  'ESTABLISHED',
  'SYN-SENT',
  'SYN-RECEIVED',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'TIME-WAIT',
  'CLOSED',
  'CLOSE-WAIT',
  'LAST-ACK',
  'LISTEN',
  'CLOSING',
];

const bit = (state: TcpState): number => 1 << state;

/** Our side may still send new data: of SYN-RECEIVED, where it is a connection (RFC 7413). */
export const MAY_SEND = bit(STATE.SYN_RECEIVED) | bit(STATE.ESTABLISHED) | bit(STATE.CLOSE_WAIT);
/** The peer may still send new data. */
export const MAY_RECEIVE = bit(STATE.ESTABLISHED) | bit(STATE.FIN_WAIT_1) | bit(STATE.FIN_WAIT_2);
/** We have sent, or are about to send, a FIN. */
export const HAS_CLOSED =
  bit(STATE.FIN_WAIT_1) | bit(STATE.FIN_WAIT_2) | bit(STATE.CLOSING) | bit(STATE.LAST_ACK);

/** RFC 4022: what CurrEstab counts, and what a reset in it is counted for (EstabResets). */
export const COUNTED = bit(STATE.ESTABLISHED) | bit(STATE.CLOSE_WAIT);

export function isIn(state: TcpState, states: number): boolean {
  return (states & (1 << state)) !== 0;
}

/** RFC 9293 figure 5: where a connection may go from each state (RST and abort always lead to CLOSED). */
const NEXT: Readonly<Record<TcpState, number>> = {
  [STATE.CLOSED]: bit(STATE.LISTEN) | bit(STATE.SYN_SENT),
  [STATE.LISTEN]: bit(STATE.SYN_RECEIVED) | bit(STATE.SYN_SENT),
  [STATE.SYN_SENT]: bit(STATE.SYN_RECEIVED) | bit(STATE.ESTABLISHED),
  [STATE.SYN_RECEIVED]: bit(STATE.ESTABLISHED) | bit(STATE.FIN_WAIT_1) | bit(STATE.CLOSE_WAIT),
  [STATE.ESTABLISHED]: bit(STATE.FIN_WAIT_1) | bit(STATE.CLOSE_WAIT),
  [STATE.FIN_WAIT_1]: bit(STATE.FIN_WAIT_2) | bit(STATE.CLOSING) | bit(STATE.TIME_WAIT),
  [STATE.FIN_WAIT_2]: bit(STATE.TIME_WAIT),
  [STATE.CLOSING]: bit(STATE.TIME_WAIT),
  [STATE.TIME_WAIT]: 0,
  [STATE.CLOSE_WAIT]: bit(STATE.LAST_ACK),
  [STATE.LAST_ACK]: 0,
};

export function mayMove(from: TcpState, to: TcpState): boolean {
  return to === STATE.CLOSED || isIn(to, NEXT[from]);
}
