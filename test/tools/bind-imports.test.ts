import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { bindImports } from '../../tools/dev/bind-imports.ts';

const SEQ = `export const add = (a, b) => a + b;
export function half(n) { return n / 2; }
export class Two { is = 2; }
export let count = 0;
export function more() { count++; }
`;

t.test('what never changes is bound to a constant of the module, on the same line', (t) => {
  const rows: readonly [string, string, string][] = [
    [
      'constants, functions, classes',
      `import { add, half, Two } from "../wire/seq.js";\n`,
      `import { add as add$, half as half$, Two as Two$ } from "../wire/seq.js"; const add = add$, half = half$, Two = Two$;\n`,
    ],
    [
      'under another name',
      `import { add as plus } from '../wire/seq.js';`,
      `import { add as plus$ } from '../wire/seq.js'; const plus = plus$;`,
    ],
    [
      'not a variable, which may change',
      `import {\n  count,\n  more,\n} from '../wire/seq.js';\nmore();`,
      `import {\n  count,\n  more as more$,\n} from '../wire/seq.js'; const more = more$;\nmore();`,
    ],
    ['a variable alone', `import { count } from '../wire/seq.js';`, ''],
    ['all of a module', `import * as seq from '../wire/seq.js';`, ''],
    [`Node's own`, `import { join } from 'node:path';`, ''],
    ['what it names again', `export { add } from '../wire/seq.js';`, ''],
  ];
  for (const [name, before, after] of rows) {
    const bound = bindImports(
      new Map([
        ['wire/seq.js', SEQ],
        ['tcp/ack.js', before],
      ]),
    );
    t.equal(bound.get('tcp/ack.js') ?? '', after, name);
    t.notOk(bound.has('wire/seq.js'), 'who imports nothing stays as it is');
  }
  t.end();
});

t.test('a program does the same', async (t) => {
  const program = new Map([
    ['wire/seq.js', SEQ],
    [
      'tcp/ack.js',
      `import { add as plus, count, half, more, Two } from '../wire/seq.js';
more();
more();
export const result = [plus(1, 2), half(8), new Two().is, count];
`,
    ],
  ]);
  const base = t.testdir();
  const results = [];
  for (const [name, texts] of [
    ['before', program],
    ['after', new Map([...program, ...bindImports(program)])],
  ] as const) {
    const dir = join(base, name);
    for (const [path, text] of texts) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), text);
    }
    writeFileSync(join(dir, 'package.json'), '{"type": "module"}');
    const { result } = await import(pathToFileURL(join(dir, 'tcp/ack.js')).href);
    results.push(result);
  }
  t.same(results, [
    [3, 4, 2, 2],
    [3, 4, 2, 2],
  ]);
});
