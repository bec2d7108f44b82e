import { linearCrossEntropy, tensor } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import type { FlatInput, GPT } from "@gpt/gpt";

/** Sequences one behind the other, which a head scores by their last tokens. */
export interface Sequences {
  readonly ids: Int32Array;
  readonly lengths: readonly number[];
  /** Behind the last token of each sequence. */
  readonly ends: Int32Array;
}

/** Puts sequences one behind the other. */
export function sequencesOf(texts: readonly Int32Array[]): Sequences {
  const lengths = texts.map(({ length }) => length);
  let end = 0;
  const ends = Int32Array.from(lengths, (length) => (end += length));
  const ids = new Int32Array(end);
  texts.forEach((text, i) => ids.set(text, ends[i] - lengths[i]));
  return { ids, lengths, ends };
}

export function inputOfSequences({ ids, lengths }: Sequences, { backend }: GPT): FlatInput {
  return { ids: tensor(ids, { backend }), sequences: lengths.map((count) => ({ count })) };
}

/** The last token of each sequence. */
export function lastTokens({ ends }: Sequences, { backend }: GPT): Tensor<"i32"> {
  return tensor(ends.map((end) => end - 1), { backend });
}

/**
 * The loss of the sequences' own tokens, by the token embedding as the head (Radford et al. 2018, section 3.2): of each sequence
 * the mean of its tokens, as in OpenAI's code, times its weight; the sum of these. `hidden` is `[tokens, dim]`.
 */
export function languageModelLoss(model: GPT, hidden: Tensor, { ids, lengths, ends }: Sequences, weights: readonly number[]): Tensor {
  const { backend, tokenEmbedding } = model;
  const targets = new Int32Array(ids.length);
  const ofTokens = new Float32Array(ids.length);
  targets.set(ids.subarray(1));
  ends.forEach((end, i) => {
    targets[end - 1] = -100;
    ofTokens.fill(weights[i] / Math.max(1, lengths[i] - 1), end - lengths[i], end);
  });
  return linearCrossEntropy(hidden, tokenEmbedding.weight, tensor(targets, { backend }), { reduction: "sum", weights: tensor(ofTokens, { backend }) });
}
