/** Options of every socket, whatever its protocol: SOL_SOCKET. */
import { SO, SOL } from './abi.ts';
import type { Endpoint } from './endpoint.ts';
import {
  bytesOption,
  intOption,
  type OptionHead,
  refusedOption,
  type SocketOption,
} from './option.ts';

export const atSocket = (name: string, number: number, note: string): OptionHead => ({
  level: SOL.SOCKET,
  name,
  number,
  note,
});

const REFUSED: readonly (readonly [string, number, string])[] = [
  ['SO_DEBUG', SO.DEBUG, 'nothing would be recorded'],
  ['SO_DONTROUTE', SO.DONTROUTE, 'gateways are always used'],
  ['SO_PASSCRED', SO.PASSCRED, 'peers are not processes'],
  ['SO_ATTACH_FILTER', SO.ATTACH_FILTER, 'no packet filters'],
  ['SO_ATTACH_REUSEPORT_CBPF', SO.ATTACH_REUSEPORT_CBPF, 'a keyed hash decides'],
  ['SO_ATTACH_REUSEPORT_EBPF', SO.ATTACH_REUSEPORT_EBPF, 'a keyed hash decides'],
  ['SO_BUSY_POLL', SO.BUSY_POLL, 'the driver polls, not the socket'],
  ['SO_TXTIME', SO.TXTIME, 'no departure times'],
];

export const SOCKET_OPTIONS: readonly SocketOption<Endpoint>[] = [
  intOption(atSocket('SO_TYPE', SO.TYPE, ''), (e) => e.type, null),
  intOption(atSocket('SO_DOMAIN', SO.DOMAIN, ''), (e) => e.domain, null),
  intOption(atSocket('SO_PROTOCOL', SO.PROTOCOL, ''), (e) => e.protocol, null),
  intOption(atSocket('SO_ACCEPTCONN', SO.ACCEPTCONN, ''), (e) => (e.isListening ? 1 : 0), null),
  intOption(atSocket('SO_ERROR', SO.ERROR, 'forgotten by asking'), (e) => e.takeError(), null),
  bytesOption(
    atSocket('SO_RCVTIMEO', SO.RCVTIMEO, 'struct timeval; for calls that block'),
    (e, into) => e.getTimeout(true, into),
    (e, value) => e.setWaitLimit(true, value),
  ),
  bytesOption(
    atSocket('SO_SNDTIMEO', SO.SNDTIMEO, 'struct timeval; for calls that block'),
    (e, into) => e.getTimeout(false, into),
    (e, value) => e.setWaitLimit(false, value),
  ),
  intOption(
    atSocket('SO_PRIORITY', SO.PRIORITY, 'what a VLAN maps to its tag; IP_TOS sets it'),
    (e) => e.priority,
    (e, value) => {
      e.setPriority(value);
      return 0;
    },
  ),
  intOption(
    atSocket('SO_MARK', SO.MARK, 'there are no rules to match it'),
    (e) => e.mark,
    (e, value) => {
      e.setMark(value);
      return 0;
    },
    'advisory',
  ),
  ...REFUSED.map(([name, number, note]) => refusedOption<Endpoint>(atSocket(name, number, note))),
];
