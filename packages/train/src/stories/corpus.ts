import { generateStories } from "./generate.ts";
import { logProbability } from "./parse.ts";

export interface StoryCorpus {
  readonly train: string;
  readonly validation: string;
  /**
   * Of the validation text, in nats a character: the least loss that a model of characters can expect on it. Exact:
   * from the probability of this very text under the grammar that wrote both texts.
   */
  readonly entropy: number;
}

/** Stories to train on and others to validate with. The first character of either text is always the same. */
export function storyCorpus(): StoryCorpus {
  const train = generateStories({ seed: 1, characters: 2_000_000 });
  const validation = generateStories({ seed: 2, characters: 60_000 });
  return { train, validation, entropy: -logProbability(validation) / (validation.length - 1) };
}
