/** Who follows docs/congestion-control.md from the top, in a checkout, gets what it says. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';
import { shellBlocks } from './shell-blocks.ts';

t.setTimeout(600_000);
const PAGE = 'docs/congestion-control.md';

/** A checkout in which examples may be written. */
function checkout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringway-page-'));
  for (const name of readdirSync('.')) {
    const isOwn = name === 'examples' || name === 'runs' || name.startsWith('.');
    if (!isOwn) symlinkSync(resolve(name), join(folder, name));
  }
  cpSync('examples', join(folder, 'examples'), { recursive: true });
  mkdirSync(join(folder, 'runs'));
  return folder;
}

t.test('every shell example is run, in order', async (t) => {
  const folder = checkout();
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  let out = '';
  for (const { line, mark, commands } of shellBlocks(readFileSync(PAGE, 'utf8'))) {
    t.match(mark, /^check=(run|exists)$/, `${PAGE}:${line} says how to check it`);
    for (const command of commands) {
      // A sweep takes half a minute: of it, what comes before.
      const own = mark === 'check=run' ? command : command.split(' && ')[0]!;
      const run = spawnSync('bash', ['-c', own], { cwd: folder, encoding: 'utf8' });
      t.equal(run.status, 0, own, { stderr: run.stderr });
      out += run.stdout;
    }
  }
  t.match(out, /^mine {3}my-cc /m, 'the figures of the run');
  t.match(out, /^5 of 5 expectations met$/m);
  t.match(out, /^\d+ passed, 0 failed$/m, 'the tour');
  t.ok(readdirSync(join(folder, 'runs/my-cc')).includes('report.html'));
});
