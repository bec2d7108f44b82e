import { noGrad, philoxBlock, scope, slice, tensor } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { Breather, KeyValueCache } from "@gpt/gpt";
import type { CacheOptions, GPT } from "@gpt/gpt";
import { GenerationError } from "./errors.ts";
import { checkSampling, chooseToken } from "./sampling.ts";
import type { Choice, SamplingOptions } from "./sampling.ts";

export interface TokenOptions extends SamplingOptions {
  /** How many tokens to write. */
  readonly maxTokens: number;
  /** Tokens that end the stream; they are not part of it. Default: none. */
  readonly stopTokens?: readonly number[];
  /** The same seed gives the same tokens. A whole number from 0; default 0. */
  readonly seed?: number;
  /** In which format keys and values are kept: see `KeyValueCache`. Default `f32`. */
  readonly cacheFormat?: CacheOptions["format"];
  /** Ends the stream after the current token. */
  readonly signal?: AbortSignal;
}

/** Why a stream ended: by a stop token or stop sequence, at `maxTokens`, or by its signal. */
export type FinishReason = "stop" | "length" | "aborted";

/**
 * Continues a sequence of token ids, one token at a time. Beyond the model's context the older half is forgotten. The
 * model is put into evaluation mode; its cache is freed when the stream ends or the loop over it is left. The
 * generator's return value says why it ended. Throws `invalid-option`, `empty-prompt`, `invalid-token`, and
 * `not-a-number` where the model's scores are no numbers.
 */
export async function* streamTokens(
  model: GPT,
  promptIds: readonly number[],
  options: TokenOptions,
): AsyncGenerator<Choice, FinishReason, undefined> {
  checkOptions(model, promptIds, options);
  const { maxTokens, seed = 0, stopTokens = [], cacheFormat, signal } = options;
  const { contextLength } = model.config;
  const { backend } = model.tokenEmbedding.weight;
  const ids = [...promptIds];
  const cache = new KeyValueCache(model.config, { backend, format: cacheFormat });
  const breather = new Breather();
  model.eval();
  try {
    let pending = ids.slice(-contextLength);
    for (let count = 0; count < maxTokens; count++) {
      if (signal?.aborted) return "aborted";
      if (cache.length() + pending.length > contextLength) {
        cache.truncate(0);
        pending = ids.slice(-Math.ceil(contextLength / 2));
      }
      const logits = lastLogits(model, pending, cache, backend);
      let scores: Float32Array;
      try {
        scores = await logits.data();
      } finally {
        logits.dispose();
      }
      const choice = chooseToken(scores, options, uniformAt(seed, count), ids);
      if (stopTokens.includes(choice.id)) return "stop";
      ids.push(choice.id);
      pending = [choice.id];
      yield choice;
      await breather.pause();
    }
    return "length";
  } finally {
    cache.dispose();
  }
}

/** The scores of the token that follows `ids`, `[vocabSize]`. */
function lastLogits(model: GPT, ids: readonly number[], cache: KeyValueCache, backend: Backend): Tensor {
  return noGrad(() =>
    scope(() => {
      const input = tensor(Int32Array.from(ids), { shape: [1, ids.length], backend });
      const hidden = model.hidden(input, { cache }); // (1, T, C)
      return model.logits(slice(hidden, 1, -1));
    }),
  );
}

function checkOptions(model: GPT, promptIds: readonly number[], options: TokenOptions): void {
  checkSampling(options);
  const { maxTokens, seed = 0 } = options;
  if (!Number.isInteger(maxTokens) || maxTokens < 0) {
    throw new GenerationError("invalid-option", `maxTokens must be a whole number from 0, not ${maxTokens}`);
  }
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new GenerationError("invalid-option", `seed must be a whole number from 0 to 2^53 - 1, not ${seed}`);
  }
  if (promptIds.length === 0) {
    throw new GenerationError("empty-prompt", "the prompt has no tokens; a model continues at least one");
  }
  const { vocabSize } = model.config;
  const outside = promptIds.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
  if (outside !== undefined) {
    throw new GenerationError("invalid-token", `token ${outside} is not in the model's vocabulary of ${vocabSize}`);
  }
}

/** Number `index` of the uniform numbers in [0, 1) that belong to a seed. */
function uniformAt(seed: number, index: number): number {
  const words = new Uint32Array(4);
  philoxBlock({ seed: [seed >>> 0, Math.floor(seed / 2 ** 32)], stream: [0, 0] }, index, words);
  return words[0] * 2 ** -32;
}
