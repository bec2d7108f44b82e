import type { Tokenizer } from "../tokenizer.ts";

/** The files of a tokenizer, name to content, as they lie in a model's folder. */
export declare function tokenizerFiles(tokenizer: Tokenizer): Map<string, string>;
