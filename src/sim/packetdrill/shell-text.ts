/** Text that commands print or read: tables of sockets, and grep over it. */
import type { TcpSocketLine } from './system-under-test.ts';

const hex = (value: number, digits: number): string =>
  value.toString(16).toUpperCase().padStart(digits, '0');

/** Linux's /proc/net/tcp as far as it is looked for: the line, both ports, the state. */
export function procNetTcp(sockets: readonly TcpSocketLine[], isV4: boolean): string {
  const address = '0'.repeat(isV4 ? 8 : 32);
  const lines = sockets
    .filter((socket) => socket.isV4 === isV4)
    .map(({ localPort, remotePort, state }, i) => {
      const ends = `${address}:${hex(localPort, 4)} ${address}:${hex(remotePort, 4)}`;
      return `${String(i).padStart(4)}: ${ends} ${hex(state, 2)} 00000000:00000000\n`;
    });
  return lines.join('');
}

/** FreeBSD's names of the states, by Linux's numbers. */
const STATES = [
  ...['?', 'ESTABLISHED', 'SYN_SENT', 'SYN_RCVD', 'FIN_WAIT_1', 'FIN_WAIT_2', 'TIME_WAIT'],
  ...['CLOSED', 'CLOSE_WAIT', 'LAST_ACK', 'LISTEN', 'CLOSING'],
];

export function sockstat(sockets: readonly TcpSocketLine[]): string {
  const lines = sockets.map(({ isV4, localPort, remotePort, state }) => {
    const name = STATES[state] ?? STATES[0];
    return `ringway stack 1 3 tcp${isV4 ? 4 : 6} *:${localPort} *:${remotePort} ${name}\n`;
  });
  return `USER COMMAND PID FD PROTO LOCAL FOREIGN STATE\n${lines.join('')}`;
}

/** The lines with (v: without) the pattern. c counts them, q says only whether there are any. */
export function grep(
  expression: RegExp,
  flags: string,
  input: string,
): { readonly output: string; readonly found: boolean } {
  const isInverted = flags.includes('v');
  const lines = input.split('\n').slice(0, -1);
  const hits = lines.filter((line) => expression.test(line) !== isInverted);
  const found = hits.length > 0;
  if (flags.includes('q')) return { output: '', found };
  if (flags.includes('c')) return { output: `${hits.length}\n`, found };
  return { output: hits.map((line) => `${line}\n`).join(''), found };
}

/** E: extended, F: fixed, i: whatever the case. Null when it is no expression. */
export function grepExpression(pattern: string, flags: string): RegExp | null {
  try {
    return new RegExp(sourceOf(pattern, flags), flags.includes('i') ? 'i' : '');
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** In a basic expression + ? ( ) { } | are letters, and operators behind a backslash. */
function sourceOf(pattern: string, flags: string): string {
  if (flags.includes('F')) return pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  if (flags.includes('E')) return pattern;
  return pattern.replace(/\\?[+?(){}|]/g, (sign) => (sign.length === 2 ? sign[1]! : `\\${sign}`));
}
