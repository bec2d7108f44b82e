import { TokenizerError } from "../errors.ts";
import { quote } from "../messages.ts";
import { cl100k, qwen2 } from "./cl100k.ts";
import { gpt2 } from "./gpt2.ts";
import { o200k } from "./o200k.ts";
import type { PreTokenizer } from "./pre-tokenizer.ts";

/** How text is split before byte pair encoding, named after the encoding that brought the pattern. */
export const preTokenizers = { gpt2, cl100k, o200k, qwen2 } as const satisfies Record<string, PreTokenizer>;

/** The name of a pattern that cuts texts into pre-tokens. */
export type PatternName = keyof typeof preTokenizers;

export const patternNames = /* @__PURE__ */ Object.keys(preTokenizers) as readonly PatternName[];

/** Throws `invalid-option` for what is no pattern's name. */
export function checkPattern(name: unknown): asserts name is PatternName {
  if ((patternNames as readonly unknown[]).includes(name)) return;
  throw new TokenizerError(
    "invalid-option",
    `there is no pattern ${quote(name)}; there are ${patternNames.join(", ")}`,
  );
}

/** The patterns as regular expressions, as files have them. They are compared and written, never run. */
export const expressions: Readonly<Record<PatternName, string>> = {
  gpt2: "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  cl100k: "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  o200k: /* @__PURE__ */ [
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  ].join("|"),
  qwen2: "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
};
