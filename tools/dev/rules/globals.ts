/**
 * Below `live/` and `node/` there is no clock, no ambient randomness, no timer, no I/O and no promise:
 * time and randomness are passed in, so that virtual time and real time run the same code.
 */
import ts from 'typescript';
import { type Finding, type House, isAmbient, lineOf } from './house.ts';

const AMBIENT = [
  'Date',
  'Intl',
  'performance',
  'crypto',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'queueMicrotask',
  'Buffer',
  'process',
  'console',
  'global',
  'globalThis',
  'require',
  'module',
  '__dirname',
  '__filename',
  'fetch',
  'structuredClone',
  'eval',
  'Function',
  'WeakRef',
  'FinalizationRegistry',
  'AbortController',
  'EventTarget',
  'EventEmitter',
];
/** ECMAScript leaves the last bits of these to the engine (src/base/elementary.ts); the others are exact. */
const INEXACT = /^(a?(cos|sin|tan)h?|atan2|cbrt|exp|expm1|hypot|log|log1p|log2|log10|pow)$/;
/** Where figures come from that are to be the same with every engine. */
const EXACT = ['base', 'cc', 'path', 'sim'];
/** These need the surroundings' locale or the surroundings' dice. */
const AMBIENT_MEMBERS = ['toLocaleString', 'localeCompare'];
const CORE = ['base', 'wire', 'link', 'path', 'net', 'cc', 'udp', 'tcp', 'stack', 'socket', 'sim'];
/** The promise API of sockets, and applications written with promises in virtual time. */
const MAY_PROMISE = ['socket', 'sim'];

export const isCore = (file: string): boolean =>
  file.startsWith('src/') && CORE.includes(file.split('/')[1]!);

export function globalFindings(house: House): Finding[] {
  const findings: Finding[] = [];
  for (const [file, source] of house.files) {
    if (!isCore(file)) continue;
    const layer = file.split('/')[1]!;
    const mayPromise = MAY_PROMISE.includes(layer);
    const isExact = EXACT.includes(layer);
    const visit = (node: ts.Node): void => {
      const what = forbidden(node, house.checker, mayPromise) || (isExact ? inexact(node) : '');
      if (what !== '') findings.push({ rule: 'globals', file, line: lineOf(node), what });
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return findings;
}

function forbidden(node: ts.Node, checker: ts.TypeChecker, mayPromise: boolean): string {
  if (ts.isMetaProperty(node)) return 'import.meta';
  if (ts.isPropertyAccessExpression(node)) {
    const name = node.name.text;
    if (name === 'random' && ts.isIdentifier(node.expression) && node.expression.text === 'Math') {
      return 'Math.random';
    }
    if (AMBIENT_MEMBERS.includes(name)) return name;
  }
  if (!mayPromise) {
    if (node.kind === ts.SyntaxKind.AsyncKeyword || ts.isAwaitExpression(node)) return 'async';
    if (isGlobal(node, 'Promise', checker)) return 'Promise';
  }
  for (const name of AMBIENT) if (isGlobal(node, name, checker)) return name;
  return '';
}

function inexact(node: ts.Node): string {
  if (!ts.isPropertyAccessExpression(node) || !ts.isIdentifier(node.expression)) return '';
  const { text } = node.name;
  return node.expression.text === 'Math' && INEXACT.test(text) ? `Math.${text}` : '';
}

/** A use of the name that does not mean something the house itself declares. */
function isGlobal(node: ts.Node, name: string, checker: ts.TypeChecker): boolean {
  if (!ts.isIdentifier(node) || node.text !== name) return false;
  const parent = node.parent;
  const isMemberName =
    (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
    (ts.isQualifiedName(parent) && parent.right === node) ||
    ((ts.isPropertyAssignment(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isMethodDeclaration(parent) ||
      ts.isMethodSignature(parent)) &&
      parent.name === node);
  if (isMemberName) return false;
  return isAmbient(checker.getSymbolAtLocation(node));
}
