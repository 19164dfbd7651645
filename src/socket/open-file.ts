/** What a descriptor stands for: a socket or an epoll instance. Several descriptors may share one (`dup`). */
import { EINVAL, ENOTTY } from '../base/errno.ts';
import { WaitList } from './wait-list.ts';

export abstract class OpenFile {
  /** O_NONBLOCK: the file's, not the descriptor's. */
  isNonBlocking: boolean;
  isClosed = false;
  /** How many descriptors stand for it; written by the table alone. */
  descriptors = 0;
  readonly waiters = new WaitList();

  constructor(isNonBlocking: boolean) {
    this.isNonBlocking = isNonBlocking;
  }

  setNonBlocking(isOn: boolean): void {
    this.isNonBlocking = isOn;
  }

  /** POLL bits that hold now. */
  abstract ready(): number;

  /** Gives everything back; called once, when the last descriptor is closed. Returns 0 or -errno. */
  protected abstract destroy(): number;

  /** Bytes, or -errno; -EAGAIN when it would block. */
  read(_into: Uint8Array): number {
    return -EINVAL;
  }

  write(_from: Uint8Array): number {
    return -EINVAL;
  }

  /** FIONREAD, SIOCOUTQ: the value, or -errno. */
  ioctl(_request: number): number {
    return -ENOTTY;
  }

  /** The last descriptor is gone: those who wait are woken, and find the file closed. */
  close(): number {
    this.isClosed = true;
    const result = this.destroy();
    this.waiters.close();
    return result;
  }
}
