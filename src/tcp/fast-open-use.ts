/** What became of Fast Open on one connection: made only where it was tried. */

/** Why it was of no use, as TCP_INFO has it (tcpi_fastopen_client_fail). */
export const FAST_OPEN_FAILURE = {
  NONE: 0,
  COOKIE_UNAVAILABLE: 1,
  DATA_NOT_ACKED: 2,
  SYN_RETRANSMITTED: 3,
} as const;

export class FastOpenUse {
  /** Our SYN had the option. */
  readonly hasAsked: boolean;
  /** The first after a pause: if it works, the pause is forgotten (`fast-open-pause`). */
  readonly isTrial: boolean;
  /** It was the peer's SYN that opened it. */
  readonly isChild: boolean;
  /** The text of the SYN was taken, all of it (TCPI_OPT_SYN_DATA). */
  isTaken = false;
  /** One of FAST_OPEN_FAILURE. */
  failure: number;

  constructor(hasAsked: boolean, isTrial: boolean, failure: number, isChild = false) {
    this.hasAsked = hasAsked;
    this.isTrial = isTrial;
    this.failure = failure;
    this.isChild = isChild;
  }

  succeeded(): void {
    this.isTaken = true;
  }

  failed(failure: number): void {
    this.failure = failure;
  }
}
