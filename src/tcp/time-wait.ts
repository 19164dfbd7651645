/** TIME-WAIT: what must be known of a connection that is over (RFC 9293 §3.6.1), and no more. */
import { Deadline, type Expirable } from '../base/deadline-queue.ts';
import { IpAddress } from '../wire/address.ts';
import { type Seq, seqDiff } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import type { TcpConnection } from './connection.ts';
import type { FlowId } from './endpoint.ts';
import type { Segment } from './segment.ts';
import type { Tcp } from './tcp.ts';

export class TimeWait implements FlowId, Expirable {
  readonly kind = 'time-wait';
  readonly local = new IpAddress();
  readonly remote = new IpAddress();
  readonly localPort: number;
  readonly remotePort: number;
  readonly boundIndex: number;
  readonly sndNxt: Seq;
  readonly rcvNxt: Seq;
  readonly rcvWnd: number;
  readonly tsOffset: number;
  readonly hasTimestamps: boolean;
  tsRecent = 0;
  private readonly tcp: Tcp;
  private readonly deadline: Deadline;

  constructor(tcp: Tcp, c: TcpConnection) {
    this.tcp = tcp;
    this.local.copy(c.local);
    this.remote.copy(c.remote);
    this.localPort = c.localPort;
    this.remotePort = c.remotePort;
    this.boundIndex = c.boundIndex;
    this.sndNxt = c.snd.nxt;
    this.rcvNxt = c.rcv.nxt;
    this.rcvWnd = c.rcv.window();
    this.tsOffset = c.agreed.tsOffset;
    this.hasTimestamps = c.agreed.hasTimestamps;
    this.tsRecent = c.tsRecent;
    this.deadline = new Deadline(this);
    tcp.deadlines.arm(this.deadline, tcp.env.nowNs + tcp.config.timeWaitNs);
  }

  /** RFC 9293 §3.10.7.4: only a retransmitted FIN is expected; it is acknowledged and the wait starts again. */
  segmentArrives(seg: Segment): void {
    if (seg.has(TCP_FLAG.RST)) return; // RFC 1337: no assassination
    const isOld = seg.hasTimestamps && this.hasTimestamps && ((seg.tsVal - this.tsRecent) | 0) < 0;
    if (!isOld && seg.has(TCP_FLAG.FIN) && seqDiff(seg.end(), this.rcvNxt) <= 0) {
      this.tcp.deadlines.arm(this.deadline, this.tcp.env.nowNs + this.tcp.config.timeWaitNs);
    }
    if (seg.seqLen > 0 || !seg.has(TCP_FLAG.ACK))
      this.tcp.sendBare(this, this.sndNxt, this.rcvNxt, TCP_FLAG.ACK, this.rcvWnd);
  }

  expire(): void {
    this.tcp.mib.count(this.tcp.ids.TW);
    this.tcp.forget(this);
  }

  /** When it is over. */
  get dueNs(): number {
    return this.deadline.dueNs;
  }

  cancel(): void {
    this.tcp.deadlines.remove(this.deadline);
  }
}
