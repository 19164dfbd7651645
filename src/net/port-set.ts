import { EINVAL } from '../base/errno.ts';

const PORTS = 65536;

/** Ports in a row of bits, read and written as Linux writes lists: `8080,9148-9150`. */
export class PortSet {
  private bits: Int32Array | null = null;

  has(port: number): boolean {
    return this.bits !== null && (this.bits[port >>> 5]! & (1 << (port & 31))) !== 0;
  }

  /** 0, or -EINVAL: then nothing has changed. Nothing at all is the empty set. */
  parse(text: string): number {
    const bits = new Int32Array(PORTS >>> 5);
    const parts = text.trim() === '' ? [] : text.trim().split(',');
    for (const part of parts) {
      const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
      if (match === null) return -EINVAL;
      const first = Number(match[1]);
      const last = match[2] === undefined ? first : Number(match[2]);
      if (first > last || last >= PORTS) return -EINVAL;
      for (let port = first; port <= last; port++) bits[port >>> 5]! |= 1 << (port & 31);
    }
    this.bits = parts.length === 0 ? null : bits;
    return 0;
  }

  toString(): string {
    const parts: string[] = [];
    for (let port = 0; port < PORTS && this.bits !== null; port++) {
      if (!this.has(port)) continue;
      const first = port;
      while (port + 1 < PORTS && this.has(port + 1)) port++;
      parts.push(first === port ? `${first}` : `${first}-${port}`);
    }
    return parts.join(',');
  }
}
