import type { JsonValue } from "../files/json.ts";
import { RegexError } from "../regex/parse.ts";
import { Regex } from "../regex/regex.ts";

/** Where something is in a text: begins and ends in turn. */
export type FindSpans = (text: string) => number[];

/** Reads `{ "String": … }`, a text that is found as it is, or `{ "Regex": … }`. */
export function readPattern(pattern: JsonValue): FindSpans {
  const literal = pattern.get("String");
  const expression = pattern.get("Regex");
  if (literal.isAbsent === expression.isAbsent) throw pattern.invalid("is neither a String nor a Regex");
  if (!literal.isAbsent) {
    const text = literal.string();
    if (text === "") throw literal.unsupported("is empty");
    return (within) => literalSpans(within, text);
  }
  try {
    const regex = new Regex(expression.string());
    return (within) => regex.spans(within);
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    throw expression.unsupported(error.message);
  }
}

function literalSpans(within: string, text: string): number[] {
  const spans: number[] = [];
  for (let at = within.indexOf(text); at >= 0; at = within.indexOf(text, at + text.length)) spans.push(at, at + text.length);
  return spans;
}

/** Where single characters that match an expression are; it has the flags `g` and `u`. */
export function characterSpans(expression: RegExp): FindSpans {
  return (within) => {
    const spans: number[] = [];
    for (const { 0: character, index } of within.matchAll(expression)) spans.push(index, index + character.length);
    return spans;
  };
}
