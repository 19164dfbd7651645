/** The rules hold for the house as it stands, and each rule can fail: a small bad file shows it. */
import t from 'tap';
import { formatFinding, inspect, realSources } from '../tools/dev/architecture.ts';
import { fieldWriterFindings, SHARED_FIELDS } from '../tools/dev/rules/field-writers.ts';
import { openHouse } from '../tools/dev/rules/house.ts';

t.test('the house keeps its rules', (t) => {
  const sources = realSources();
  t.ok(sources.has('src/base/slab.ts'), 'the sources were found');
  t.strictSame(inspect(sources).map(formatFinding), []);
  t.end();
});

t.test('every field on the list of shared fields exists and has a reason', (t) => {
  const texts = [...realSources()].filter(([file]) => file.startsWith('src/'));
  for (const [field, reason] of Object.entries(SHARED_FIELDS)) {
    const [owner, name] = field.split('.');
    const isDeclared = texts.some(
      ([, text]) =>
        new RegExp(`(class|interface) ${owner}\\b`).test(text) &&
        (name === '*' || new RegExp(`\\b${name}\\b\\s*[:=;]`).test(text)),
    );
    t.ok(isDeclared, `${field} is declared`);
    t.ok(reason.length > 20, `${field}: ${reason}`);
  }
  t.end();
});

type Files = Readonly<Record<string, string>>;
/** What the analysis says of a house made of these files: `rule file:line`. */
function verdict(files: Files): string[] {
  return inspect(new Map(Object.entries(files))).map((f) => `${f.rule} ${f.file}:${f.line}`);
}

const A = 'export const a = 1;\n';

interface Case {
  readonly says: string;
  readonly bad: Files;
  readonly finds: readonly string[];
  /** The nearest thing that is allowed. */
  readonly good: Files;
}

const CASES: readonly Case[] = [
  {
    says: 'a layer imports from its left only',
    bad: {
      'src/net/b.ts': A,
      'src/wire/a.ts': "export { a as b } from '../net/b.ts';\nconst c = 1;\nc;\n",
    },
    finds: ['layers src/wire/a.ts:1'],
    good: { 'src/wire/b.ts': A, 'src/net/a.ts': "import { a } from '../wire/b.ts';\na;\n" },
  },
  {
    says: 'a frame leaves through its interface, which tags it',
    bad: { 'src/tcp/a.ts': 'export const f = (tx: { commit(): void }) => tx.commit();\n' },
    finds: ['frame without tag src/tcp/a.ts:1'],
    good: { 'src/link/a.ts': 'export const f = (tx: { commit(): void }) => tx.commit();\n' },
  },
  {
    says: 'a type import is an import',
    bad: {
      'src/stack/b.ts': 'export type A = 1;\n',
      'src/udp/a.ts': "import type { A } from '../stack/b.ts';\nexport type B = A;\n",
    },
    finds: ['layers src/udp/a.ts:1'],
    good: {
      'src/udp/b.ts': 'export type A = 1;\n',
      'src/stack/a.ts': "import type { A } from '../udp/b.ts';\nexport type B = A;\n",
    },
  },
  {
    says: 'path and net, udp and tcp, sim and live do not import each other',
    bad: {
      'src/net/b.ts': A,
      'src/path/a.ts': "import { a } from '../net/b.ts';\na;\n",
      'src/udp/b.ts': A,
      'src/tcp/a.ts': "import { a } from '../udp/b.ts';\na;\n",
      'src/sim/b.ts': A,
      'src/live/a.ts': "import { a } from '../sim/b.ts';\na;\n",
    },
    finds: ['layers src/live/a.ts:1', 'layers src/path/a.ts:1', 'layers src/tcp/a.ts:1'],
    good: { 'src/path/b.ts': A, 'src/live/a.ts': "import { a } from '../path/b.ts';\na;\n" },
  },
  {
    says: 'congestion control depends on base only, and tcp may import it',
    bad: { 'src/wire/b.ts': A, 'src/cc/a.ts': "import { a } from '../wire/b.ts';\na;\n" },
    finds: ['layers src/cc/a.ts:1'],
    good: { 'src/cc/b.ts': A, 'src/tcp/a.ts': "import { a } from '../cc/b.ts';\na;\n" },
  },
  {
    says: 'a folder of src/ is one of the layers',
    bad: { 'src/utils/a.ts': A },
    finds: ['layers src/utils/a.ts:0'],
    good: { 'src/base/a.ts': A },
  },
  {
    says: 'src/ imports neither tools/ nor test/',
    bad: { 'tools/b.ts': A, 'src/live/a.ts': "import { a } from '../../tools/b.ts';\na;\n" },
    finds: ['layers src/live/a.ts:1'],
    good: { 'src/live/b.ts': A, 'tools/a.ts': "import { a } from '../src/live/b.ts';\na;\n" },
  },
  {
    says: 'src/ has no dependencies, and only live/ and node/ know Node',
    bad: { 'src/base/a.ts': "import 'fast-check';\n", 'src/sim/a.ts': "import 'node:fs';\n" },
    finds: ['layers src/base/a.ts:1', 'layers src/sim/a.ts:1'],
    good: { 'src/live/a.ts': "import 'node:fs';\n", 'src/node/a.ts': "import 'node:net';\n" },
  },
  {
    says: 'a command does not import a development tool or a package',
    bad: { 'tools/dev/b.ts': A, 'tools/a.ts': "import './dev/b.ts';\nimport 'typescript';\n" },
    finds: ['layers tools/a.ts:1', 'layers tools/a.ts:2'],
    good: { 'tools/dev/a.ts': "import 'typescript';\n", 'tools/b.ts': "import 'node:fs';\n" },
  },
  {
    says: 'only live/ loads the addon',
    bad: {
      'tools/a.ts':
        "import { createRequire } from 'node:module';\ncreateRequire('/')('./x.node');\n",
    },
    finds: ['layers tools/a.ts:1', 'layers tools/a.ts:2', 'layers tools/a.ts:2'],
    good: {
      'src/live/a.ts':
        "import { createRequire } from 'node:module';\ncreateRequire('/')('./x.node');\n",
    },
  },
  {
    says: 'a relative import carries .ts',
    bad: { 'src/base/b.ts': A, 'src/base/a.ts': "import { a } from './b';\na;\n" },
    finds: ['layers src/base/a.ts:1'],
    good: { 'src/base/b.ts': A, 'src/base/a.ts': "import { a } from './b.ts';\na;\n" },
  },
  {
    says: 'imports make no circle at run time',
    bad: {
      'src/base/a.ts': "import { b } from './b.ts';\nexport const a = () => b;\n",
      'src/base/b.ts': "import { a } from './a.ts';\nexport const b = () => a;\n",
    },
    finds: ['layers src/base/b.ts:0'],
    good: {
      'src/base/a.ts':
        "import { b } from './b.ts';\nexport const a = () => b;\nexport type A = 1;\n",
      'src/base/b.ts': "import type { A } from './a.ts';\nexport const b: A = 1;\n",
    },
  },
  {
    says: 'the core reads no clock, sets no timer and throws no dice',
    bad: {
      'src/net/a.ts':
        'Date.now();\nMath.random();\nsetTimeout(() => 1, 1);\nqueueMicrotask(() => 1);\nperformance.now();\n',
    },
    finds: [1, 2, 3, 4, 5].map((line) => `globals src/net/a.ts:${line}`),
    good: {
      'src/net/a.ts':
        'export class Env { Date = 1; }\nexport const f = (e: Env, process: number) => e.Date + process;\n',
      'src/live/a.ts': 'setTimeout(() => Date.now(), 1);\n',
    },
  },
  {
    says: 'the core knows no Buffer, process or console, by no name',
    bad: {
      'src/socket/a.ts':
        "Buffer.alloc(1);\nprocess.exit();\nconsole.log();\nglobalThis['x'];\nimport.meta.url;\n",
    },
    finds: [1, 2, 3, 4, 5].map((line) => `globals src/socket/a.ts:${line}`),
    good: { 'src/node/a.ts': 'Buffer.alloc(1);\nprocess.exit();\n' },
  },
  {
    says: 'figures are the same with every engine: no function of Math that is not exact',
    bad: {
      'src/cc/a.ts':
        "Math.cbrt(2);\nMath['pow'](2, 3);\nexport const { log } = Math;\nexport const f = (x: number) => 2 ** x;\n",
      'src/path/a.ts': 'Math.log1p(2);\nexport const f = (n: number) => 1.5 ** 2 *\n  (n **= 2);\n',
      'src/sim/a.ts':
        'Math.sin(1);\nMath.hypot(1, 2);\n(1.5).toLocaleString();\n[].toLocaleString();\n',
      'src/tcp/a.ts': 'Math.log2(8);\n',
    },
    finds: [
      ...[1, 2, 3, 4].map((line) => `globals src/cc/a.ts:${line}`),
      ...[1, 2, 3].map((line) => `globals src/path/a.ts:${line}`),
      ...[1, 2, 3, 4].map((line) => `globals src/sim/a.ts:${line}`),
      'globals src/tcp/a.ts:1',
    ],
    good: {
      'src/cc/a.ts':
        'Math.sqrt(Math.SQRT1_2);\nexport const HUGE = 2 ** 40;\n(2n) ** BigInt(HUGE);\n',
      'src/live/a.ts': 'Math.log(2);\n',
    },
  },
  {
    says: 'promises begin at the socket',
    bad: {
      'src/udp/a.ts':
        'export const f = async () => 1;\nexport const g = () => Promise.resolve();\n',
    },
    finds: ['globals src/udp/a.ts:1', 'globals src/udp/a.ts:2'],
    good: { 'src/socket/a.ts': 'export const f = async () => await Promise.resolve();\n' },
  },
  {
    says: 'a field has one writer',
    bad: {
      'src/base/c.ts': 'export class C { f = 0; }\n',
      'src/net/a.ts':
        "import type { C } from '../base/c.ts';\nexport const a = (c: C) => {\n  c.f = 1;\n};\n",
      'src/net/b.ts':
        "import type { C } from '../base/c.ts';\nexport const b = (all: readonly C[]) => {\n  all[0]!.f++;\n};\n",
    },
    finds: ['one writer src/net/b.ts:3'],
    good: {
      'src/base/c.ts':
        'export class C {\n  f = 0;\n  g: number;\n  constructor() {\n    this.g = 1;\n  }\n}\n',
      'src/net/a.ts':
        "import type { C } from '../base/c.ts';\nexport const a = (c: C) => {\n  c.f = 1;\n};\n",
      'src/net/b.ts':
        "import type { C } from '../base/c.ts';\nexport const b = (c: C) => {\n  c.g = c.f;\n};\n",
    },
  },
  {
    says: 'a class that writes its own field keeps it',
    bad: {
      'src/base/c.ts':
        'export class C<T> {\n  f: T | null = null;\n  set(f: T): void {\n    this.f = f;\n  }\n}\n',
      'src/net/a.ts':
        "import type { C } from '../base/c.ts';\nexport const a = (c: C<number>) => {\n  [c.f] = [1];\n};\n",
    },
    finds: ['one writer src/net/a.ts:3'],
    good: {
      'src/base/c.ts':
        'export class C {\n  f = [0];\n  set(f: number): void {\n    this.f = [f];\n  }\n}\n',
      'src/net/a.ts':
        "import type { C } from '../base/c.ts';\nexport const a = (c: C) => {\n  c.f[0] = 1;\n};\n",
    },
  },
  {
    says: 'a file has at most 600 lines',
    bad: { 'native/a.cc': '//\n'.repeat(601), 'test/a.test.ts': '//\n'.repeat(601) },
    finds: ['file length native/a.cc:0', 'file length test/a.test.ts:0'],
    good: { 'src/base/a.ts': '//\n'.repeat(600), 'docs/a.md': 'x\n'.repeat(700) },
  },
  {
    says: 'a function has at most 60 lines',
    bad: { 'src/base/a.ts': `export function f() {\n${'  1;\n'.repeat(59)}}\n` },
    finds: ['function length src/base/a.ts:1'],
    good: { 'src/base/a.ts': `export function f() {\n${'  1;\n'.repeat(58)}}\n` },
  },
  {
    says: 'exports have names',
    bad: {
      'src/base/a.ts': 'export default 1;\n',
      'tools/a.ts': 'export default function f() {}\n',
    },
    finds: ['default export src/base/a.ts:1', 'default export tools/a.ts:1'],
    good: { 'src/base/a.ts': A },
  },
  {
    says: 'no barrels, except where the package is entered',
    bad: {
      'src/base/b.ts': A,
      'src/base/a.ts': "export { a } from './b.ts';\n",
      'src/wire/a.ts': "export * from '../base/b.ts';\n",
    },
    finds: ['barrel src/base/a.ts:1', 'barrel src/wire/a.ts:1'],
    good: { 'src/base/b.ts': A, 'src/index.ts': "export { a } from './base/b.ts';\n" },
  },
  {
    says: 'a core module has no variable of its own',
    bad: {
      'src/net/a.ts': 'let n = 0;\nexport const f = () => n++;\n',
      'src/net/b.ts':
        'const seen = new Map<number, number>();\nexport const f = (n: number) => seen.set(n, n);\n',
      'src/net/c.ts': 'export const table = new Int32Array(4);\n',
      'src/net/d.ts':
        "import { table } from './c.ts';\nexport function f() {\n  table[0]! += 1;\n}\n",
      'src/net/e.ts': 'class C {\n  n = 0;\n}\nexport const c = new C();\n',
      'src/net/f.ts': 'export class C {\n  static n = 0;\n}\n',
    },
    finds: ['a', 'b', 'd', 'e', 'f'].map(
      (f, i) => `module state src/net/${f}.ts:${[1, 2, 3, 4, 2][i]}`,
    ),
    good: {
      'src/net/a.ts': 'const NAMES = new Map([[1, 2]]);\nexport const f = () => NAMES.get(1);\n',
      'src/net/b.ts':
        'class C {\n  readonly n = 0;\n  static readonly ZERO = 0;\n}\nexport const c = new C();\n',
      'src/live/a.ts': 'let n = 0;\nexport const f = () => n++;\n',
    },
  },
  {
    says: 'what is left to do has an issue',
    bad: { 'src/base/a.ts': `// ${'TO'}DO: later\n`, 'native/a.cc': `// ${'FIX'}ME\n` },
    finds: ['open end native/a.cc:1', 'open end src/base/a.ts:1'],
    good: { 'src/base/a.ts': `// ${'TO'}DO(#12): later\n` },
  },
  {
    says: 'no file names a path of one machine or a package registry',
    bad: {
      'docs/a.md': `see ${'/ho'}me/me/x\n`,
      'package-lock.json': `https://registry.${'npm'}js.org/x\n`,
    },
    finds: ['machine path docs/a.md:1', 'registry host package-lock.json:1'],
    good: { 'docs/a.md': 'src/home/me and $HOME/x\n' },
  },
];

for (const { says, bad, finds, good } of CASES) {
  t.test(says, (t) => {
    t.strictSame(verdict(bad), finds, 'the bad house is found out');
    t.strictSame(verdict(good), [], 'its good neighbour is left alone');
    t.end();
  });
}

t.test('a shared field is one that the list names', (t) => {
  const write =
    "import type { C } from '../base/c.ts';\nexport const a = (c: C) => {\n  c.f = 1;\n};\n";
  const house = openHouse(
    new Map([
      ['src/base/c.ts', 'export class C { f = 0; }\n'],
      ['src/sim/a.ts', write],
      ['src/live/a.ts', write],
    ]),
  );
  t.equal(fieldWriterFindings(house).length, 1);
  t.equal(fieldWriterFindings(house, { 'C.f': 'the test says so' }).length, 0);
  t.equal(fieldWriterFindings(house, { 'C.*': 'the test says so' }).length, 0);
  t.equal(fieldWriterFindings(house, { 'C.g': 'another', 'B.*': 'another' }).length, 1);
  t.end();
});
