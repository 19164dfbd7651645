/**
 * Who may import whom.
 *
 *   base ← wire ← link ← {path, net} ← {udp, tcp} ← stack ← {autoconf, socket} ← {node, sim, live} ← tools
 *                                     cc: imports base only, imported from tcp on
 */
import ts from 'typescript';
import { type Finding, type House, lineOf } from './house.ts';

/** What a folder of src/ may import besides itself. A folder that is not here may not exist. */
const BELOW_TCP = ['base', 'wire', 'link', 'path', 'net'];
const BELOW_SOCKET = [...BELOW_TCP, 'cc', 'udp', 'tcp', 'stack'];
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  wire: ['base'],
  link: ['base', 'wire'],
  path: ['base', 'wire', 'link'],
  net: ['base', 'wire', 'link'],
  cc: ['base'],
  udp: BELOW_TCP,
  tcp: [...BELOW_TCP, 'cc'],
  stack: [...BELOW_TCP, 'cc', 'udp', 'tcp'],
  autoconf: BELOW_SOCKET,
  socket: BELOW_SOCKET,
  node: [...BELOW_SOCKET, 'socket'],
  sim: [...BELOW_SOCKET, 'socket'],
  live: [...BELOW_SOCKET, 'socket'],
};
/** The folders that may use Node's own modules. */
const KNOWS_NODE = ['node', 'live'];

interface Import {
  readonly node: ts.Node;
  readonly specifier: string;
  readonly isType: boolean;
}

export function importFindings(house: House): Finding[] {
  const findings: Finding[] = [];
  const runtime = new Map<string, string[]>();
  for (const [file, source] of house.files) {
    const targets: string[] = [];
    for (const { node, specifier, isType } of importsOf(source)) {
      const target = resolveImport(file, specifier);
      const what = badImport(file, specifier, target);
      if (what !== '') findings.push({ rule: 'layers', file, line: lineOf(node), what });
      if (target !== '' && !isType) targets.push(target);
    }
    runtime.set(file, targets);
    const folder = /^src\/([^/]+)\//.exec(file)?.[1];
    if (folder !== undefined && MAY_IMPORT[folder] === undefined) {
      findings.push({ rule: 'layers', file, line: 0, what: `src/${folder} is not a layer` });
    }
    findings.push(...addonFindings(file, source));
  }
  return [...findings, ...cycles(runtime)];
}

function importsOf(source: ts.SourceFile): Import[] {
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      const from = node.moduleSpecifier;
      if (from !== undefined && ts.isStringLiteral(from)) {
        found.push({ node, specifier: from.text, isType: isTypeOnly(node) });
      }
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      const literal = node.argument.literal;
      if (ts.isStringLiteral(literal)) found.push({ node, specifier: literal.text, isType: true });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const from = node.arguments[0];
      // A specifier that is not a literal cannot be checked: '' matches no layer.
      const specifier = from !== undefined && ts.isStringLiteral(from) ? from.text : '';
      found.push({ node, specifier, isType: false });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  const clause = node.importClause;
  if (clause === undefined) return false;
  if (clause.isTypeOnly) return true;
  const named = clause.namedBindings;
  if (clause.name !== undefined || named === undefined || !ts.isNamedImports(named)) return false;
  return named.elements.length > 0 && named.elements.every((element) => element.isTypeOnly);
}

/** What commands need beside Node: the package's dependencies. */
const COMMAND_PACKAGES: readonly string[] = ['yaml'];
/** The one place that imports what a user has named. */
const USER_MODULES = 'tools/command/user-module.ts';

/** The repository path that a relative import names, or '' for a package. */
function resolveImport(file: string, specifier: string): string {
  if (!specifier.startsWith('.')) return '';
  const parts = file.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

function badImport(file: string, specifier: string, target: string): string {
  const isRelative = specifier.startsWith('.');
  if (isRelative && !/\.(ts|json)$/.test(specifier)) return `import '${specifier}' lacks .ts`;
  const from = file.split('/');
  if (from[0] === 'src') {
    const layer = from[1]!;
    if (!isRelative) return badPackage(layer, specifier);
    const [top, to] = target.split('/');
    if (top !== 'src') return `src/ imports ${target}`;
    if (from.length === 2 || to === layer) return ''; // an entry point of the package, or one's own folder
    return (MAY_IMPORT[layer] ?? []).includes(to!) ? '' : `${layer} imports ${to} (${specifier})`;
  }
  if (from[0] === 'tools' && from[1] !== 'dev') {
    const isOwn = isRelative || specifier.startsWith('node:');
    const mayName = isOwn || COMMAND_PACKAGES.includes(specifier) || file === USER_MODULES;
    if (!mayName) return `a command imports ${specifier}`;
    if (isRelative && !/^(src|tools)\//.test(target)) return `tools/ imports ${target}`;
    if (target.startsWith('tools/dev/')) return 'a command imports a development tool';
  }
  return '';
}

function badPackage(layer: string, specifier: string): string {
  if (!specifier.startsWith('node:')) return `src/ has no dependencies, but imports '${specifier}'`;
  return KNOWS_NODE.includes(layer) ? '' : `${layer} imports ${specifier}`;
}

/** Only live/ loads the addon; only it may know how. */
function addonFindings(file: string, source: ts.SourceFile): Finding[] {
  if (!/^(src|tools)\//.test(file) || /^(src\/live|tools\/dev)\//.test(file)) return [];
  const findings: Finding[] = [];
  const visit = (node: ts.Node): void => {
    const isLoader =
      (ts.isIdentifier(node) && (node.text === 'createRequire' || node.text === 'dlopen')) ||
      (ts.isStringLiteralLike(node) && node.text.endsWith('.node'));
    if (isLoader) {
      findings.push({
        rule: 'layers',
        file,
        line: lineOf(node),
        what: 'only live loads the addon',
      });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return findings;
}

/** A circle of imports that exist at run time, in src/: one finding for each file that closes one. */
function cycles(runtime: ReadonlyMap<string, readonly string[]>): Finding[] {
  const findings: Finding[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const visit = (file: string, trail: readonly string[]): void => {
    state.set(file, 'open');
    for (const target of runtime.get(file) ?? []) {
      if (!runtime.has(target) || !target.startsWith('src/')) continue;
      if (state.get(target) === 'open') {
        const circle = [...trail.slice(trail.indexOf(target)), target].join(' → ');
        findings.push({ rule: 'layers', file, line: 0, what: `imports in a circle: ${circle}` });
      } else if (!state.has(target)) visit(target, [...trail, target]);
    }
    state.set(file, 'done');
  };
  for (const file of runtime.keys()) {
    if (file.startsWith('src/') && !state.has(file)) visit(file, [file]);
  }
  return findings;
}
