import type { BytePairTokenizer } from "./bpe/tokenizer.ts";

export const encodingNames = [
  "gpt2",
  "r50k_base",
  "p50k_base",
  "p50k_edit",
  "cl100k_base",
  "o200k_base",
  "o200k_harmony",
] as const;
export type EncodingName = (typeof encodingNames)[number];
export declare function encodingByName(name: string): Promise<BytePairTokenizer>;
