import { ZERO_NS } from '../base/time.ts';
import type { Clock } from '../link/frame-sink.ts';

/**
 * The times of one direction of a link. `nowNs` is the time of what the link is working out just now: it is
 * brought up to date after the fact, so that its parts ask this clock and not the world's, which has gone on.
 *
 * The other two are how a link and its rate model tell each other times: in fields of an object that is
 * always of this class, because a double that crosses a call that is not inlined costs 16 bytes.
 */
export class LinkClock implements Clock {
  nowNs = ZERO_NS;
  /** When the transmitter takes the next frame, if one waits. Moved by the rate model. */
  readyNs = ZERO_NS;
  /** When the last bit of the frame sent last has left. */
  endNs = ZERO_NS;

  /** Brings the clock to where another one is. */
  follow(clock: Clock): void {
    this.nowNs = clock.nowNs;
  }

  /** To when the transmitter takes its next frame. */
  toReady(): void {
    this.nowNs = this.readyNs;
  }

  /** The transmitter was idle until now, and takes a frame at once. */
  readyNow(): void {
    this.readyNs = this.nowNs;
  }

  /** The transmitter was idle until now, and takes a frame at the time that `times` begins with. */
  readyFrom(times: Float64Array): void {
    this.readyNs = times[0]!;
  }

  /** A frame has left at `endNs`, the next can be taken at `readyNs`. */
  sent(endNs: number, readyNs: number): void {
    this.endNs = endNs;
    this.readyNs = readyNs;
  }
}
