/**
 * The last step of `npm run build`: in what was compiled of src/, each function, constant and class that is imported
 * becomes a constant of the module.
 *
 *     import { seqAdd } from '../wire/seq.js';
 *     import { seqAdd as seqAdd$ } from '../wire/seq.js'; const seqAdd = seqAdd$;
 *
 * V8 loads what another module exports at each use, looks whether that module has run, and whether it is still the
 * function that was inlined; a constant of the module itself is folded into the code. Lines stay where they are, so
 * that source maps hold. A module of src/ runs after all that it imports, as none import each other in a circle
 * (rules/layers.ts): so what is bound is there. Why not in the sources: docs/decisions/0021-imports-are-bound-when-built.md.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

interface Module {
  readonly text: string;
  readonly statements: readonly ts.Statement[];
  /** Exported under these names, and never another value. */
  readonly fixed: ReadonlySet<string>;
}

/** The modules of a program by their paths, with `/`, and without circles; returns the texts that change. */
export function bindImports(texts: ReadonlyMap<string, string>): Map<string, string> {
  const modules = new Map([...texts].map(([path, text]) => [path, read(path, text)]));
  const changed = new Map<string, string>();
  for (const [path, module] of modules) {
    const text = bind(path, module, modules);
    if (text !== module.text) changed.set(path, text);
  }
  return changed;
}

function read(path: string, text: string): Module {
  const { statements } = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023);
  return { text, statements, fixed: new Set(statements.flatMap(fixedExports)) };
}

/** Functions and classes are taken for fixed: the linter lets nobody assign to them. */
function fixedExports(s: ts.Statement): string[] {
  if (!ts.canHaveModifiers(s)) return [];
  if (ts.getModifiers(s)?.[0]?.kind !== ts.SyntaxKind.ExportKeyword) return [];
  if (ts.isFunctionDeclaration(s) || ts.isClassDeclaration(s)) return s.name ? [s.name.text] : [];
  if (!ts.isVariableStatement(s) || (s.declarationList.flags & ts.NodeFlags.Const) === 0) return [];
  return s.declarationList.declarations.flatMap(({ name }) =>
    ts.isIdentifier(name) ? [name.text] : [],
  );
}

function bind(
  path: string,
  { text, statements }: Module,
  modules: ReadonlyMap<string, Module>,
): string {
  let out = '';
  let done = 0;
  for (const s of statements) {
    if (!ts.isImportDeclaration(s) || !ts.isStringLiteral(s.moduleSpecifier)) continue;
    const fixed = modules.get(pathFrom(path, s.moduleSpecifier.text))?.fixed;
    const named = s.importClause?.namedBindings;
    if (fixed === undefined || named === undefined || !ts.isNamedImports(named)) continue;
    const own: string[] = [];
    for (const { propertyName, name, end } of named.elements) {
      const exported = propertyName ?? name;
      if (!fixed.has(exported.text)) continue;
      out += `${text.slice(done, exported.end)} as ${name.text}$`;
      done = end;
      own.push(`${name.text} = ${name.text}$`);
    }
    if (own.length === 0) continue;
    out += `${text.slice(done, s.end)} const ${own.join(', ')};`;
    done = s.end;
  }
  return out + text.slice(done);
}

/** Of the module that one at `path` imports by that name. */
function pathFrom(path: string, name: string): string {
  return name.startsWith('.') ? new URL(name, `file:///${path}`).pathname.slice(1) : name;
}

function bindAll(dir: string): void {
  const paths = readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.js'))
    .map((path) => path.replaceAll('\\', '/'));
  const texts = new Map(paths.map((path) => [path, readFileSync(join(dir, path), 'utf8')]));
  for (const [path, text] of bindImports(texts)) writeFileSync(join(dir, path), text);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  bindAll(resolve(fileURLToPath(import.meta.url), '../../../dist/src'));
}
