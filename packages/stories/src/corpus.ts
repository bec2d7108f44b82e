import { generateStories } from "./generate.ts";
import { logProbability } from "./parse.ts";

export interface StoryCorpus {
  readonly train: string;
  readonly validation: string;
  /**
   * Of the validation text, in nats: minus the logarithm of its probability under the grammar that wrote it. Divided by
   * its tokens but the first (every text begins with the same one), it is the least loss that a model can expect.
   */
  readonly entropy: number;
}

/** Stories to train on and others to validate with, always the same. */
export function storyCorpus(): StoryCorpus {
  const train = generateStories({ seed: 1, characters: 2_000_000 });
  const validation = generateStories({ seed: 2, characters: 60_000 });
  return { train, validation, entropy: -logProbability(validation) };
}
