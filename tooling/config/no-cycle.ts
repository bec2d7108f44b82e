import { dirname, resolve } from "node:path";
import type { Rule } from "eslint";
import ts from "typescript";

/**
 * Refuses imports, other than of types, by which a module comes back to itself. They are those of the program that rules with types
 * have in memory: `no-cycle` of eslint-plugin-import-x parses every file once more, and resolves every import once for each file.
 */
export const noCycle: Rule.RuleModule = {
  meta: { type: "problem", schema: [], messages: { cycle: "This import comes back to its module: {{path}}" } },
  create(context) {
    const { program } = context.sourceCode.parserServices as { readonly program?: ts.Program | null };
    const file = program?.getSourceFile(context.filename);
    if (!program || !file) return {};
    return {
      Program() {
        for (const { specifier, path } of importsOf(file)) {
          const imported = program.getSourceFile(path);
          const way = imported && wayBetween(program, imported, file);
          if (!way) continue;
          const [start, end] = [specifier.getStart(file), specifier.getEnd()].map((index) => context.sourceCode.getLocFromIndex(index));
          context.report({ loc: { start, end }, messageId: "cycle", data: { path: way.join(" → ") } });
        }
      },
    };
  },
};

/** The modules from one to another, both named; undefined where none leads there. */
function wayBetween(program: ts.Program, from: ts.SourceFile, to: ts.SourceFile): string[] | undefined {
  const comesFrom = new Map<ts.SourceFile, ts.SourceFile | undefined>([[from, undefined]]);
  for (const file of comesFrom.keys()) {
    if (file === to) return [...wayTo(file, comesFrom)].reverse();
    for (const { path } of importsOf(file)) {
      const imported = program.getSourceFile(path);
      if (imported && !comesFrom.has(imported)) comesFrom.set(imported, file);
    }
  }
  return undefined;
}

function* wayTo(last: ts.SourceFile, comesFrom: ReadonlyMap<ts.SourceFile, ts.SourceFile | undefined>): Generator<string> {
  for (let file: ts.SourceFile | undefined = last; file; file = comesFrom.get(file)) yield file.fileName;
}

interface Import {
  readonly specifier: ts.StringLiteralLike;
  readonly path: string;
}

const known = new WeakMap<ts.SourceFile, readonly Import[]>();

/** What a module imports by relative paths, at once or later, types left out. */
function importsOf(file: ts.SourceFile): readonly Import[] {
  let imports = known.get(file);
  if (!imports) {
    // Not among the published types, but what TypeScript itself resolves.
    const { imports: specifiers } = file as ts.SourceFile & { readonly imports: readonly ts.StringLiteralLike[] };
    imports = specifiers
      .filter(({ text, parent }) => text.startsWith(".") && !isOfTypes(parent))
      .map((specifier) => ({ specifier, path: resolve(dirname(file.fileName), specifier.text) }));
    known.set(file, imports);
  }
  return imports;
}

function isOfTypes(importing: ts.Node): boolean {
  if (ts.isImportDeclaration(importing)) {
    const { importClause } = importing;
    if (!importClause) return false;
    const { phaseModifier, name, namedBindings } = importClause;
    const isTypeOnly = phaseModifier === ts.SyntaxKind.TypeKeyword;
    return isTypeOnly || (!name && namedBindings !== undefined && ts.isNamedImports(namedBindings) && areTypes(namedBindings.elements));
  }
  if (ts.isExportDeclaration(importing)) {
    const { isTypeOnly, exportClause } = importing;
    return isTypeOnly || (exportClause !== undefined && ts.isNamedExports(exportClause) && areTypes(exportClause.elements));
  }
  return !ts.isCallExpression(importing);
}

function areTypes(names: readonly (ts.ImportSpecifier | ts.ExportSpecifier)[]): boolean {
  return names.length > 0 && names.every(({ isTypeOnly }) => isTypeOnly);
}
