/** `ringway sysctl`: the settings of a running stack, read and set as sysctl(8) does. */
import { readFileSync } from 'node:fs';
import { controlCall } from '../../src/live/control-client.ts';
import type { Command } from './command.ts';
import { EXIT, usageError } from './failure.ts';
import type { Options } from './options.ts';
import type { SysctlAnswer, SysctlItem } from './sysctl-handler.ts';

export const sysctlCommand: Command = {
  name: 'sysctl',
  usage: '[-w] NAME[=VALUE]… | -a [-r PATTERN] | -p FILE',
  options: [
    { name: 'all', short: 'a', help: 'all of them' },
    { name: 'write', short: 'w', help: 'every NAME is to be set: one without a value is an error' },
    { name: 'load', short: 'p', value: 'FILE', help: 'set what the lines of the file say' },
    {
      name: 'pattern',
      short: 'r',
      value: 'PATTERN',
      help: 'only names that this expression is in',
    },
    { name: 'values', short: 'n', help: 'print values only' },
    { name: 'names', short: 'N', help: 'print names only' },
    { name: 'ignore', short: 'e', help: 'say nothing of names that do not exist' },
    { name: 'quiet', short: 'q', help: 'do not print what is set' },
    { name: 'name', value: 'STACK', help: 'which running stack (needed when there are several)' },
  ],
  details: `
NAME is net.ipv4.tcp_sack, net/ipv4/tcp_sack, or a branch of names as net.ipv4. Output, error texts and exit
codes are sysctl(8)'s. What is set acts at once, and ends with the stack. With -j: a list of {"name", "value"}, and
{"name", "error"} for what failed.`,
  run: sysctl,
};

async function sysctl(options: Options): Promise<number> {
  options.notTogether('values', 'names');
  const complaints: string[] = [];
  const lines = options.has('load') ? fileLines(options.text('load')!, complaints) : null;
  const items = itemsOf(options, lines, complaints);
  if (items.length === 0 && complaints.length === 0) {
    throw usageError('which name? see ringway sysctl --help');
  }
  const call = await controlCall(options.text('name'), { op: 'sysctl', items });
  const answers = chosen(options, (await call.result) as SysctlAnswer[]);
  const isPardoned = (a: SysctlAnswer): boolean =>
    (options.has('ignore') && !a.isKnown) || lines?.pardoned.has(a.name) === true;
  const failed = answers.filter((a) => a.error !== '' && !isPardoned(a));
  for (const text of complaints) console.error(text);
  if (options.has('json')) printJson(answers, failed);
  else print(options, answers, failed, items);
  return failed.length > 0 || complaints.length > 0 ? EXIT.NO : EXIT.OK;
}

/** What the command line, or the file, asks for. */
function itemsOf(options: Options, lines: FileLines | null, complaints: string[]): SysctlItem[] {
  if (options.has('all')) return [{ name: '' }];
  const items: SysctlItem[] = lines === null ? [] : [...lines.items];
  for (const word of options.words) {
    const equals = word.indexOf('=');
    const name = (equals < 0 ? word : word.slice(0, equals)).trim();
    if (name === '') complaints.push(`sysctl: "${word}" is an unknown key`);
    else if (equals >= 0) items.push({ name, value: word.slice(equals + 1).trim() });
    else if (options.has('write')) {
      complaints.push('sysctl: command line(0): invalid syntax, continuing...');
    } else items.push({ name });
  }
  return items;
}

interface FileLines {
  readonly items: readonly SysctlItem[];
  /** Names of lines that begin with "-": they may fail. */
  readonly pardoned: ReadonlySet<string>;
}

/** `NAME = VALUE` a line; # and ; begin a comment. */
function fileLines(file: string, complaints: string[]): FileLines {
  const items: SysctlItem[] = [];
  const pardoned = new Set<string>();
  for (const [i, line] of textOf(file).split('\n').entries()) {
    const text = line.trim();
    if (text === '' || text.startsWith('#') || text.startsWith(';')) continue;
    const isPardoned = text.startsWith('-');
    const equals = text.indexOf('=');
    const name = text.slice(isPardoned ? 1 : 0, Math.max(equals, 0)).trim();
    if (name === '') {
      complaints.push(`sysctl: ${file}(${i + 1}): invalid syntax, continuing...`);
      continue;
    }
    if (isPardoned) pardoned.add(name.replaceAll('/', '.'));
    items.push({ name, value: text.slice(equals + 1).trim() });
  }
  return { items, pardoned };
}

function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw usageError(`cannot open "${file}": ${TEXTS[code ?? ''] ?? code}`);
  }
}

function chosen(options: Options, answers: readonly SysctlAnswer[]): readonly SysctlAnswer[] {
  const text = options.text('pattern');
  if (text === undefined) return answers;
  try {
    const pattern = new RegExp(text);
    return answers.filter((a) => pattern.test(a.name));
  } catch {
    throw usageError(`--pattern: ${text} is no regular expression`);
  }
}

function print(
  options: Options,
  answers: readonly SysctlAnswer[],
  failed: readonly SysctlAnswer[],
  items: readonly SysctlItem[],
): void {
  const isQuiet = options.has('quiet') && items.every((item) => item.value !== undefined);
  for (const a of answers) {
    if (failed.includes(a)) console.error(errorText(a));
    else if (a.error !== '' || isQuiet) continue;
    else if (options.has('names')) console.log(a.name);
    else console.log(options.has('values') ? a.value : `${a.name} = ${a.value}`);
  }
}

const TEXTS: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  EINVAL: 'Invalid argument',
  EACCES: 'Permission denied',
  EISDIR: 'Is a directory',
};

function errorText({ name, error, isKnown }: SysctlAnswer): string {
  const text = TEXTS[error] ?? error;
  if (isKnown) return `sysctl: setting key "${name}": ${text}`;
  return `sysctl: cannot stat /proc/sys/${name.replaceAll('.', '/')}: ${text}`;
}

function printJson(answers: readonly SysctlAnswer[], failed: readonly SysctlAnswer[]): void {
  const list = answers
    .filter((a) => a.error === '' || failed.includes(a))
    .map(({ name, value, error }) => (error === '' ? { name, value } : { name, error }));
  console.log(JSON.stringify(list));
}
