/** TCP's counters, named as in /proc/net/snmp (Tcp) and /proc/net/netstat (TcpExt). */
import { Counters } from '../base/counters.ts';

const NAMES = [
  'ActiveOpens',
  'PassiveOpens',
  'AttemptFails',
  'EstabResets',
  'CurrEstab',
  'InSegs',
  'OutSegs',
  'RetransSegs',
  'InErrs',
  'InCsumErrors',
  'OutRsts',
  'TW',
  'DelayedACKs',
  'ListenOverflows',
  'ListenDrops',
  'PAWSEstab',
  'Timeouts',
  'LossProbes',
  'SackRecovery',
  'RenoRecovery',
  'Undo',
  'WinProbe',
  'ChallengeACK',
  'RcvQDrop',
] as const;
export type TcpMib = Counters<(typeof NAMES)[number]>;

export const openTcpMib = (): TcpMib => new Counters(NAMES);
export const TCP_MIB = Object.freeze(Object.fromEntries(NAMES.map((n, i) => [n, i]))) as Readonly<
  Record<(typeof NAMES)[number], number>
>;
