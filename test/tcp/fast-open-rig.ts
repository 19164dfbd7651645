/** A listener with Fast Open, and a peer that knows its cookie: for the tests of both files. */
import type { Test } from 'tap';
import { FastOpenKeys } from '../../src/tcp/fast-open-keys.ts';
import { FAST_OPEN, FastOpenCookie } from '../../src/tcp/fast-open-option.ts';
import { connectionInfo, TcpInfo } from '../../src/tcp/tcp-info.ts';
import { ip } from '../net/rig.ts';
import { type TcpHarness, type TcpHarnessOptions, dialogue as talk } from './tcp-harness.ts';

export const SERVER = { tcp: { fastOpen: FAST_OPEN.SERVER } };
export const KEY = 'a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4';
export const OTHER_KEY = '00000001-00000002-00000003-00000004';
export const PLAIN = 'mss 1000,sackOK';
export const FULL = 'mss 1000,sackOK,TS val 1 ecr 0,wscale 7';

/** The harness's peer's cookie, by the first key of `keys`. */
export function cookie(h: TcpHarness, keys = KEY): string {
  const c = new FastOpenCookie();
  const flow = {
    local: ip(h.peer.us),
    remote: ip(h.peer.address),
    localPort: 0,
    remotePort: 0,
    boundIndex: 0,
  };
  FastOpenKeys.fromText(keys)!.bake(0, flow, c);
  return [...c.bytes.subarray(0, c.len)].map((b) => b.toString(16).padStart(2, '0')).join('');
}

/** A dialogue with a listener that lets `queue` begin by their SYN. `run` gets the cookie. */
export function dialogue(
  title: string,
  run: (t: Test, h: TcpHarness, good: string) => void,
  queue = 4,
  options: TcpHarnessOptions = SERVER,
): void {
  talk(
    title,
    (t, h) => {
      h.tcp.fastOpenServer.setKeys(FastOpenKeys.fromText(KEY)!);
      h.run(`0 set fastOpenQueue ${queue}`);
      run(t, h, cookie(h));
    },
    options,
  );
}

export const infoOf = (h: TcpHarness): TcpInfo => {
  const info = new TcpInfo();
  connectionInfo(h.flow, info);
  return info;
};

/** The child is there, accepted and read; 100 bytes came with the SYN. */
export const OPENED = (good: string, win = 10000, options = PLAIN): string => `
  0     listen
  0     < S 0:100(100) win ${win} <${options},FO ${good}>
  0     > S. 0:0(0) ack 101 <*>
  0     state SYN-RECEIVED
  0     read 100`;
