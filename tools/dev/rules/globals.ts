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
/** What is exact. ECMAScript leaves the last bits of the others, and of `**`, to the engine (src/base/elementary.ts). */
const EXACT = /^(abs|ceil|clz32|floor|imul|max|min|round|sign|sqrt|trunc|[A-Z][A-Z0-9_]+)$/;
/** These need the surroundings' locale. */
const AMBIENT_MEMBER = /^(toLocale\w+|localeCompare)$/;
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
    const visit = (node: ts.Node): void => {
      const what = forbidden(node, house.checker, mayPromise) || inexact(node, house.checker);
      if (what !== '') findings.push({ rule: 'globals', file, line: lineOf(node), what });
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return findings;
}

function forbidden(node: ts.Node, checker: ts.TypeChecker, mayPromise: boolean): string {
  if (ts.isMetaProperty(node)) return 'import.meta';
  if (ts.isPropertyAccessExpression(node) && AMBIENT_MEMBER.test(node.name.text)) {
    return node.name.text;
  }
  if (!mayPromise) {
    if (node.kind === ts.SyntaxKind.AsyncKeyword || ts.isAwaitExpression(node)) return 'async';
    if (isGlobal(node, 'Promise', checker)) return 'Promise';
  }
  for (const name of AMBIENT) if (isGlobal(node, name, checker)) return name;
  return '';
}

/** What another engine may round in another way, and Math.random. A power is exact where both numbers stand there: 2 ** 32. */
function inexact(node: ts.Node, checker: ts.TypeChecker): string {
  if (ts.isBinaryExpression(node)) {
    const { AsteriskAsteriskToken, AsteriskAsteriskEqualsToken } = ts.SyntaxKind;
    const { kind } = node.operatorToken;
    if (kind === AsteriskAsteriskEqualsToken) return '**=';
    if (kind !== AsteriskAsteriskToken || (isWhole(node.left) && isWhole(node.right))) return '';
    const isBig = (checker.getTypeAtLocation(node).flags & ts.TypeFlags.BigIntLike) !== 0;
    return isBig ? '' : '** of what is no number';
  }
  if (!isGlobal(node, 'Math', checker)) return '';
  const { parent } = node;
  if (!ts.isPropertyAccessExpression(parent)) return 'Math, and of it who knows what';
  const { text } = parent.name;
  return EXACT.test(text) ? '' : `Math.${text}`;
}

function isWhole(node: ts.Node): boolean {
  const number = ts.isPrefixUnaryExpression(node) ? node.operand : node;
  return ts.isNumericLiteral(number) && Number.isInteger(Number(number.text));
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
