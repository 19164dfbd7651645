import type { LiveStack } from '../command/live-stack.ts';

const PERIOD_MS = 1000;

/** One line that is rewritten each second; on anything but a terminal there is none. */
export class StatusLine {
  private readonly live: LiveStack;
  private readonly out: NodeJS.WriteStream;
  private readonly timer: NodeJS.Timeout | null;
  private packetsBefore = 0;
  private bytesBefore = 0;

  constructor(live: LiveStack, out: NodeJS.WriteStream, isWanted: boolean) {
    this.live = live;
    this.out = out;
    const isShown = isWanted && out.isTTY;
    this.timer = isShown ? setInterval(() => this.show(), PERIOD_MS) : null;
  }

  close(): void {
    if (this.timer === null) return;
    clearInterval(this.timer);
    this.out.write('\r\x1b[K');
  }

  private show(): void {
    const { device, stack } = this.live;
    device.refresh();
    const of = (name: 'rxFrames' | 'txFrames' | 'rxBytes' | 'txBytes') => device.stats.get(name);
    const packets = of('rxFrames') + of('txFrames');
    const bytes = of('rxBytes') + of('txBytes');
    const rate = packets - this.packetsBefore;
    const mbit = ((bytes - this.bytesBefore) * 8) / 1e6;
    this.packetsBefore = packets;
    this.bytesBefore = bytes;
    const lost = device.stats.get('rxDropped') + device.stats.get('txDropped');
    const text = [
      `in ${of('rxFrames')}  out ${of('txFrames')} frames`,
      `${rate}/s`,
      `${mbit.toFixed(mbit < 10 ? 2 : 0)} Mbit/s`,
      `dropped ${stack.net.drops.dropped}, by the device ${lost}`,
      device.isUp ? '' : 'link down',
    ];
    const line = text.filter((part) => part !== '').join('   ');
    this.out.write(`\r${line.slice(0, (this.out.columns ?? 80) - 1)}\x1b[K`);
  }
}
