/** The same services as `our-peer.ts` on the integer API: what an application on sockets gets. */
import { EAGAIN } from '../../src/base/errno.ts';
import { SOL } from '../../src/socket/abi.ts';
import { SocketApi } from '../../src/socket/socket-api.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { EventLoop, type Handler } from '../../tools/command/event-loop.ts';
import { Discard, Echo } from '../../tools/command/small-services.ts';
import { PATTERN, PATTERN_BYTES } from './our-peer.ts';

const TCP_NODELAY = 1;

/** Writes as many bytes as it is asked for, and closes. */
class Source implements Handler {
  private readonly loop: EventLoop;
  private readonly fd: number;
  private readonly asked = new Uint8Array(8);
  private left = -1;
  private sent = 0;

  constructor(loop: EventLoop, fd: number) {
    this.loop = loop;
    this.fd = fd;
  }

  ready(): void {
    const { api } = this.loop;
    if (this.left < 0) {
      if (api.read(this.fd, this.asked) !== 8) return;
      this.left = Number(new DataView(this.asked.buffer).getBigUint64(0));
    }
    while (this.left > 0) {
      const at = this.sent % PATTERN_BYTES;
      const part = PATTERN.subarray(at, at + Math.min(this.left, PATTERN_BYTES));
      const n = api.write(this.fd, part);
      if (n === -EAGAIN) return;
      if (n < 0) throw new Error(`write: ${n}`);
      this.left -= n;
      this.sent += n;
    }
    this.loop.close(this.fd);
  }
}

/** Opens the four services from `port` on. */
export function openSocketPeer(stack: Stack, port: number): void {
  const loop = new EventLoop(new SocketApi(stack));
  const buffer = new Uint8Array(PATTERN_BYTES);
  const makers = [
    (fd: number) => new Discard(loop, fd, buffer),
    (fd: number) => new Source(loop, fd),
    (fd: number) => new Echo(loop, fd, buffer),
    (fd: number) => new Discard(loop, fd, buffer),
  ];
  for (const [i, make] of makers.entries()) {
    const fd = loop.listen(port + i, (fd) => {
      loop.api.setInt(fd, SOL.TCP, TCP_NODELAY, 1);
      return make(fd);
    });
    if (fd < 0) throw new Error(`listen: ${fd}`);
  }
}
