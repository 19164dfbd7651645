/** What `npm start` says about itself, to people and to programs. */
import { extname } from 'node:path';
import type { ControlServer } from '../../src/live/control-server.ts';
import { enterCommand } from '../../src/live/namespace.ts';
import type { LiveStack } from '../command/live-stack.ts';
import { VERSION } from '../command/version.ts';
import type { StartOptions } from './inside.ts';
import { type Lan, lanAddresses } from './lan.ts';
import type { Family, WireEnds } from './step.ts';
import { ECHO_PORT, type OpenWorld, OURS, THEIRS, wireText } from './world.ts';

const SERVES = 'ping, UDP echo on port 7; TCP: echo 7, discard 9, chargen 19, HTTP 80';
/** Compiled code is installed somewhere; a checkout has npx. */
const COMMAND = extname(import.meta.url) === '.js' ? 'ringway' : 'npx ringway';

export function announce(
  { live, ends }: OpenWorld,
  options: StartOptions,
  control: ControlServer | null,
): void {
  const { lan } = options;
  const { world, entry, refused } = options.report;
  const enter = enterCommand(process.pid, entry);
  if (options.isJson) {
    const wire =
      lan === null ? { ours: OURS, theirs: theirsOf(ends) } : { ours: lanAddresses(lan) };
    const at = { pid: process.pid, enter, control: control?.path ?? null };
    console.log(JSON.stringify({ event: 'up', world, entry, refused, ...wire, ...at }));
    return;
  }
  const lines = [...headlines(options), ''];
  lines.push(...(lan === null ? ownWire(live, ends, options, enter) : onLan(lan)), '');
  if (control !== null) lines.push("From Ringway's side, in this folder:", ...tryHere(lan), '');
  lines.push('Ctrl-C ends it.', '');
  console.log(lines.join('\n'));
}

/** Where the stack is, and why not at a better place. */
export function headlines(options: StartOptions): string[] {
  const { refused } = options.report;
  return [headline(options), ...refused.map((r) => `  not ${r.world}: ${r.why}`)];
}

function headline({ report, lan }: StartOptions): string {
  const of = `(pid ${process.pid})`;
  const kind = report.entry === 'user' ? 'a user and network namespace' : 'a network namespace';
  const inside = report.entry === 'none' ? 'in this network namespace' : `in ${kind} of its own`;
  switch (report.world) {
    case 'tap':
      return `Ringway ${VERSION} on a TAP device, ${inside} ${of}`;
    case 'packet':
      return lan === null
        ? `Ringway ${VERSION} on AF_PACKET over a veth pair, ${inside} ${of}`
        : `Ringway ${VERSION} on AF_PACKET over ${lan.interface}, ${inside} ${of}`;
    case 'memory':
      return `Ringway ${VERSION} on a wire in memory ${of}`;
  }
}

/** Both ends, and what to type at the other one. */
function ownWire(
  live: LiveStack,
  ends: WireEnds,
  { report }: StartOptions,
  enter: string,
): string[] {
  const other = report.world === 'memory' ? 'Peer' : 'Linux';
  const { v4, v6 } = theirsOf(ends);
  const lines = [
    `  ${'Ringway'.padEnd(8)} ${OURS.v4.padEnd(10)} ${OURS.v6.padEnd(8)} ${SERVES}`,
    `  ${other.padEnd(8)} ${v4.padEnd(10)} ${v6.padEnd(8)} ${wireText(report.world, live)}`,
  ];
  if (report.world === 'memory') return lines;
  const title = 'From the Linux side, in another terminal:';
  return [...lines, '', title, ...tryFrom(enter === '' ? '' : `${enter} `, OURS.v4, v6 && OURS.v6)];
}

/** '' of a family that the other end has nothing of. */
function theirsOf({ v4, v6 }: WireEnds): Record<Family, string> {
  return { v4: v4?.theirs ?? '', v6: v6?.theirs ?? '' };
}

function onLan(lan: Lan): string[] {
  const { v4, v6 } = lanAddresses(lan);
  const title = 'From another machine of that network (the kernel of this one cannot reach it):';
  return [`  Ringway  ${[v4, v6].join(' ').trim()}  ${SERVES}`, '', title, ...tryFrom('', v4, v6)];
}

/** bash has UDP built in: the last line needs nothing that a minimal system lacks. */
function tryFrom(enter: string, v4: string, v6: string): string[] {
  const first = v4 === '' ? v6 : v4;
  const host = first.includes(':') ? `[${first}]` : first;
  return [
    ...[v4, v6].filter((address) => address !== '').map((address) => `  ${enter}ping ${address}`),
    `  ${enter}curl http://${host}/`,
    `  ${enter}ping -s 65507 -c 3 ${first}`,
    `  ${enter}bash -c 'exec 3<>/dev/udp/${first}/${ECHO_PORT}; echo hello >&3; head -n 1 <&3'`,
  ];
}

function tryHere(lan: Lan | null): string[] {
  return [
    lan === null ? `  ${COMMAND} ping ${THEIRS.v4}` : `  ${COMMAND} addr`,
    `  ${COMMAND} nstat -a`,
    `  ${COMMAND} neigh`,
    `  ${COMMAND} capture | tcpdump -n -r -`,
  ];
}
