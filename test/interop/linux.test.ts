/** Stacks of ours and the kernel at the two ends of one wire; TCP has `tcp.test.ts`. */
import { scenario } from './scenario.ts';

scenario('TAP with vnet header', 'wire-child.ts', ['tap'], 47);
scenario('TAP without vnet header', 'wire-child.ts', ['tap-plain'], 47);
scenario('AF_PACKET with vnet header', 'wire-child.ts', ['packet'], 47);
scenario('AF_PACKET without vnet header', 'wire-child.ts', ['packet-plain'], 47);
scenario('a flood of SYNs over TAP', 'flood-child.ts', ['tap'], 5);
if (process.env.LONG === '1') {
  scenario('a flood of SYNs over AF_PACKET', 'flood-child.ts', ['packet'], 5);
}
scenario('a Linux router between two stacks', 'router-child.ts', [], 28);
scenario('Debian’s radvd, the kernel and we on one link', 'slaac-child.ts', [], 12, [
  'radvd',
  'nsenter',
  'sysctl',
]);
scenario('a lease from Debian’s dnsmasq over TAP', 'dhcp-child.ts', ['tap'], 7, ['dnsmasq']);
scenario('a lease from Debian’s dnsmasq over AF_PACKET', 'dhcp-child.ts', ['packet'], 7, [
  'dnsmasq',
]);
scenario('addresses that the kernel has, or that arping claims', 'conflict-child.ts', [], 5, [
  'sysctl',
]);
if (process.env.LONG === '1') {
  const title = 'two dnsmasq, of which the first dies, and an address that somebody has';
  scenario(title, 'dhcp-servers-child.ts', ['tap'], 6, ['dnsmasq', 'sysctl']);
}
scenario('redirects of a Linux router, and a link that comes back', 'redirect-child.ts', [], 10, [
  'nsenter',
  'sysctl',
]);
scenario('a Linux bridge that queries and snoops', 'group-child.ts', [], 12, ['bridge']);
scenario('VLANs through the kernel, with vnet headers', 'vlan-child.ts', ['vnet'], 18);
scenario('VLANs through the kernel, without vnet headers', 'vlan-child.ts', ['plain'], 18);
scenario(
  'a stack of ours as the router between Linux hosts, vnet headers',
  'forward-child.ts',
  ['vnet'],
  26,
);
scenario(
  'a stack of ours as the router between Linux hosts, none',
  'forward-child.ts',
  ['plain'],
  26,
);
