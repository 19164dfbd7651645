import type { SocketOption } from './option.ts';
import { SOCKET_OPTIONS } from './socket-options.ts';
import type { TcpEndpoint } from './tcp-endpoint.ts';
export function tcpOptions(_domain: number): readonly SocketOption<TcpEndpoint>[] {
  return [...SOCKET_OPTIONS];
}
