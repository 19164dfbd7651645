/** `namespace-parent.ts <scenario> <entry> [netns]`: runs namespace-child.ts in a namespace, to its end. */
import { fileURLToPath } from 'node:url';
import { type Entry, runInNamespace } from '../../src/live/namespace.ts';

const [scenario, entry, join] = process.argv.slice(2) as [string, Entry, string | undefined];
process.exitCode = await runInNamespace({
  entry,
  ...(join === undefined ? {} : { join }),
  script: fileURLToPath(new URL('namespace-child.ts', import.meta.url)),
  args: [scenario],
});
