import * as library from "@huggingface/jinja";

// The library's declarations name files without extensions, which TypeScript does not find from an ES module.

/** A value of a template while it runs. */
export interface Value {
  readonly type: string;
  readonly value: unknown;
  toString(): string;
}

/** A part of a template, as the library's parser makes it, or as `prepare` puts around it. */
export interface Node {
  readonly type: string;
  [field: string]: unknown;
}

export interface Scope {
  readonly parent?: Scope;
  readonly variables: ReadonlyMap<string, Value>;
  /** Declares a variable, which must be new. */
  set(name: string, value: unknown): void;
}

interface Evaluator {
  readonly global: Scope;
  run(program: Node): Value;
  evaluate(node: Node | undefined, scope: Scope): Value;
}

interface Library {
  readonly Environment: new () => Scope;
  readonly Interpreter: new (scope: Scope) => Evaluator;
  tokenize(source: string, options: { readonly lstrip_blocks: boolean; readonly trim_blocks: boolean }): unknown;
  parse(tokens: unknown): Node;
}

export const { Environment, Interpreter, tokenize, parse } = library as unknown as Library;
