import { noGrad, philoxBlock, scope, slice, tensor } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { Breather, KeyValueCache } from "@gpt/gpt";
import type { CacheOptions, GPT } from "@gpt/gpt";
import { GenerationError } from "./errors.ts";
import { checkSampling, chooseToken } from "./sampling.ts";
import type { Choice, DeviceChoice, SamplingOptions } from "./sampling.ts";

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
  /** What the model reads where its cache is empty: so many of the last tokens. */
  let span = contextLength;
  /** What it reads elsewhere: the token that was chosen last, where it was chosen. */
  let chosen: Tensor<"i32"> | undefined;
  model.eval();
  try {
    for (let count = 0; count < maxTokens; count++) {
      if (signal?.aborted) return "aborted";
      if (cache.length() === contextLength) {
        cache.truncate(0);
        chosen?.dispose();
        chosen = undefined;
        span = Math.ceil(contextLength / 2);
      }
      const next = noGrad(() =>
        scope(() => {
          const logits = lastLogits(model, chosen ?? batchOf(ids.slice(-span), backend), cache);
          return chooseToken(logits, options, uniformAt(seed, count), ids);
        }),
      );
      chosen?.dispose();
      chosen = next.id;
      const choice = await readChoice(next);
      if (stopTokens.includes(choice.id)) return "stop";
      ids.push(choice.id);
      yield choice;
      await breather.pause();
    }
    return "length";
  } finally {
    chosen?.dispose();
    cache.dispose();
  }
}

/** Token ids on the device, `[1, T]`. */
function batchOf(ids: readonly number[], backend: Backend): Tensor<"i32"> {
  return tensor(Int32Array.from(ids), { shape: [1, ids.length], backend });
}

/** The scores of the token that follows `ids`, `[1, 1, vocabSize]`. */
function lastLogits(model: GPT, ids: Tensor<"i32">, cache: KeyValueCache): Tensor {
  const hidden = model.hidden(ids, { cache }); // (1, T, C)
  return model.logits(slice(hidden, 1, -1));
}

/** Waits for what was chosen: the only thing that is read for a token. */
async function readChoice({ report }: DeviceChoice): Promise<Choice> {
  try {
    const [id, loss] = await report.data();
    if (Number.isNaN(loss)) {
      throw new GenerationError(
        "not-a-number",
        "the model's scores are not numbers (NaN): its weights are damaged, or training diverged",
      );
    }
    return { id, logProbability: -loss };
  } finally {
    report.dispose();
  }
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

/** Number `index` of the uniform numbers in [0, 1), 24 bits each, that belong to a seed. */
function uniformAt(seed: number, index: number): number {
  const words = new Uint32Array(4);
  philoxBlock({ seed: [seed >>> 0, Math.floor(seed / 2 ** 32)], stream: [0, 0] }, index, words);
  return (words[0] >>> 8) * 2 ** -24;
}
