import type { BytePairTokenizer } from "./tokenizer.ts";

export interface TrainBPEOptions {
  readonly vocabSize: number;
  readonly specialTokens?: readonly string[];
  readonly pattern?: "gpt2" | "cl100k" | "o200k";
  readonly onProgress?: (progress: TrainBPEProgress) => void;
  readonly signal?: AbortSignal;
}
export interface TrainBPEProgress {
  /** Characters read so far. */
  readonly characters: number;
  /** Different pre-tokens found so far. */
  readonly words: number;
  /** Entries of the vocabulary so far. */
  readonly vocabSize: number;
}
export declare function trainBPE(
  texts: Iterable<string> | AsyncIterable<string>,
  options: TrainBPEOptions,
): Promise<BytePairTokenizer>;
