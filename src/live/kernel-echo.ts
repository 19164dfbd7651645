/** A ping from the Linux side, by the kernel's own sockets: for machines without iputils. */
import { getSystemErrorName } from 'node:util';
import { isV4 } from '../wire/address.ts';
import { parseAddress } from '../wire/address-text.ts';
import { loadAddon } from './addon.ts';
import { addressBytes, getLink } from './netlink.ts';

export interface KernelEchoOptions {
  /** Payload bytes, 0 … 65507. Default 56. */
  readonly size?: number;
  /** Default 1. */
  readonly count?: number;
  /** For each echo. Default 1000. */
  readonly timeoutMs?: number;
  /** Between a reply and the next echo. Default 0: at once. */
  readonly intervalMs?: number;
}

export interface KernelEchoResult {
  readonly sent: number;
  /** Answered in time, with the payload that was sent. */
  readonly received: number;
  /** Answered with another payload. */
  readonly corrupt: number;
  /** Of the echoes received, in order. */
  readonly rttNs: Float64Array;
  /** The last error the network or the kernel reported, like EHOSTUNREACH; null when there was none. */
  readonly error: string | null;
}

interface EchoAddon {
  kernelEcho(
    address: Uint8Array,
    scope: number,
    size: number,
    count: number,
    timeoutMs: number,
    intervalMs: number,
  ): Promise<Omit<KernelEchoResult, 'error'> & { errno: number }>;
}

/**
 * Sends `count` echoes, one after the other, from this process's network namespace, on libuv's thread
 * pool. `fe80::1%veth0` names the link. Rejects when no socket can be had; lost echoes are a result.
 */
export async function kernelEcho(
  target: string,
  options: KernelEchoOptions = {},
): Promise<KernelEchoResult> {
  const [text = '', zone] = target.split('%');
  const address = parseAddress(text);
  if (address === null) throw new TypeError(`${target} is not an IP address`);
  if (zone !== undefined && isV4(address)) throw new TypeError(`${target}: IPv4 has no zones`);
  const { errno, ...result } = await loadAddon<EchoAddon>().kernelEcho(
    addressBytes(address),
    zone === undefined ? 0 : getLink(zone).index,
    options.size ?? 56,
    options.count ?? 1,
    options.timeoutMs ?? 1000,
    options.intervalMs ?? 0,
  );
  return { ...result, error: errno === 0 ? null : getSystemErrorName(-errno) };
}
