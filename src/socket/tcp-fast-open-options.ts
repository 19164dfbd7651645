/** Fast Open's options of a listener (RFC 7413): TCP_FASTOPEN and TCP_FASTOPEN_KEY. */
import { EINVAL } from '../base/errno.ts';
import { FastOpenKeys } from '../tcp/fast-open-keys.ts';
import { FAST_OPEN } from '../tcp/fast-open-option.ts';
import { STATE } from '../tcp/tcp-state.ts';
import { limitBacklog } from '../tcp/user-calls.ts';
import { SOL, TCP_OPTION } from './abi.ts';
import { bytesOption, intOption, type SocketOption } from './option.ts';
import type { TcpEndpoint } from './tcp-endpoint.ts';

const NO_BYTES = new Uint8Array(0);

const mayChange = (e: TcpEndpoint): boolean => e.state === STATE.CLOSED || e.state === STATE.LISTEN;

/** `listen`, where tcp_fastopen says that every listener takes part: as many as its backlog. */
export function fastOpenByDefault(e: TcpEndpoint, backlog: number): void {
  const all = FAST_OPEN.SERVER | FAST_OPEN.ALL_LISTENERS;
  if ((e.tcp.config.fastOpen & all) !== all || e.settings.fastOpenQueue !== 0) return;
  setQueue(e, backlog);
}

function setQueue(e: TcpEndpoint, most: number): void {
  e.tcp.fastOpenServer.needKeys();
  e.change({ fastOpenQueue: limitBacklog(e.tcp, most) });
}

export function listenerFastOpenOptions(): SocketOption<TcpEndpoint>[] {
  return [
    intOption<TcpEndpoint>(
      {
        level: SOL.TCP,
        name: 'TCP_FASTOPEN',
        number: TCP_OPTION.FASTOPEN,
        note: 'at most net.core.somaxconn; with bit 2 of tcp_fastopen',
      },
      (e) => (e.connection === null ? e.settings.fastOpenQueue : 0),
      (e, value) => {
        if (value < 0 || !mayChange(e)) return -EINVAL;
        setQueue(e, value);
        return 0;
      },
    ),
    bytesOption<TcpEndpoint>(
      {
        level: SOL.TCP,
        name: 'TCP_FASTOPEN_KEY',
        number: TCP_OPTION.FASTOPEN_KEY,
        note: '16 bytes, or 32 with the backup; unset, tcp_fastopen_key',
      },
      (e, into) => {
        const own = e.connection === null ? e.settings.fastOpenKeys : null;
        const bytes = (own ?? e.tcp.fastOpenServer.keys)?.toBytes() ?? NO_BYTES;
        const n = Math.min(into.length, bytes.length);
        into.set(bytes.subarray(0, n));
        return n;
      },
      (e, value) => {
        const fastOpenKeys = FastOpenKeys.fromBytes(value);
        if (fastOpenKeys === null) return -EINVAL;
        e.change({ fastOpenKeys });
        return 0;
      },
    ),
  ];
}
