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
  'TCPTimeouts',
  'TCPLossProbes',
  'TCPSackRecovery',
  'TCPRenoRecovery',
  'TCPFullUndo',
  'TCPWinProbe',
  'TCPChallengeACK',
  'TCPRcvQDrop',
  'EmbryonicRsts',
  'TCPPureAcks',
  'TCPSynRetrans',
  'TCPOrigDataSent',
  'TCPDelivered',
  'TCPRcvCoalesce',
  'TCPOFOQueue',
  'TCPOFOMerge',
  'TCPDSACKOldSent',
  'TCPDSACKOfoSent',
  'TCPAbortOnData',
  'TCPAbortOnClose',
  'TCPAbortOnTimeout',
  'TCPKeepAlive',
  'TCPFromZeroWindowAdv',
  'TCPToZeroWindowAdv',
  'TCPWantZeroWindowAdv',
  'TCPLossProbeRecovery',
  'TCPSackRecoveryFail',
  'TCPRenoRecoveryFail',
  'TCPSackFailures',
  'TCPRenoFailures',
  'TCPLossFailures',
  'TCPSACKReneging',
  'TCPSACKReorder',
  'TCPRenoReorder',
  'TCPTSReorder',
  'TCPPartialUndo',
  'TCPDSACKUndo',
  'TCPLossUndo',
  'TCPSpuriousRTOs',
  'TCPLostRetransmit',
  'TCPFastRetrans',
  'TCPSlowStartRetrans',
  'TCPRetransFail',
  'TCPDSACKRecv',
  'TCPDSACKOfoRecv',
  'TCPDSACKRecvSegs',
  'TCPDSACKIgnoredDubious',
  'TCPDSACKIgnoredOld',
  'TCPDSACKIgnoredNoUndo',
  'TCPSACKDiscard',
  'TCPSackMerged',
  'TCPMTUPFail',
  'TCPMTUPSuccess',
  'OutOfWindowIcmps',
] as const;

/** Those of /proc/net/snmp; all the others are netstat's, in its group TcpExt. */
const IN_SNMP: ReadonlySet<string> = new Set([
  'ActiveOpens',
  'PassiveOpens',
  'AttemptFails',
  'EstabResets',
  'CurrEstab',
  'InSegs',
  'OutSegs',
  'RetransSegs',
  'InErrs',
  'OutRsts',
  'InCsumErrors',
]);

/** As nstat calls it: group and name. */
export const nstatName = (name: string): string =>
  IN_SNMP.has(name) ? `Tcp${name}` : `TcpExt${name}`;

export type TcpMib = Counters<(typeof NAMES)[number]>;

export const openTcpMib = (): TcpMib => new Counters(NAMES);
export const TCP_MIB = Object.freeze(Object.fromEntries(NAMES.map((n, i) => [n, i]))) as Readonly<
  Record<(typeof NAMES)[number], number>
>;
