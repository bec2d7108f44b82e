import { CharacterTokenizer, trainBPE } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { readText } from "@gpt/train/node";
import { formatCount } from "../format.ts";
import type { Output } from "../output.ts";
import { resolveTokenizer } from "../tokenizers.ts";
import type { RunOptions } from "./training-options.ts";

/** Entries of a vocabulary that is learnt. */
export const defaultVocabSize = 4096;

/** The tokenizer that a run's options ask for: learnt from its data, or one that exists. */
export async function chooseTokenizer(options: RunOptions, output: Output): Promise<Tokenizer> {
  const { tokenizer: name, data, vocabSize = defaultVocabSize } = options;
  switch (name) {
    case "char":
      return CharacterTokenizer.fromText(readText(data));
    case "bpe":
      return trainBPE(readText(data), {
        vocabSize,
        specialTokens: ["<|endoftext|>"],
        onProgress: ({ vocabSize: size }) =>
          output.progress(`learnt ${formatCount(size)} of ${formatCount(vocabSize)} tokens`),
      });
    default:
      return resolveTokenizer(name, output);
  }
}
