import { noGrad, philoxBlock, scope, slice } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { EventLoopYielder } from "@gpt/common";
import { KeyValueCache } from "@gpt/gpt";
import type { CacheOptions, GPT } from "@gpt/gpt";
import { notNumbers } from "./errors.ts";
import type { FinishEvent, FinishReason, GeneratedToken, TokenEvent } from "./events.ts";
import { resolveTokenOptions } from "./options.ts";
import { batchOf, checkLength, checkModel, readPrompt } from "./prompt.ts";
import { allowedTokens, chooseToken, withoutSuppressed } from "./sampling.ts";
import type { DeviceChoice, SamplingOptions } from "./sampling.ts";

/** How tokens are generated, and where they end. */
export interface TokenOptions extends SamplingOptions {
  /** How many tokens to generate at most. Default: the model's, else 256. */
  readonly maxTokens?: number;
  /** Tokens that end the stream, one or several; they are not part of it. Default: the model's, else none. */
  readonly stopTokens?: number | readonly number[];
  /** Tokens that are never chosen. Default: the model's, else none. */
  readonly suppressTokens?: number | readonly number[];
  /** The same seed gives the same tokens. A whole number from 0. Default: one is drawn, which `finish` reports. */
  readonly seed?: number;
  /** How keys and values are stored: see `KeyValueCache`. Default `f32`. */
  readonly cacheDtype?: CacheOptions["dtype"];
  /**
   * Whether generation goes on beyond the model's context, by forgetting the older half each time that it is full, and
   * reads only the end of a longer prompt. Default false: generation ends with the context.
   */
  readonly contextShift?: boolean;
  /** Whether options that are left out have the defaults of `model.generation`. Default true. */
  readonly modelDefaults?: boolean;
  /** Ends the stream after the current token. */
  readonly signal?: AbortSignal;
}

/**
 * Continues a sequence of token ids: a `token` event for each token, then one `finish` event. Runs under `noGrad`, without
 * dropout, and leaves every part of the model in its mode. The cache is freed when the stream ends or the loop over it is
 * left. Throws `invalid-option`, `empty-prompt`, `prompt-too-long`, `invalid-token`, and `not-a-number` where the model's
 * scores are no numbers.
 *
 * @example
 * for await (const event of streamTokens(model, [15496, 11], { maxTokens: 5 })) {
 *   if (event.type === "token") console.log(event.id, Math.exp(event.logProbability));
 * }
 */
export async function* streamTokens(
  model: GPT,
  promptIds: readonly number[],
  options?: TokenOptions,
): AsyncGenerator<TokenEvent | FinishEvent, void, undefined> {
  checkModel(model);
  const ids = readPrompt(model, promptIds);
  const promptTokens = ids.length;
  const { sampling, maxTokens, seed, stopTokens, suppressTokens, cacheDtype, contextShift, signal } = resolveTokenOptions(
    model,
    promptTokens,
    options,
  );
  const { contextLength, vocabSize } = model.config;
  if (!contextShift) checkLength(model, ids, ", or contextShift: true to read its end");
  const { backend } = model;
  const stops = new Set(stopTokens);
  const allowed = allowedTokens(suppressTokens, vocabSize, backend);
  let cache: KeyValueCache | undefined;
  const yielder = new EventLoopYielder();
  /** How many of the last tokens the model reads where its cache is empty. */
  let span = contextLength;
  /** What it reads elsewhere: the token that was chosen last, where it was chosen. */
  let chosen: Tensor<"i32"> | undefined;
  let finishReason: FinishReason = "length";
  try {
    cache = new KeyValueCache(model.config, { backend, dtype: cacheDtype });
    const filled = cache;
    for (let count = 0; count < maxTokens; count++) {
      if (signal?.aborted) {
        finishReason = "aborted";
        break;
      }
      if (filled.length() === contextLength) {
        if (!contextShift) break;
        filled.truncate(0);
        chosen?.dispose();
        chosen = undefined;
        span = Math.ceil(contextLength / 2);
      }
      const next = noGrad(() =>
        scope(() => {
          const input = chosen ?? batchOf(ids.slice(-span), backend);
          const logits = model.evaluating(() => lastLogits(model, input, filled));
          return chooseToken(withoutSuppressed(logits, allowed), sampling, uniformAt(seed, count), ids);
        }),
      );
      chosen?.dispose();
      chosen = next.id;
      const choice = await readChoice(next);
      if (stops.has(choice.id)) {
        finishReason = "stop";
        break;
      }
      ids.push(choice.id);
      yield { type: "token", ...choice };
      await yielder.pause();
    }
  } finally {
    chosen?.dispose();
    cache?.dispose();
    allowed?.dispose();
  }
  yield { type: "finish", finishReason, tokens: ids.slice(promptTokens), promptTokens, seed };
}

/** The scores of the token that follows `ids`, `[1, 1, vocabSize]`. */
function lastLogits(model: GPT, ids: Tensor<"i32">, cache: KeyValueCache): Tensor {
  const hidden = model.hidden(ids, { cache }); // (1, T, C)
  return model.logits(slice(hidden, 1, -1));
}

/** Waits for what was chosen: the only thing that is read for a token. */
async function readChoice({ report }: DeviceChoice): Promise<GeneratedToken> {
  try {
    const [id, loss] = await report.data();
    if (Number.isNaN(loss)) throw notNumbers();
    return { id, logProbability: -loss };
  } finally {
    report.dispose();
  }
}

/** Number `index` of the uniform numbers in [0, 1), 24 bits each, that belong to a seed. */
function uniformAt(seed: number, index: number): number {
  const words = new Uint32Array(4);
  philoxBlock({ seed: [seed >>> 0, Math.floor(seed / 2 ** 32)], stream: [0, 0] }, index, words);
  return (words[0] >>> 8) * 2 ** -24;
}
