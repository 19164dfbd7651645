/**
 * Explicit congestion notification (RFC 3168 §6.1), with the rules of Linux 6.x.
 *
 *     sender                                 receiver
 *     text, ECT(0)  ──── a router: CE ────▶  echoes ECE in every ACK
 *     window down, CWR on the next text ──▶  stops echoing
 *
 * Only new text is marked ECT: what is lost twice, and ACKs, would not be answered by anybody (§6.1.4, §6.1.5).
 */
import { ECN_ECHO, type EcnEcho } from '../cc/cc-view.ts';
import { CC_FLAG, type CcModule } from '../cc/congestion-control.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import type { Segment } from './segment.ts';
import type { TcpConfig } from './tcp-config.ts';

/** The field of the IP header (RFC 3168 §5). */
export const ECN = { NOT_ECT: 0, ECT1: 1, ECT0: 2, CE: 3 } as const;

/** tcp_ecn: 1 = we ask for it; 1 and 2 = we agree when asked. */
const ASKS = 1;

/** RFC 8257 §3.5: the module's SYNs, SYN-ACKs and RSTs are ECT, as routers drop all that is not before they mark. */
export function marksAll(module: CcModule): boolean {
  return (module.flags & CC_FLAG.NEEDS_ECN) !== 0;
}

/** RFC 3168 §6.1.1: whether our SYN asks for it. */
export function asksForEcn(config: TcpConfig, module: CcModule): boolean {
  return config.ecn === ASKS || marksAll(module);
}

/** Whether we agree to what a SYN asks for. One that a router has marked was not sent by the rules. */
export function agreesToEcn(config: TcpConfig, module: CcModule, syn: Segment): boolean {
  if (!syn.has(TCP_FLAG.ECE) || !syn.has(TCP_FLAG.CWR)) return false;
  if (marksAll(module)) return true;
  return config.ecn !== 0 && syn.ecn === ECN.NOT_ECT;
}

/** One connection that agreed on it. */
export class Ecn {
  /** A CE mark came, and no CWR since. */
  private isEchoing = false;
  /** Our window came down, and nobody has been told. */
  private isCwrDue = false;
  /** The peer's text comes as ECT. */
  hasSeen = false;

  /** Text came; `isOurs`: the echo is by our rules, not by a module's. True: it should be acknowledged without delay. */
  arrived(seg: Segment, isOurs: boolean): boolean {
    let isNews = false;
    if (seg.has(TCP_FLAG.CWR)) {
      this.isEchoing = false;
      isNews = true;
    }
    if (isOurs && seg.ecn === ECN.CE && !this.isEchoing) {
      this.isEchoing = true;
      isNews = true;
    }
    // Text without ECT from a peer that sends ECT was sent again: something was lost.
    if (seg.ecn === ECN.NOT_ECT) return isNews || this.hasSeen;
    this.hasSeen = true;
    return isNews;
  }

  /** §6.1.2: the sender says so once, on new text. */
  windowReduced(): void {
    this.isCwrDue = true;
  }

  /** It was taken back. */
  reductionUndone(): void {
    this.isCwrDue = false;
  }

  /** The flags for a segment; new text takes CWR with it. */
  flags(isNewText: boolean, echo: EcnEcho): number {
    let flags = 0;
    if (isNewText && this.isCwrDue) {
      this.isCwrDue = false;
      flags |= TCP_FLAG.CWR;
    }
    const isEcho = echo < ECN_ECHO.OFF ? this.isEchoing : echo === ECN_ECHO.ON;
    if (isEcho) flags |= TCP_FLAG.ECE;
    return flags;
  }
}
