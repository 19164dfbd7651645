/** docs/ringway.md and the help texts against the commands: each command and option is in both, and nothing else. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { COMMANDS } from '../../tools/command/commands.ts';
import { COMMON_OPTIONS, dashed, type OptionSpec } from '../../tools/command/options.ts';
import { RINGWAY } from './command-place.ts';

const MANUAL = 'docs/ringway.md';

/** A heading as GitHub makes an anchor of it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** By anchor: what stands under each heading, up to the next one of the same level or above. */
function sectionsOf(text: string): Map<string, string> {
  const sections = new Map<string, string>();
  const headings = [...text.matchAll(/^(#+) (.+)$/gm)];
  for (const [i, { 0: line, 1: marks, 2: name, index }] of headings.entries()) {
    const next = headings.slice(i + 1).find((h) => h[1]!.length <= marks!.length);
    sections.set(anchorOf(name!), text.slice(index + line!.length, next?.index));
  }
  return sections;
}

/** The table at the top of the manual: each command and the section, or the file, that it leads to. */
function tableOf(text: string): Map<string, string> {
  const table = new Map<string, string>();
  for (const [, names, target] of text.matchAll(/^\| \[((?:`[a-z]+`(?:, )?)+)\]\((\S+)\) \|/gm)) {
    for (const [, name] of names!.matchAll(/`([a-z]+)`/g)) table.set(name!, target!);
  }
  return table;
}

/** What a reader finds of the command; where it refers to the options of `up`, those too. */
function pageOf(target: string): string {
  const [file, anchor] = target.split('#');
  const text = readFileSync(file === '' ? MANUAL : `docs/${file}`, 'utf8');
  const sections = sectionsOf(text);
  const page = anchor === undefined ? text : (sections.get(anchor) ?? '');
  return page.includes("`up`'s options") ? page + sections.get('up')! : page;
}

/** `--name` or `-n`, or that letter among several behind one dash, as in `-tu`; a word of its own, as in code. */
function names(page: string, { name, short }: OptionSpec): boolean {
  if (name.length > 1 && new RegExp(`(?<![\\w-])--${name}(?![\\w-])`).test(page)) return true;
  const letter = name.length === 1 ? name : short;
  if (letter === undefined) return false;
  const words = page.matchAll(/(?<=[\s`[(|])-([A-Za-z0-9]{1,6})(?=[\s`\],.;:)|])/g);
  return [...words].some(([, letters]) => letters!.includes(letter));
}

t.test('the manual has every command, and explains every option of it', async (t) => {
  const manual = readFileSync(MANUAL, 'utf8');
  const table = tableOf(manual);
  t.same(
    COMMANDS.map((c) => c.name).filter((name) => !table.has(name)),
    [],
    'in the table at the top',
  );
  for (const entry of COMMANDS) {
    const { options } = await entry.load();
    const page = pageOf(table.get(entry.name) ?? '#nowhere');
    t.not(page, '', `${entry.name} has its section`);
    const missing = options
      .filter((o) => o.name !== 'name' && !names(page, o))
      .map((o) => dashed(o.name));
    t.same(missing, [], `${entry.name}: options that nobody explains`);
  }
  const common = sectionsOf(manual).get('common-to-all')!;
  t.same(
    COMMON_OPTIONS.filter((o) => !names(common, o)),
    [],
  );
  t.match(common, /--name/, 'which stack is meant is said once for all');
});

t.test('the manual has no command and no option that is not there', async (t) => {
  const manual = readFileSync(MANUAL, 'utf8');
  const known = new Set(COMMANDS.map((c) => c.name));
  const called = [...manual.matchAll(/^ringway ([a-z]+)/gm)].map(([, name]) => name!);
  t.same(
    called.filter((name) => !known.has(name)),
    [],
  );
  const table = tableOf(manual);
  const sections = sectionsOf(manual);
  const optionsOf = async (names: readonly string[]): Promise<string[]> => {
    const some = COMMANDS.filter((c) => names.includes(c.name));
    const options = (await Promise.all(some.map((c) => c.load()))).flatMap((c) => c.options);
    return [...options, ...COMMON_OPTIONS].map((o) => o.name);
  };
  const strange: string[] = [];
  const look = (where: string, text: string, options: readonly string[]): void => {
    for (const [, long] of text.matchAll(/(?<![\w-])--([a-z][a-z0-9-]*)/g)) {
      if (!options.includes(long!)) strange.push(`${where}: --${long}`);
    }
  };
  // Options stand in the first column of a section's tables; several commands may have one section.
  for (const target of new Set(table.values())) {
    const together = [...table].filter(([, to]) => to === target).map(([name]) => name);
    const options = await optionsOf(together);
    for (const [, cell] of (sections.get(target.slice(1)) ?? '').matchAll(/^\| (`-.*?) \|/gm)) {
      look(target, cell!, options);
    }
  }
  for (const [line, name] of manual.matchAll(/^ringway ([a-z]+) [^#\n]*$/gm)) {
    look(line!, line!, await optionsOf([name!]));
  }
  t.same(strange, []);
});

t.test('the help lists every command, and that of a command every option', async (t) => {
  const help = (...args: string[]): string => {
    const { status, stdout } = spawnSync(RINGWAY[0]!, [RINGWAY[1]!, ...args, '--help'], {
      encoding: 'utf8',
    });
    t.equal(status, 0, `${args.join(' ')} --help`);
    return stdout;
  };
  const listed = [...help().matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, name]) => name);
  t.same(
    listed,
    COMMANDS.map((c) => c.name),
  );
  const widest = COMMANDS.filter((c) => ['up', 'ss', 'route'].includes(c.name));
  for (const { name, load } of widest) {
    const text = help(name);
    const { options } = await load();
    t.same(
      [...options, ...COMMON_OPTIONS].filter((o) => !names(text, o)),
      [],
      name,
    );
  }
});
