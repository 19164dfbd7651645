/** Traffic that whoever opens the connection sends by the clock, until it is told to stop; the other end reads. */
import type { Flow, Traffic } from '../flow.ts';
import type { StreamEnd } from '../stream-end.ts';

export abstract class OneWay implements Traffic {
  protected readonly flow: Flow;
  /** Null before there is a connection, and when there is no more to offer. */
  protected sender: StreamEnd | null = null;
  private isStopped = false;

  constructor(flow: Flow) {
    this.flow = flow;
  }

  start(): void {
    this.flow.connect();
  }

  begun(end: StreamEnd): void {
    if (!end.isOpener) return; // it only reads
    if (this.isStopped) {
      end.finish();
      return;
    }
    this.sender = end;
    this.timer();
  }

  /** First of all when there is a connection; and after the end, too. */
  abstract timer(): void;

  got(_end: StreamEnd, bytes: number): void {
    this.flow.count(bytes);
  }

  finished(end: StreamEnd): void {
    end.close();
  }

  closed(_end: StreamEnd, errno: number): void {
    this.isStopped = true;
    this.sender = null;
    this.flow.fail(errno);
  }

  stop(): void {
    this.isStopped = true;
    if (this.sender !== null) this.leave(this.sender);
    this.sender = null;
  }

  /** It was told to stop: what the network has not taken is not sent. */
  protected leave(sender: StreamEnd): void {
    sender.hold();
    sender.finish();
  }
}
