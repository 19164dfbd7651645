/** What `%{ }%` blocks can ask of a socket, by the names in scripts. */
import type { SocketApi } from '../../socket/socket-api.ts';
import type { CodeVariables } from './code-evaluator.ts';

export function tcpVariables(api: SocketApi, fd: number): CodeVariables | null {
  if (typeof api.endpoint(fd) === 'number') return null;
  return {};
}
