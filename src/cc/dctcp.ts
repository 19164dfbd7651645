/**
 * DCTCP (RFC 8257) as Linux 6.x has it: the window comes down in proportion to the share of bytes that were marked, so that
 * switches which mark at a short queue keep it short. For networks under one administration (RFC 8257 §5): it is restricted.
 *
 * The receiver's half is here as well: each ACK says whether what it acknowledges was marked (§3.2). Where the peers did
 * not agree on ECN it is Reno.
 */
import { CA_EVENT, CA_STATE, type CaEvent, type CaState } from './ca-state.ts';
import { type CcView, ECN_ECHO } from './cc-view.ts';
import {
  CC_FLAG,
  type CcInfo,
  type CcModule,
  type CcParameters,
  CongestionControl,
  checkParameter,
} from './congestion-control.ts';
import { renoGrowth } from './window-growth.ts';

/** alpha is in 1/1024. */
const ONE = 1024;

/** The module parameters of tcp_dctcp. */
export interface DctcpParams {
  /** g is 2 to the power of -shiftG: the weight of a round trip in alpha. RFC 8257 §3.3: 1/16. */
  readonly shiftG: number;
  /** In 1/1024. RFC 8257 §3.3: 1, so that the first mark halves the window. */
  readonly alphaOnInit: number;
}

export const LINUX_DCTCP: DctcpParams = { shiftG: 4, alphaOnInit: ONE };

export class Dctcp extends CongestionControl {
  private readonly p: DctcpParams;
  /** The peers agreed on ECN. */
  private isOn = false;
  private alpha: number;
  /** The round trip ends when more than this is acknowledged; delivered, and marked, before it. */
  private roundEnd = 0;
  private delivered = 0;
  private deliveredCe = 0;
  /** The window before the last reduction. */
  private lossCwnd = 0;

  constructor(p: DctcpParams) {
    super();
    this.p = p;
    this.alpha = p.alphaOnInit;
  }

  override init(v: CcView): void {
    this.isOn = v.hasEcn;
    v.setEcnEcho(ECN_ECHO.OFF);
    this.beginRound(v);
  }

  override release(v: CcView): void {
    v.setEcnEcho(ECN_ECHO.RFC3168);
  }

  /** RFC 8257 §3.3 step 5 and what follows: once a round trip, and then cwnd × (1 - alpha / 2). */
  override inAckEvent(v: CcView): void {
    if (!this.isOn || v.sndUna < this.roundEnd) return;
    // Nothing was delivered, so no share of it: on Linux each ACK of an idle connection takes a sixteenth away.
    if (v.delivered === this.delivered) return;
    const { shiftG } = this.p;
    const marked = v.deliveredCe - this.deliveredCe;
    // Integers, as in Linux: the last sixteenth of the scale goes at once.
    const decay = this.alpha >> shiftG || this.alpha;
    let alpha = this.alpha - decay;
    if (marked > 0) {
      const share = (marked * (ONE >> shiftG)) / Math.max(1, v.delivered - this.delivered);
      alpha = Math.min(alpha + Math.floor(share), ONE);
    }
    this.alpha = alpha;
    this.beginRound(v);
  }

  override ssthresh(v: CcView): number {
    this.lossCwnd = v.cwnd;
    if (!this.isOn) return half(v);
    return Math.max(v.cwnd - Math.floor((v.cwnd * this.alpha) / (2 * ONE)), 2);
  }

  /** RFC 8257 §3.4: a loss is a loss. */
  override setState(v: CcView, state: CaState): void {
    if (state === CA_STATE.RECOVERY && v.caState !== state) this.lose(v);
  }

  override cwndEvent(v: CcView, event: CaEvent): void {
    if (event === CA_EVENT.LOSS) this.lose(v);
    else if (event === CA_EVENT.ECN_IS_CE) v.setEcnEcho(ECN_ECHO.ON);
    else if (event === CA_EVENT.ECN_NO_CE) v.setEcnEcho(ECN_ECHO.OFF);
  }

  override congAvoid(v: CcView, acked: number): void {
    renoGrowth(v, acked);
  }

  override undoCwnd(v: CcView): number {
    return Math.max(v.cwnd, this.lossCwnd);
  }

  override getInfo(v: CcView): CcInfo {
    if (!this.isOn) return { kind: 'dctcp', enabled: 0, ceState: 0, alpha: 0, abEcn: 0, abTot: 0 };
    return {
      kind: 'dctcp',
      enabled: 1,
      ceState: v.ecnEcho === ECN_ECHO.ON ? 1 : 0,
      alpha: this.alpha,
      abEcn: v.mss * (v.deliveredCe - this.deliveredCe),
      abTot: v.mss * (v.delivered - this.delivered),
    };
  }

  private lose(v: CcView): void {
    if (!this.isOn) return;
    this.lossCwnd = v.cwnd;
    v.setSsthresh(half(v));
  }

  private beginRound(v: CcView): void {
    this.roundEnd = v.sndNxt;
    this.delivered = v.delivered;
    this.deliveredCe = v.deliveredCe;
  }
}

const half = (v: CcView): number => Math.max(v.cwnd >> 1, 2);

/** The files of /sys/module/tcp_dctcp/parameters, and what they take: more than 1024 is 1024. */
const PARAMETERS: CcParameters = {
  dctcp_shift_g: [0, 10],
  dctcp_alpha_on_init: [0, 0xffffffff],
};

function withParameter(params: DctcpParams, name: string, value: number): CcModule | number {
  const errno = checkParameter(PARAMETERS, name, value);
  if (errno < 0) return errno;
  return dctcpWith(
    name === 'dctcp_shift_g'
      ? { ...params, shiftG: value }
      : { ...params, alphaOnInit: Math.min(value, ONE) },
  );
}

function dctcpWith(params: DctcpParams): CcModule {
  return {
    name: 'dctcp',
    flags: CC_FLAG.NEEDS_ECN,
    create: () => new Dctcp(params),
    parameters: PARAMETERS,
    withParameter: (name, value) => withParameter(params, name, value),
  };
}

export const dctcp: CcModule = dctcpWith(LINUX_DCTCP);
