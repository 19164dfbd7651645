import { readFileSync, writeFileSync } from 'node:fs';
import { controlCall } from '../../src/live/control-client.ts';
import { CONTROL_DIR, ControlError, isControlName } from '../../src/live/control-protocol.ts';
import type { Command } from './command.ts';
import { EXIT } from './failure.ts';
import type { Options } from './options.ts';

/** What `nstat` remembers from its last run, beside the socket. */
interface History {
  /** A stack that was started anew counts from zero. */
  readonly run: string;
  readonly counters: Readonly<Record<string, number>>;
}

interface Answer {
  readonly run: string;
  readonly counters: readonly (readonly [string, number])[];
}

export const nstatCommand: Command = {
  name: 'nstat',
  usage: '[-a] [-z] [-s] [PATTERN]…',
  options: [
    { name: 'absolute', short: 'a', help: 'since the start, not since the last nstat' },
    { name: 'zeros', short: 'z', help: 'those that are zero too' },
    { name: 'noupdate', short: 's', help: 'do not remember this run' },
    { name: 'name', value: 'NAME', help: 'which running stack (needed when there are several)' },
  ],
  details: `
PATTERN is a name with * and ?, as IpIn* or *Drop*. Like iproute2's nstat it shows what was added since
it was last run, kept in ./.ringway/NAME.nstat. With -j: {"kernel": {…}}, as nstat has it.`,
  run: nstat,
};

async function nstat(options: Options): Promise<number> {
  const info = (await (
    await controlCall(options.text('name'), { op: 'info' })
  ).result) as {
    name: string;
  };
  if (!isControlName(info.name)) throw new ControlError('EPROTO', 'the stack gives no name');
  const call = await controlCall(info.name, { op: 'nstat' });
  const answer = (await call.result) as Answer;
  const file = historyFile(info.name);
  const before = options.has('absolute') ? {} : remembered(file, answer.run);
  const patterns = options.words.map(patternOf);
  const shown = answer.counters
    .map(([name, value]) => [name, value - (before[name] ?? 0)] as const)
    .filter(([name]) => patterns.length === 0 || patterns.some((p) => p.test(name)))
    .filter(([, value]) => value !== 0 || options.has('zeros'));
  if (!options.has('noupdate')) remember(file, answer);
  if (options.has('json')) console.log(JSON.stringify({ kernel: Object.fromEntries(shown) }));
  else {
    console.log(`#${info.name}`);
    for (const [name, value] of shown) console.log(`${name.padEnd(31)} ${value}`);
  }
  return EXIT.OK;
}

export function historyFile(name: string): string {
  return `${CONTROL_DIR}/${name}.nstat`;
}

function remembered(file: string, run: string): Readonly<Record<string, number>> {
  try {
    const history = JSON.parse(readFileSync(file, 'utf8')) as History;
    return history.run === run ? history.counters : {};
  } catch {
    return {}; // never run, or not readable: then everything is new
  }
}

function remember(file: string, answer: Answer): void {
  const history: History = { run: answer.run, counters: Object.fromEntries(answer.counters) };
  writeFileSync(file, JSON.stringify(history), { mode: 0o600 });
}

/** Shell wildcards, the whole name, upper and lower case alike. */
function patternOf(text: string): RegExp {
  const escaped = text.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'i');
}
