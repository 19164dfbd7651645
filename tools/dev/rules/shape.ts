/** The size of files and functions, and how modules export. */
import ts from 'typescript';
import { type Finding, type House, lineOf } from './house.ts';

export const MAX_FUNCTION_LINES = 60;

export function shapeFindings(house: House): Finding[] {
  const findings: Finding[] = [];
  for (const [file, source] of house.files) {
    if (!/^(src|tools|test|bench|examples)\//.test(file)) continue;
    const add = (node: ts.Node, rule: string, what: string): void => {
      findings.push({ rule, file, line: lineOf(node), what });
    };
    const isTest = file.startsWith('test/');
    const visit = (node: ts.Node): void => {
      if (ts.isFunctionLike(node) && !isTest) {
        const lines = linesOf(node, source);
        if (lines > MAX_FUNCTION_LINES)
          add(node, 'function length', `${nameOf(node)}: ${lines} lines`);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
    for (const statement of source.statements) {
      if (isDefaultExport(statement)) add(statement, 'default export', 'export it by name');
    }
    const barrel = barrelStatement(file, source);
    if (barrel !== null) add(barrel, 'barrel', 'import from the file that has it');
  }
  return findings;
}

function linesOf(node: ts.Node, source: ts.SourceFile): number {
  const first = source.getLineAndCharacterOfPosition(node.getStart()).line;
  return source.getLineAndCharacterOfPosition(node.getEnd()).line - first + 1;
}

function nameOf(node: ts.SignatureDeclaration): string {
  return node.name?.getText() ?? (ts.isConstructorDeclaration(node) ? 'constructor' : 'function');
}

function isDefaultExport(statement: ts.Statement): boolean {
  if (ts.isExportAssignment(statement)) return true;
  if (ts.isExportDeclaration(statement)) {
    const clause = statement.exportClause;
    if (clause === undefined || !ts.isNamedExports(clause)) return false;
    return clause.elements.some((e) => e.name.text === 'default');
  }
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
  return modifiers.some((m) => m.kind === ts.SyntaxKind.DefaultKeyword);
}

/** `export *`, or a file that only hands on what others export; an entry point of the package may. */
function barrelStatement(file: string, source: ts.SourceFile): ts.Node | null {
  if (/^src\/([a-z-]+\/)?index\.ts$/.test(file)) return null;
  const handedOn = source.statements.filter(
    (s) => ts.isExportDeclaration(s) && s.moduleSpecifier !== undefined,
  );
  const star = handedOn.find((s) => ts.isExportDeclaration(s) && s.exportClause === undefined);
  if (star !== undefined) return star;
  const hasOnlyThat = handedOn.length > 0 && handedOn.length === source.statements.length;
  return hasOnlyThat ? handedOn[0]! : null;
}
