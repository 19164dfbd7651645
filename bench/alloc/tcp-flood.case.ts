/** Segments from spoofed addresses: what the stack says to each costs no garbage, whatever it is. */
import { plainFrom, tcpListen } from '../../src/tcp/user-calls.ts';
import { ANY6 } from '../../src/wire/address.ts';
import { seqOf } from '../../src/wire/seq.ts';
import { TCP_FLAG } from '../../src/wire/tcp.ts';
import { Spoofer } from '../tcp/spoofer.ts';
import type { AllocCase } from './measure.ts';
import { ip, StackRig } from './stack-rig.ts';

const PORT = 80;
const CLOSED_PORT = 81;
const PACKETS = 1000;
const BURST = 64;
const BACKLOG = 16;

const US = { v4: ip('10.0.0.1'), v6: ip('2001:db8::1') } as const;
/** Behind the gateway (RFC 2544, RFC 5180). */
const ANYBODY = { v4: ip('198.18.0.0'), v6: ip('2001:2::') } as const;

interface Flood {
  readonly name: string;
  readonly family: 'v4' | 'v6';
  readonly flags: number;
  readonly port: number;
  readonly hasTimestamps: boolean;
  readonly syncookies: number;
  /** What is counted once for each of them: a counter of TCP's, or a reason. */
  readonly claim: (rig: StackRig) => number;
  /** How many frames leave for each. */
  readonly answers: 0 | 1;
}

/** A listener whose SYN queue is full, of peers that never answer. */
function full(rig: StackRig, family: 'v4' | 'v6', syncookies: number): void {
  const { stack } = rig;
  stack.addDefaultRoute(ip('10.0.0.2'));
  stack.addDefaultRoute(ip('2001:db8::2'));
  const { tcp } = stack;
  tcp.config.synackRetries = 255; // they stay for as long as the case lasts
  tcpListen(tcp, plainFrom(tcp, ANY6, PORT), BACKLOG, { acceptable: () => undefined });
  const { SYN } = TCP_FLAG;
  const what = { to: US[family], from: ANYBODY[family], port: PORT, flags: SYN };
  const spoofer = new Spoofer(rig, { ...what, hasTimestamps: true }, 1);
  for (let i = 0; i <= BACKLOG; i++) spoofer.offer();
  rig.turn();
  tcp.config.syncookies = syncookies;
}

function flooded(f: Flood): () => () => void {
  return () => {
    const rig = new StackRig({ caps: { txChecksum: true, rxChecksum: true } });
    full(rig, f.family, f.syncookies);
    const { tcp } = rig.stack;
    const to = US[f.family];
    const spoofer = new Spoofer(rig, { ...f, to, from: ANYBODY[f.family] }, 2);
    return () => {
      const before = f.claim(rig);
      const left = rig.out.frames;
      // One is out: what claims to bring one back is looked at.
      tcp.cookies.make(tcp.loose, seqOf(0), 0, rig.stack.env.nowNs);
      for (let i = 0; i < PACKETS; i++) {
        spoofer.offer();
        if (i % BURST === BURST - 1) rig.turn();
      }
      rig.turn();
      rig.check('each was treated as it should be', f.claim(rig) - before === PACKETS);
      const answered = rig.out.frames - left;
      rig.check('each was answered, or none', answered >= PACKETS === (f.answers === 1));
    };
  };
}

const { SYN, ACK } = TCP_FLAG;
const both = (f: Omit<Flood, 'family'>): readonly Flood[] => [
  { ...f, family: 'v4', name: `${f.name}, v4` },
  { ...f, family: 'v6', name: `${f.name}, v6` },
];
const cookies = (rig: StackRig) => rig.stack.tcp.mib.get('SyncookiesSent');
const resets = (rig: StackRig) => rig.stack.tcp.mib.get('OutRsts');

const FLOODS: readonly Flood[] = [
  ...both({
    ...{ name: 'SYN flood answered with cookies', flags: SYN, port: PORT, syncookies: 1 },
    ...{ hasTimestamps: true, claim: cookies, answers: 1 },
  }),
  ...both({
    ...{ name: 'SYN flood without timestamps', flags: SYN, port: PORT, syncookies: 1 },
    ...{ hasTimestamps: false, claim: cookies, answers: 1 },
  }),
  ...both({
    ...{ name: 'ACKs with wrong cookies', flags: ACK, port: PORT, syncookies: 1 },
    ...{ hasTimestamps: false, answers: 1 },
    claim: (rig) => rig.stack.tcp.mib.get('SyncookiesFailed'),
  }),
  ...both({
    ...{ name: 'SYN flood, no cookies', flags: SYN, port: PORT, syncookies: 0 },
    ...{ hasTimestamps: true, answers: 0 },
    claim: (rig) => rig.dropped('TCP_BACKLOG'),
  }),
  ...both({
    ...{ name: 'SYN flood at a closed port', flags: SYN, port: CLOSED_PORT, syncookies: 1 },
    ...{ hasTimestamps: true, claim: resets, answers: 1 },
  }),
];

export const cases: readonly AllocCase[] = FLOODS.map((f) => ({
  name: `TCP: ${f.name}`,
  packetsPerCall: PACKETS,
  build: flooded(f),
}));
