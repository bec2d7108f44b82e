import { TokenizerError } from "../errors.ts";
import type { CharSet } from "./char-set.ts";
import { regexCost } from "./cost.ts";
import type { RegexNode } from "./node.ts";
import { parseRegex } from "./parse.ts";

/** UTF-16 units of a stretch that an expression which may take quadratic time goes over. */
const longestStretch = 2048;

/** An expression of a file, as a JavaScript regular expression that finds the same. */
export class Regex {
  readonly #expression: RegExp;
  /** Finds a stretch that would take too long. */
  readonly #tooLong: RegExp | undefined;

  /** Throws `RegexError` for what is wrong, not supported, or may take too long. */
  constructor(source: string) {
    const node = parseRegex(source);
    const { slow } = regexCost(node);
    this.#expression = new RegExp(emitted(node, { captures: 0 }), "gu");
    this.#tooLong = slow.isEmpty ? undefined : longStretch(slow);
  }

  /**
   * Where matches begin and end, one after the other, as Oniguruma finds them: none is empty at the end of another.
   * Throws `text-too-long`.
   */
  spans(text: string): number[] {
    const long = this.#tooLong?.exec(text);
    if (long) throw tooLong(long.index);
    const expression = this.#expression;
    const found: number[] = [];
    let lastEnd = -1;
    for (let from = 0; from <= text.length; ) {
      expression.lastIndex = from;
      const match = run(expression, text);
      if (!match) break;
      const end = match.index + match[0].length;
      // What is empty is found between the halves of a pair too.
      if (isInPair(text, match.index)) from = match.index + 1;
      else if (match[0] === "" && end === lastEnd) from += widthAt(text, end);
      else {
        found.push(match.index, end);
        lastEnd = end;
        from = end;
      }
    }
    return found;
  }
}

function run(expression: RegExp, text: string): RegExpExecArray | null {
  try {
    return expression.exec(text);
  } catch (cause) {
    // The engine's stack is too small for a stretch of many millions of characters.
    throw tooLong(expression.lastIndex, cause);
  }
}

function tooLong(at: number, cause?: unknown): TokenizerError {
  const problem = `a stretch of the text is too long for the tokenizer's pattern: it begins at character ${at} of what is encoded`;
  return new TokenizerError("text-too-long", `${problem}; break it with spaces or newlines`, { cause });
}

function longStretch(slow: CharSet): RegExp {
  return new RegExp(`${slow.source()}{${longestStretch + 1}}`, "u");
}

function isInPair(text: string, at: number): boolean {
  return at > 0 && text.codePointAt(at - 1)! > 0xffff;
}

function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

/** The source of a JavaScript regular expression with the flag `u`. */
function emitted(node: RegexNode, counter: { captures: number }): string {
  switch (node.kind) {
    case "set":
      return node.set.source();
    case "sequence":
      return node.items.map((item) => (item.kind === "choice" ? group(item, counter) : emitted(item, counter))).join("");
    case "choice":
      return node.options.map((option) => emitted(option, counter)).join("|");
    case "repeat": {
      const max = node.max === Infinity ? "" : String(node.max);
      const isPlain = node.body.kind === "set";
      // JavaScript does not let what is optional match nothing.
      if (!isPlain && node.min === 0 && node.max === 1) {
        const body = emitted(node.body, counter);
        return node.lazy ? `(?:|${body})` : `(?:${body}|)`;
      }
      const body = isPlain ? emitted(node.body, counter) : group(node.body, counter);
      return `${body}{${node.min},${max}}${node.lazy ? "?" : ""}`;
    }
    case "atomic": {
      // Nothing goes back into what has been looked at.
      const number = ++counter.captures;
      return `(?=(${emitted(node.body, counter)}))\\${number}(?:)`;
    }
    case "look":
      return `(?${node.behind ? "<" : ""}${node.negative ? "!" : "="}${emitted(node.body, counter)})`;
  }
}

function group(node: RegexNode, counter: { captures: number }): string {
  return `(?:${emitted(node, counter)})`;
}
