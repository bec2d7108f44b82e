import { TokenizerError } from "./errors.ts";
import { quote } from "./messages.ts";
import type { DecodeOptions } from "./tokenizer.ts";

/** An error for an argument that is not what was expected. */
export function invalidOption(name: string, value: unknown, expected: string): TokenizerError {
  return new TokenizerError("invalid-option", `${name} is ${quote(value)}; give ${expected}`);
}

/** Options that are left out, or an object. */
export function checkOptions(value: unknown): void {
  if (typeof value !== "object" || value === null) throw invalidOption("options", value, "an object, or leave it out");
}

export function checkText(name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") throw invalidOption(name, value, "a string");
}

/** The empty path would be the current folder. */
export function checkPath(name: string, value: unknown): asserts value is string {
  const isPath = typeof value === "string" && value !== "" && !value.includes("\0");
  if (!isPath) throw invalidOption(name, value, "the path of a file or folder");
}

/** Anything that can be gone through, but a string: that goes by characters, which nobody means. */
export function isList(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

/** A text, or what gives texts, at once or one by one. */
export function checkTexts(texts: unknown): void {
  const isStream = typeof texts === "object" && texts !== null && Symbol.asyncIterator in texts;
  if (typeof texts !== "string" && !isList(texts) && !isStream) {
    throw invalidOption("texts", texts, "a string, an array of strings, or anything else that gives strings");
  }
}

export function checkIds(ids: unknown): asserts ids is Iterable<number> {
  if (!isList(ids)) throw invalidOption("ids", ids, "an array of token ids, or anything else that gives them");
}

/** Whether ids without a token are passed over. */
export function skipsIds(options: DecodeOptions): boolean {
  checkOptions(options);
  const { withoutToken = "throw" } = options;
  if (withoutToken === "throw" || withoutToken === "skip") return withoutToken === "skip";
  throw invalidOption("withoutToken", withoutToken, '"throw" or "skip"');
}
