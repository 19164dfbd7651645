/**
 * RFC 5961 §3.2, §4.2, §5.2: what may be a stranger's guess is answered by an ACK that only the true peer can make
 * use of. Limited for each endpoint (`answer-limit`), and, if tcp_challenge_ack_limit says so, for the host.
 */
import type { Env } from '../base/env.ts';
import type { RandomStream } from '../base/rng.ts';
import { SEC } from '../base/time.ts';
import type { TcpConnection } from './connection.ts';
import type { Handshake } from './handshake.ts';
import type { TcpConfig } from './tcp-config.ts';

/** tcp_challenge_ack_limit's "no limit", which is the default. */
const NO_LIMIT = 2 ** 31 - 1;

/**
 * What the whole host may spend on challenges in a second. Between half of the limit and one and a half, each
 * second anew: a stranger who uses it up, and counts the challenges that he gets himself, cannot tell whether
 * another connection took one (CVE-2016-5696).
 */
export class ChallengeBudget {
  private left = 0;
  private second = -1;
  private readonly env: Env;
  private readonly config: TcpConfig;
  private readonly random: RandomStream;

  constructor(env: Env, config: TcpConfig) {
    this.env = env;
    this.config = config;
    this.random = env.rng.stream('tcp.challenge');
  }

  take(): boolean {
    const { challengeAckLimit } = this.config;
    if (challengeAckLimit === NO_LIMIT) return true;
    const second = Math.floor(this.env.nowNs / SEC);
    if (second !== this.second) {
      this.second = second;
      const half = Math.ceil(challengeAckLimit / 2);
      this.left = challengeAckLimit === 0 ? 0 : half + this.random.below(challengeAckLimit);
    }
    if (this.left === 0) return false;
    this.left--;
    return true;
  }
}

/** False: too many, and counted. */
export function mayChallenge(e: TcpConnection | Handshake): boolean {
  const { mib, ids, challenges } = e.tcp;
  if (!e.mayAnswer(ids.TCPACKSkippedChallenge)) return false;
  const may = challenges.take();
  mib.count(may ? ids.TCPChallengeACK : ids.TCPACKSkippedChallenge);
  return may;
}

export function challenge(c: TcpConnection): void {
  if (mayChallenge(c)) c.delack.owe(true);
}
