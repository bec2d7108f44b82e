import { cl100k } from "./cl100k.ts";
import { gpt2 } from "./gpt2.ts";
import { o200k } from "./o200k.ts";
import type { PreTokenizer } from "./pre-tokenizer.ts";

/** How text is split before byte pair encoding, named after the encoding that brought the pattern. */
export const preTokenizers = { gpt2, cl100k, o200k } as const satisfies Record<string, PreTokenizer>;

export type PatternName = keyof typeof preTokenizers;

export const patternNames = Object.keys(preTokenizers) as readonly PatternName[];
