import { spawn } from 'node:child_process';
import t from 'tap';
import { requires } from '../support/requires.ts';

/**
 * Each scenario runs in a network namespace that ends with its process. A scenario that dies, hangs or
 * says nothing fails; what it claims is one subtest a line.
 */
export function scenario(
  title: string,
  script: string,
  args: readonly string[],
  atLeast: number,
  more: readonly string[] = [],
): void {
  const programs = [...more, 'ip', 'ping', 'arping', 'tracepath', 'socat', 'curl', 'unshare'];
  const skip = requires({ root: true, tun: true, addon: true, programs });
  const limitMs = process.env.LONG === '1' ? 1_200_000 : 250_000;
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
