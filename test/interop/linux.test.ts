import { spawn } from 'node:child_process';
import t from 'tap';
import { requires } from '../support/requires.ts';

/**
 * Each scenario runs in a network namespace that ends with its process. A scenario that dies, hangs or
 * says nothing fails; what it claims is one subtest a line.
 */
function scenario(
  title: string,
  script: string,
  args: readonly string[],
  atLeast: number,
  more: readonly string[] = [],
): void {
  const programs = [...more, 'ip', 'ping', 'arping', 'tracepath', 'socat', 'curl', 'unshare'];
  const skip = requires({ root: true, tun: true, addon: true, programs });
  const limitMs = process.env.LONG === '1' ? 1_200_000 : 150_000;
  t.test(title, { skip, timeout: limitMs + 20_000 }, async (t) => {
    const path = new URL(`./${script}`, import.meta.url).pathname;
    const node = [process.execPath, '--expose-gc', '--import=tsx', path, ...args];
    const child = spawn('unshare', ['--net', '--', ...node], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: limitMs,
      killSignal: 'SIGKILL',
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (d) => {
      out += d;
    });
    child.stderr.on('data', (d) => {
      err += d;
    });
    const status = await new Promise((resolve) => {
      child.on('exit', (code, signal) => resolve(code ?? signal));
    });
    const checks = out.split('\n').filter((line) => line.startsWith('{'));
    for (const line of checks) {
      const { name, ok, detail } = JSON.parse(line) as {
        name: string;
        ok: boolean;
        detail: string;
      };
      t.ok(ok, name, ok ? {} : { detail });
    }
    t.equal(status, 0, 'the scenario ended by itself', { stderr: err.slice(-4000) });
    t.ok(checks.length >= atLeast, `it made its claims (${checks.length} of ${atLeast})`);
  });
}

scenario('TAP with vnet header', 'wire-child.ts', ['tap'], 47);
scenario('TAP without vnet header', 'wire-child.ts', ['tap-plain'], 47);
scenario('AF_PACKET with vnet header', 'wire-child.ts', ['packet'], 47);
scenario('AF_PACKET without vnet header', 'wire-child.ts', ['packet-plain'], 47);
scenario('TCP over TAP with vnet header', 'tcp-child.ts', ['tap'], 60);
scenario('TCP over TAP without vnet header', 'tcp-child.ts', ['tap-plain'], 60);
scenario('TCP over AF_PACKET with vnet header', 'tcp-child.ts', ['packet'], 60);
scenario('TCP over AF_PACKET without vnet header', 'tcp-child.ts', ['packet-plain'], 60);
scenario('a flood of SYNs over TAP', 'flood-child.ts', ['tap'], 5);
if (process.env.LONG === '1') {
  scenario('a flood of SYNs over AF_PACKET', 'flood-child.ts', ['packet'], 5);
}
scenario('a Linux router between two stacks', 'router-child.ts', [], 28);
scenario('Debian’s radvd, the kernel and we on one link', 'slaac-child.ts', [], 9, [
  'radvd',
  'nsenter',
  'sysctl',
]);
scenario('a lease from Debian’s dnsmasq over TAP', 'dhcp-child.ts', ['tap'], 7, ['dnsmasq']);
scenario('a lease from Debian’s dnsmasq over AF_PACKET', 'dhcp-child.ts', ['packet'], 7, [
  'dnsmasq',
]);
scenario('VLANs through the kernel, with vnet headers', 'vlan-child.ts', ['vnet'], 18);
scenario('VLANs through the kernel, without vnet headers', 'vlan-child.ts', ['plain'], 18);
scenario(
  'a stack of ours as the router between Linux hosts, vnet headers',
  'forward-child.ts',
  ['vnet'],
  21,
);
scenario(
  'a stack of ours as the router between Linux hosts, none',
  'forward-child.ts',
  ['plain'],
  21,
);
