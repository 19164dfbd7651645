/**
 * One writer per field: a field of a class (or of an interface) declared in src/ is assigned in one file
 * only, apart from its own constructor. Whoever reads the field knows where to look for what changes it.
 * Writes to elements of an array are not counted: an array's owner hands it out knowing that.
 */
import ts from 'typescript';
import { type Finding, type House, lineOf, pathOf } from './house.ts';

/**
 * Fields with more than one writer, and why that is right; `Class.*` for a scratch record: one object that
 * is filled anew for each packet or call and means nothing afterwards, so that no state has two owners.
 * Keep it short; a reason is a sentence that would convince a reviewer.
 */
export const SHARED_FIELDS: Readonly<Record<string, string>> = {
  'ErrorReport.*': 'scratch: one error on its way to a transport, filled by who found it',
  'IpPacket.*':
    'scratch: the packet being received; each layer on its way up adds what it has learnt',
  'OutPacket.*': 'scratch: the arguments of one output call, filled by whichever protocol makes it',
  'Env.nowNs': 'the driver writes it once a turn, and a stack has one driver: sim or live',
};

interface Write {
  readonly file: string;
  readonly line: number;
}

export function fieldWriterFindings(
  house: House,
  shared: Readonly<Record<string, string>> = SHARED_FIELDS,
): Finding[] {
  const writes = new Map<ts.Symbol, Write[]>();
  for (const [file, source] of house.files) {
    if (!file.startsWith('src/')) continue;
    const visit = (node: ts.Node): void => {
      for (const target of assigned(node)) {
        const field = fieldOf(target, house.checker);
        if (field === null || isOwnConstructor(target, field)) continue;
        const known = writes.get(field);
        const write = { file, line: lineOf(target) };
        if (known === undefined) writes.set(field, [write]);
        else known.push(write);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  const findings: Finding[] = [];
  for (const [field, places] of writes) {
    const files = [...new Set(places.map((place) => place.file))];
    if (files.length < 2 || isShared(nameOf(field), shared)) continue;
    const owner = pathOf(field.declarations![0]!.getSourceFile());
    const strangers = places.filter(
      (place) => place.file !== (files.includes(owner) ? owner : files[0]),
    );
    for (const { file, line } of strangers) {
      const what = `${nameOf(field)} is written in ${files.join(' and ')}`;
      findings.push({ rule: 'one writer', file, line, what });
    }
  }
  return findings;
}

function isShared(name: string, shared: Readonly<Record<string, string>>): boolean {
  return shared[name] !== undefined || shared[`${name.split('.')[0]}.*`] !== undefined;
}

/** The property accesses that this node assigns: `x.f = …`, `x.f += …`, `x.f++`, `[x.f] = …`, `delete x.f`. */
function assigned(node: ts.Node): ts.PropertyAccessExpression[] {
  if (ts.isBinaryExpression(node)) {
    const kind = node.operatorToken.kind;
    const isAssignment =
      kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
    return isAssignment ? targets(node.left) : [];
  }
  if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) {
    const { operator } = node;
    const isStep =
      operator === ts.SyntaxKind.PlusPlusToken || operator === ts.SyntaxKind.MinusMinusToken;
    return isStep ? targets(node.operand) : [];
  }
  if (ts.isDeleteExpression(node)) return targets(node.expression);
  if (ts.isForOfStatement(node) || ts.isForInStatement(node)) {
    return ts.isExpression(node.initializer) ? targets(node.initializer) : [];
  }
  return [];
}

function targets(node: ts.Expression): ts.PropertyAccessExpression[] {
  if (ts.isParenthesizedExpression(node) || ts.isNonNullExpression(node)) {
    return targets(node.expression);
  }
  if (ts.isAsExpression(node) || ts.isSatisfiesExpression(node)) return targets(node.expression);
  if (ts.isPropertyAccessExpression(node)) return [node];
  if (ts.isBinaryExpression(node)) return targets(node.left); // a default within a pattern
  if (ts.isArrayLiteralExpression(node)) return node.elements.flatMap((e) => targets(e));
  if (ts.isSpreadElement(node)) return targets(node.expression);
  if (ts.isObjectLiteralExpression(node)) {
    return node.properties.flatMap((p) => {
      if (ts.isPropertyAssignment(p)) return targets(p.initializer);
      return ts.isSpreadAssignment(p) ? targets(p.expression) : [];
    });
  }
  return [];
}

/** The field's symbol when a class or interface of src/ declares it. */
function fieldOf(target: ts.PropertyAccessExpression, checker: ts.TypeChecker): ts.Symbol | null {
  const symbol = checker.getSymbolAtLocation(target.name);
  const declaration = symbol?.declarations?.[0];
  if (symbol === undefined || declaration === undefined) return null;
  const isField =
    ts.isPropertyDeclaration(declaration) ||
    ts.isPropertySignature(declaration) ||
    ts.isSetAccessorDeclaration(declaration) ||
    ts.isGetAccessorDeclaration(declaration) ||
    ts.isParameter(declaration);
  if (!isField || !pathOf(declaration.getSourceFile()).startsWith('src/')) return null;
  return original(symbol, checker);
}

/** A field of a generic class has a symbol for each instantiation: all of them mean the declared one. */
function original(symbol: ts.Symbol, checker: ts.TypeChecker): ts.Symbol {
  const declaration = symbol.declarations![0]! as ts.NamedDeclaration;
  const declared = declaration.name && checker.getSymbolAtLocation(declaration.name);
  return declared ?? symbol;
}

/** `this.f = …` within the constructor of the class that declares f. */
function isOwnConstructor(target: ts.PropertyAccessExpression, field: ts.Symbol): boolean {
  if (target.expression.kind !== ts.SyntaxKind.ThisKeyword) return false;
  const around = ts.findAncestor(target, (n) => ts.isFunctionLike(n) && !ts.isArrowFunction(n));
  if (around === undefined || !ts.isConstructorDeclaration(around)) return false;
  return field.declarations!.some((d) => d.parent === around.parent);
}

function nameOf(field: ts.Symbol): string {
  const { parent } = field.declarations![0]!;
  const owner =
    ts.isClassLike(parent) || ts.isInterfaceDeclaration(parent) ? parent.name?.text : '';
  return `${owner || '(anonymous)'}.${field.name}`;
}
