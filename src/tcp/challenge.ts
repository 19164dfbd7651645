import type { TcpConnection } from './connection.ts';

/** RFC 5961 §3.2, §4.2, §5: an ACK that only the true peer can make use of. */
export function challenge(c: TcpConnection): void {
  const { mib, ids } = c.tcp;
  if (!c.mayAnswer(ids.TCPACKSkippedChallenge)) return;
  mib.count(ids.TCPChallengeACK);
  c.delack.owe(true);
}
