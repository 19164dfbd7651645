/** Commands in the documents are real, and links lead somewhere. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import t from 'tap';
import { repositoryFiles } from '../../tools/dev/architecture.ts';
import { shellBlocks } from './shell-blocks.ts';

const scripts = (
  JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
).scripts;

/** What a command line needs that is not there: a script of package.json, or the file which that runs. */
function missingPart(command: string): string | null {
  for (const part of command.split('&&').map((text) => text.trim())) {
    const words = part.split(/\s+/).filter((word) => !/^[A-Z_]+=/.test(word));
    const [program, verb = '', third = ''] = words;
    if (program === 'npx' && verb === 'ringway') {
      if (!existsSync(`tools/${third === '' || third.startsWith('-') ? 'ringway' : third}.ts`)) {
        return `no command ${third}`;
      }
    } else if (program === 'npm' && verb !== 'ci') {
      const script = verb === 'run' ? third : verb;
      const line = scripts[script];
      if (line === undefined) return `package.json has no script "${script}"`;
      const file = /(?:tsx|node) (?:-\S+ )*(\S+\.[tj]s)/.exec(line)?.[1];
      if (file !== undefined && !existsSync(file))
        return `"${script}" runs ${file}, which is not there`;
    } else if (program !== 'npm') return `"${part}": mark it check=run`;
  }
  return null;
}

t.test('what a command line lacks is found out', (t) => {
  t.equal(missingPart('npm ci && npm test'), null);
  t.equal(missingPart('REQUIRE_ALL=1 npm run check'), null);
  t.match(missingPart('npm run nothing'), /no script "nothing"/);
  t.match(missingPart('npm ci && npm run nothing'), /no script "nothing"/);
  t.match(missingPart('npx ringway no-such-command'), /no command/);
  t.match(missingPart('curl x'), /check=run/);
  const marks = shellBlocks('```sh check=run\na # b\n\nc\n```\n').map((b) => [b.mark, b.commands]);
  t.strictSame(marks, [['check=run', ['a', 'c']]]);
  t.end();
});

t.test('every shell example of the README is run, or its parts are there', (t) => {
  const blocks = shellBlocks(readFileSync('README.md', 'utf8'));
  t.ok(blocks.length > 0);
  for (const { line, mark, commands } of blocks) {
    t.ok(mark === 'check=run' || mark === 'check=exists', `README.md:${line} says how to check it`);
    for (const command of commands) {
      if (mark === 'check=exists') t.equal(missingPart(command), null, command);
      if (mark !== 'check=run') continue;
      const run = spawnSync('bash', ['-c', command], { encoding: 'utf8', timeout: 60_000 });
      t.equal(run.status, 0, command, { stderr: run.stderr });
    }
  }
  t.end();
});

t.test('links between documents lead to files', (t) => {
  for (const file of repositoryFiles().filter((name) => name.endsWith('.md'))) {
    const links = readFileSync(file, 'utf8').matchAll(/\]\(([^)#]+)(#[^)]*)?\)/g);
    for (const [, target] of links) {
      if (/^[a-z]+:/.test(target!)) continue;
      t.ok(existsSync(normalize(join(dirname(file), target!))), `${file}: ${target}`);
    }
  }
  t.end();
});
