import { TokenizerError } from "../errors.ts";
import { passOn } from "../messages.ts";
import { parse, tokenize } from "./jinja.ts";
import type { Node } from "./jinja.ts";

/** UTF-16 units of a template; those in use have up to 40,000. */
const longestTemplate = 2 ** 18;
/** The library takes quadratic time for white space. */
const longestSpace = 2000;
const kept = new Map<string, Node>();
const maxKept = 8;

/** Statements: all else in a body is an expression that is written out. */
const statements = new Set(["Set", "If", "For", "Macro", "CallStatement", "FilterStatement", "Break", "Continue", "Comment"]);

/** Reads a template, and keeps the last few. Throws `invalid-template`. */
export function readProgram(template: string): Node {
  const known = kept.get(template);
  if (known) return known;
  if (template.length > longestTemplate) {
    throw invalid(`has ${template.length} characters; none needs more than ${longestTemplate}`);
  }
  if (new RegExp(`\\s{${longestSpace}}`).test(template)) throw invalid(`has ${longestSpace} or more spaces or newlines in a row`);
  let program: Node;
  try {
    program = parse(tokenize(template, { lstrip_blocks: true, trim_blocks: true }));
    prepare(program);
  } catch (cause) {
    throw invalid(`cannot be read: ${passOn(String((cause as Error).message))}`, cause);
  }
  if (kept.size === maxKept) kept.delete(kept.keys().next().value!);
  kept.set(template, program);
  return program;
}

export function invalid(problem: string, cause?: unknown): TokenizerError {
  return new TokenizerError("invalid-template", `the chat template ${problem}`, { cause });
}

/**
 * Puts nodes around expressions whose values the limits look at: what is written out, gone through, and given as many
 * arguments.
 */
function prepare(node: Node): void {
  for (const [field, child] of Object.entries(node)) {
    if (Array.isArray(child)) {
      const isBody = field === "body" || field === "alternate" || field === "defaultBlock";
      for (const [index, item] of (child as unknown[]).entries()) {
        if (!isNode(item)) continue;
        prepare(item);
        if (isBody && !statements.has(item.type)) child[index] = around("Output", item);
      }
    } else if (child instanceof Map) {
      for (const [key, value] of child as Map<unknown, unknown>) for (const part of [key, value]) if (isNode(part)) prepare(part);
    } else if (isNode(child)) prepare(child);
  }
  if (node.type === "SpreadExpression" || node.type === "KeywordSpreadExpression") {
    node.argument = around("Listed", node.argument as Node);
  } else if (node.type === "For") {
    const iterable = node.iterable as Node;
    if (iterable.type === "SelectExpression") iterable.lhs = around("Listed", iterable.lhs as Node);
    else node.iterable = around("Listed", iterable);
  }
}

/** Of the same class, so that the library looks into it. */
function around(type: string, expression: Node): Node {
  return Object.assign(Object.create(Object.getPrototypeOf(expression) as object) as object, { type, expression });
}

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** How many nodes a part has. */
export function sizeOf(node: unknown): number {
  if (Array.isArray(node)) return node.reduce<number>((sum, item) => sum + sizeOf(item), 0);
  if (node instanceof Map) return sizeOf([...node].flat());
  return isNode(node) ? 1 + sizeOf(Object.values(node)) : 0;
}
