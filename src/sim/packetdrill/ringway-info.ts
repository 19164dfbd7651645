/** What `%{ }%` blocks can ask of a socket, by the names in scripts. */
import type { SocketApi } from '../../socket/socket-api.ts';
import { TcpEndpoint } from '../../socket/tcp-endpoint.ts';
import {
  bareInfo,
  connectionInfo,
  handshakeInfo,
  listenerInfo,
  TcpInfo,
} from '../../tcp/tcp-info.ts';
import type { CodeVariables } from './code-evaluator.ts';

/** TCP_INFO; null when the descriptor is no TCP socket. */
export function tcpVariables(api: SocketApi, fd: number): CodeVariables | null {
  const e = api.endpoint(fd);
  if (!(e instanceof TcpEndpoint)) return null;
  const info = new TcpInfo();
  if (e.connection !== null) connectionInfo(e.connection, info);
  else if (e.handshake !== null) handshakeInfo(e.handshake, info);
  else if (e.listener !== null) listenerInfo(e.listener, e.tcp, info);
  else bareInfo(e.state, info);
  return { ...info } as unknown as CodeVariables;
}
