/**
 * No mutable state at module level in the core: two stacks live in one process and must not meet there,
 * and a module-level counter past 2^31 costs 16 bytes of garbage a count.
 */
import ts from 'typescript';
import { isCore } from './globals.ts';
import { type Finding, type House, lineOf, pathOf } from './house.ts';

const MUTATORS = new Set([
  ...['push', 'pop', 'shift', 'unshift', 'splice', 'sort', 'reverse', 'fill', 'copyWithin'],
  ...['set', 'add', 'delete', 'clear'],
  ...['setInt8', 'setUint8', 'setInt16', 'setUint16', 'setInt32', 'setUint32', 'setFloat64'],
]);

export function moduleStateFindings(house: House): Finding[] {
  const findings: Finding[] = [];
  for (const [file, source] of house.files) {
    if (!isCore(file)) continue;
    const add = (node: ts.Node, what: string): void => {
      findings.push({ rule: 'module state', file, line: lineOf(node), what });
    };
    for (const statement of source.statements) {
      if (ts.isVariableStatement(statement)) checkVariables(statement, house.checker, add);
      if (ts.isClassDeclaration(statement)) checkStatics(statement, add);
    }
    const visit = (node: ts.Node): void => {
      const root = mutated(node);
      if (root !== null && isModuleConst(root, house.checker)) {
        add(node, `${root.text} is changed, but lives at module level`);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return findings;
}

type Add = (node: ts.Node, what: string) => void;

function checkVariables(statement: ts.VariableStatement, checker: ts.TypeChecker, add: Add): void {
  const isConst = (statement.declarationList.flags & ts.NodeFlags.Const) !== 0;
  const isAmbient = statement.modifiers?.some((m) => m.kind === ts.SyntaxKind.DeclareKeyword);
  if (isAmbient === true) return;
  for (const declaration of statement.declarationList.declarations) {
    const name = declaration.name.getText();
    if (!isConst) add(declaration, `let ${name} at module level`);
    const value = declaration.initializer;
    if (value !== undefined && ts.isNewExpression(value) && isStateful(value, checker)) {
      add(declaration, `${name} is an object with state at module level`);
    }
  }
}

/** An instance of a class of the house with a field that can change. */
function isStateful(value: ts.NewExpression, checker: ts.TypeChecker): boolean {
  let symbol = checker.getSymbolAtLocation(value.expression);
  if (symbol === undefined) return false;
  if ((symbol.flags & ts.SymbolFlags.Alias) !== 0) symbol = checker.getAliasedSymbol(symbol);
  const declaration = symbol.valueDeclaration;
  if (declaration === undefined || !ts.isClassLike(declaration)) return false;
  if (!pathOf(declaration.getSourceFile()).startsWith('src/')) return false;
  return declaration.members.some((m) => ts.isPropertyDeclaration(m) && !isReadonly(m));
}

function checkStatics(declaration: ts.ClassDeclaration, add: Add): void {
  for (const member of declaration.members) {
    if (!ts.isPropertyDeclaration(member)) continue;
    const isStatic = member.modifiers?.some((m) => m.kind === ts.SyntaxKind.StaticKeyword);
    if (isStatic === true && !isReadonly(member)) {
      add(member, `static ${member.name.getText()} can change`);
    }
  }
}

function isReadonly(member: ts.PropertyDeclaration): boolean {
  return member.modifiers?.some((m) => m.kind === ts.SyntaxKind.ReadonlyKeyword) === true;
}

/** The variable whose value this node changes: `X[i] = …`, `X.f++`, `X.push(…)`. */
function mutated(node: ts.Node): ts.Identifier | null {
  if (ts.isBinaryExpression(node)) {
    const kind = node.operatorToken.kind;
    if (kind < ts.SyntaxKind.FirstAssignment || kind > ts.SyntaxKind.LastAssignment) return null;
    return rootOf(node.left);
  }
  if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) {
    const { operator } = node;
    const isStep =
      operator === ts.SyntaxKind.PlusPlusToken || operator === ts.SyntaxKind.MinusMinusToken;
    return isStep ? rootOf(node.operand) : null;
  }
  if (ts.isDeleteExpression(node)) return rootOf(node.expression);
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    return MUTATORS.has(node.expression.name.text) ? identifier(node.expression.expression) : null;
  }
  return null;
}

/** The identifier at the bottom of `X[…]` or `X.f`, but not a plain `X`. */
function rootOf(node: ts.Expression): ts.Identifier | null {
  if (ts.isNonNullExpression(node) || ts.isParenthesizedExpression(node))
    return rootOf(node.expression);
  if (!ts.isElementAccessExpression(node) && !ts.isPropertyAccessExpression(node)) return null;
  return identifier(node.expression) ?? rootOf(node.expression);
}

function identifier(node: ts.Expression): ts.Identifier | null {
  if (ts.isNonNullExpression(node) || ts.isParenthesizedExpression(node)) {
    return identifier(node.expression);
  }
  return ts.isIdentifier(node) ? node : null;
}

/** Whether the name means a variable at the top of a module of the core, here or in another file. */
function isModuleConst(name: ts.Identifier, checker: ts.TypeChecker): boolean {
  let symbol = checker.getSymbolAtLocation(name);
  if (symbol === undefined) return false;
  if ((symbol.flags & ts.SymbolFlags.Alias) !== 0) symbol = checker.getAliasedSymbol(symbol);
  const declaration = symbol.valueDeclaration;
  if (declaration === undefined || !ts.isVariableDeclaration(declaration)) return false;
  const statement = declaration.parent.parent;
  return ts.isVariableStatement(statement) && ts.isSourceFile(statement.parent);
}
