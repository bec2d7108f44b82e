import type { GPTOptions } from "@gpt/gpt";
import type { TrainSettings } from "@gpt/train";

export interface StoryRecipe {
  /** For the byte-level BPE tokenizer that is trained on the training text: enough for every word to be one token. */
  readonly vocabSize: number;
  /** All but the size of the vocabulary, which is the tokenizer's. */
  readonly model: Omit<GPTOptions, "vocabSize">;
  readonly training: Partial<TrainSettings> & { readonly steps: number };
  /** For sampling: a little below 1, since the model gives all that is impossible some small probability. */
  readonly temperature: number;
}

/**
 * A small GPT that learns the stories of `storyCorpus` in a minute or two of one processor core, to about 0.025 nat a
 * token above their entropy. A window holds more than two stories, so that the few tokens at its beginning which lack
 * their context cost little. For a width this small, weights begin at 1 / √dim (GPT-2's 0.02 fits dims about 2,500),
 * and the head is not tied to the embeddings: both help the model to tell names apart early, and so to repeat them.
 */
export const storyRecipe: StoryRecipe = {
  vocabSize: 1024,
  model: { contextLength: 256, layers: 2, heads: 4, dim: 64, tiedHead: false, initialStd: 0.125 },
  training: { steps: 4500, batchSize: 4, learningRate: 5e-3, minLearningRate: 1e-4 },
  temperature: 0.8,
};
