/** The subcommands of `ringway`, in the order in which the help lists them. */
import type { Command } from './command.ts';

export interface Entry {
  readonly name: string;
  readonly summary: string;
  /** Only the command that runs is loaded: most need no stack of their own. */
  load(): Promise<Command>;
}

export const COMMANDS: readonly Entry[] = [
  {
    name: 'up',
    summary: 'run a stack on a TAP device, on AF_PACKET, or in memory',
    load: async () => (await import('./up.ts')).upCommand,
  },
  {
    name: 'ping',
    summary: 'send ICMP echo requests, from a running stack or from one of its own',
    load: async () => (await import('./ping.ts')).pingCommand,
  },
  {
    name: 'traceroute',
    summary: 'the routers on the way to an address, as a running stack sees them',
    load: async () => (await import('./traceroute.ts')).tracerouteCommand,
  },
  {
    name: 'capture',
    summary: 'frames of a running stack as pcapng, to a file or to stdout',
    load: async () => (await import('./capture.ts')).captureCommand,
  },
  {
    name: 'nstat',
    summary: "a running stack's counters under Linux's names",
    load: async () => (await import('./nstat.ts')).nstatCommand,
  },
  {
    name: 'ss',
    summary: 'the sockets of a running stack: states, queues, timers, TCP_INFO',
    load: async () => (await import('./ss.ts')).ssCommand,
  },
  {
    name: 'sysctl',
    summary: "a running stack's settings under Linux's names: reads and sets them",
    load: async () => (await import('./sysctl.ts')).sysctlCommand,
  },
  {
    name: 'cc',
    summary: "a running stack's congestion control; modules from files: load, reload",
    load: async () => (await import('./cc.ts')).ccCommand,
  },
  {
    name: 'addr',
    summary: 'the addresses of a running stack: show, add, change, replace, del, flush',
    load: async () => (await import('./ip-commands.ts')).addrCommand,
  },
  {
    name: 'link',
    summary: 'the interfaces of a running stack, with -s their counters; VLANs: add, set, del',
    load: async () => (await import('./ip-commands.ts')).linkCommand,
  },
  {
    name: 'route',
    summary: 'the routes of a running stack: show, get, add, change, replace, del, flush',
    load: async () => (await import('./ip-commands.ts')).routeCommand,
  },
  {
    name: 'neigh',
    summary: 'the neighbours of a running stack: show, get, add, change, replace, del, flush',
    load: async () => (await import('./ip-commands.ts')).neighCommand,
  },
  {
    name: 'maddr',
    summary:
      'the multicast groups of a running stack, who listens, what routers are told; add, del',
    load: async () => (await import('./ip-commands.ts')).maddrCommand,
  },
  {
    name: 'addrlabel',
    summary: 'the policy table of a running stack (RFC 6724): list, add, del, flush',
    load: async () => (await import('./ip-commands.ts')).addrlabelCommand,
  },
  {
    name: 'dhcp',
    summary: 'the DHCP lease of a running stack; dhcp renew, dhcp release',
    load: async () => (await import('./show.ts')).dhcpCommand,
  },
  {
    name: 'ra',
    summary: 'what routers have advertised to a running stack: routers, DNS servers',
    load: async () => (await import('./show.ts')).raCommand,
  },
  {
    name: 'sim',
    summary: 'an experiment in virtual time: hosts, links and flows from a scenario file',
    load: async () => (await import('./sim.ts')).simCommand,
  },
  {
    name: 'sweep',
    summary: 'many runs of one scenario, with other values and seeds, on all cores',
    load: async () => (await import('./sweep.ts')).sweepCommand,
  },
  {
    name: 'report',
    summary: 'runs of experiments as one HTML file with charts and tables',
    load: async () => (await import('./report.ts')).reportCommand,
  },
  {
    name: 'packetdrill',
    summary: 'run packetdrill scripts against the stack, in virtual time',
    load: async () => (await import('./packetdrill.ts')).packetdrillCommand,
  },
  {
    name: 'doctor',
    summary: 'what this machine allows this user: permissions, limits, what would work',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
];
