/** docs/architecture.md, docs/tcp.md and docs/decisions/ speak of what is there. */
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { TCP_SYSCTLS } from '../src/stack/tcp-sysctl.ts';
import { TcpConfig } from '../src/tcp/tcp-config.ts';

const ROOT = new URL('../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

const sources = (readdirSync(new URL('src/', ROOT), { recursive: true }) as string[])
  .filter((path) => path.endsWith('.ts'))
  .map((path) => read(`src/${path}`));

/** Whether a class or interface of this name has the member, or what it extends has. */
function hasMember(owner: string, member: string): boolean {
  const declared = new RegExp(`\\b(?:class|interface) ${owner}\\b(?:<[^>]*>)?(?: extends (\\w+))?`);
  const isThere = new RegExp(`^  (?:[a-z ]+ )?${member}\\b`, 'm');
  return sources.some((text) => {
    const found = declared.exec(text);
    if (found === null) return false;
    return isThere.test(text) || (found[1] !== undefined && hasMember(found[1], member));
  });
}

/** Whether the word stands in the code, as a function, class, field or constant. */
function isKnown(word: string): boolean {
  const whole = new RegExp(`\\b${word}\\b`);
  return sources.some((text) => whole.test(text));
}

const quotedIn = (path: string): string[] =>
  [...read(path).matchAll(/`([^`\n]+)`/g)].map((m) => m[1]!);

for (const [path, least] of [
  ['docs/architecture.md', 50],
  ['docs/tcp.md', 50],
] as const) {
  t.test(`${path} names functions, classes and files that exist`, async (t) => {
    let checked = 0;
    for (const name of quotedIn(path)) {
      const member = /^([A-Z]\w+)\.(\w+)$/.exec(name);
      const word = /^\.?([A-Za-z]\w+)$/.exec(name);
      if (member !== null) t.ok(hasMember(member[1]!, member[2]!), name);
      else if (/^(src|test)\/\S+\.ts$/.test(name)) t.doesNotThrow(() => read(name), name);
      else if (word !== null && !/^(writev|sendmmsg|sysctl|tcp_.*)$/.test(word[1]!))
        t.ok(isKnown(word[1]!), name);
      else continue;
      checked++;
    }
    t.ok(checked > least, `${checked} names`);
  });
}

t.test('docs/tcp.md has a place for every file of src/tcp, and for no other', async (t) => {
  const files = readdirSync(new URL('src/tcp/', ROOT)).map((name) => name.replace(/\.ts$/, ''));
  const quoted = new Set(quotedIn('docs/tcp.md'));
  t.same(
    files.filter((name) => !quoted.has(name)),
    [],
  );
  const hyphened = [...quoted].filter((name) => /^[a-z]+(-[a-z]+)+$/.test(name));
  t.same(
    hyphened.filter((name) => !files.includes(name)),
    [],
  );
});

t.test('docs/tcp.md lists the sysctls of TCP with their defaults', async (t) => {
  const text = read('docs/tcp.md');
  const config = new TcpConfig();
  for (const { name, fields, unit } of TCP_SYSCTLS) {
    const value = fields.map((field) => String(Math.round(config[field] / unit))).join(' ');
    const row = `| \`${name.replace('net.ipv4.', '')}\` | ${value} |`;
    t.ok(text.includes(row), row);
  }
});

t.test('every decision is in the list of decisions', async (t) => {
  const list = read('docs/decisions/README.md');
  for (const file of readdirSync(new URL('docs/decisions/', ROOT))) {
    if (/^\d/.test(file)) t.ok(list.includes(`(${file})`), file);
  }
});
