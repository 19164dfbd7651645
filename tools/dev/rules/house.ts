/** The house as the rules see it: parsed sources by repository path, and the type checker over them. */
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export interface Finding {
  readonly rule: string;
  readonly file: string;
  /** From 1; 0 when the finding is about the whole file. */
  readonly line: number;
  readonly what: string;
}

/** Parsed and bound source, by repository path. */
export interface House {
  readonly files: ReadonlyMap<string, ts.SourceFile>;
  readonly checker: ts.TypeChecker;
}

const LIBRARY = resolve(
  dirname(fileURLToPath(import.meta.url)),
  '../../../node_modules/typescript/lib',
);

/** The language's library is the same for every house: parsed once. */
const LIBRARY_FILES = new Map<string, ts.SourceFile>();

/**
 * Parses the TypeScript files among `sources` (path in the repository → text), with the language's own
 * library and nothing else: Node's types are unknown here, and the rules do not need them.
 */
export function openHouse(sources: ReadonlyMap<string, string>): House {
  const names = [...sources.keys()].filter((f) => f.endsWith('.ts') && !f.endsWith('.d.ts'));
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    noEmit: true,
    strict: true,
    types: [],
  };
  const inHouse = (name: string): string | undefined => sources.get(name.replace(/^\/house\//, ''));
  const inLibrary = (name: string): string | undefined =>
    name.startsWith(`${LIBRARY}/`) ? ts.sys.readFile(name) : undefined;
  const read = (name: string): string | undefined => inHouse(name) ?? inLibrary(name);
  const host: ts.CompilerHost = {
    fileExists: (name) => inHouse(name) !== undefined,
    readFile: read,
    getSourceFile: (name, target) => {
      const known = LIBRARY_FILES.get(name);
      if (known !== undefined) return known;
      const text = read(name);
      if (text === undefined) return undefined;
      const file = ts.createSourceFile(name, text, target, true);
      if (inHouse(name) === undefined) LIBRARY_FILES.set(name, file);
      return file;
    },
    getDefaultLibFileName: () => `${LIBRARY}/lib.es2023.d.ts`,
    getDefaultLibLocation: () => LIBRARY,
    writeFile: () => undefined,
    getCurrentDirectory: () => '/house',
    getCanonicalFileName: (name) => name,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => '\n',
    directoryExists: () => true,
    getDirectories: () => [],
  };
  const roots = names.map((name) => `/house/${name}`);
  const program = ts.createProgram(roots, options, host);
  const files = new Map(names.map((name) => [name, program.getSourceFile(`/house/${name}`)!]));
  return { files, checker: program.getTypeChecker() };
}

/** Whether every declaration of the symbol belongs to the language, not to the house. */
export function isAmbient(symbol: ts.Symbol | undefined): boolean {
  return (symbol?.declarations ?? []).every(
    (d) => !d.getSourceFile().fileName.startsWith('/house/'),
  );
}

/** The repository path of a parsed file. */
export function pathOf(file: ts.SourceFile): string {
  return file.fileName.replace(/^\/house\//, '');
}

export function lineOf(node: ts.Node): number {
  const file = node.getSourceFile();
  return file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
}
