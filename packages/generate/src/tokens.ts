import { keep, noGrad, scope, tensor } from "@gpt/tensor";
import { EventLoopYielder } from "@gpt/common";
import { KeyValueCache } from "@gpt/gpt";
import type { CacheOptions, GPT } from "@gpt/gpt";
import type { FinishEvent, FinishReason, TokenEvent } from "./events.ts";
import { resolveTokenOptions } from "./options.ts";
import { checkLength, checkModel, readPrompt } from "./prompt.ts";
import type { ScoreProcessor } from "./processors.ts";
import { allowedTokens, chooseTokens, readChoices, uniformAt } from "./sampling.ts";
import type { Row, SamplingOptions } from "./sampling.ts";

/** How tokens are generated, and where they end. */
export interface TokenOptions extends SamplingOptions {
  /** How many tokens to generate at most. Default: the model's, else 256. */
  readonly maxTokens?: number;
  /** Tokens that end the stream, one or several; they are not part of it. Default: the model's, else none. */
  readonly stopTokens?: number | readonly number[];
  /** Tokens that are never chosen. Default: the model's, else none. */
  readonly suppressTokens?: number | readonly number[];
  /** What changes the scores before a token is chosen, in order; behind the repetition penalty. Default: nothing. */
  readonly processors?: readonly ScoreProcessor[];
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
 * left. Throws `invalid-option`, `empty-prompt`, `prompt-too-long`, `invalid-token`, `not-a-number` where the model's
 * scores are no numbers, `invalid-scores` where those of its `processors` are unusable, and what these throw.
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
  const { maxTokens, seed, stopTokens, suppressTokens, cacheDtype, contextShift, signal, ...choice } = resolveTokenOptions(
    model,
    promptTokens,
    options,
  );
  const { contextLength, vocabSize } = model.config;
  if (!contextShift) checkLength(model, ids, ", or contextShift: true to read its end");
  const { backend } = model;
  const stops = new Set(stopTokens);
  const allowed = allowedTokens(suppressTokens, vocabSize, backend);
  const row: Row = {
    ...choice, tokens: ids, promptTokens, allowed,
    get random() {
      return uniformAt(seed, ids.length - promptTokens);
    },
  };
  let cache: KeyValueCache | undefined;
  const yielder = new EventLoopYielder();
  /** How many of the last tokens the model reads where its cache is empty. */
  let span = contextLength;
  let finishReason: FinishReason = "length";
  try {
    cache = new KeyValueCache(model.config, { backend, dtype: cacheDtype });
    const filled = cache;
    const sequence = filled.open();
    for (let count = 0; count < maxTokens; count++) {
      if (signal?.aborted) {
        finishReason = "aborted";
        break;
      }
      if (filled.length(sequence) === contextLength) {
        if (!contextShift) break;
        filled.truncate(sequence, 0);
        span = Math.ceil(contextLength / 2);
      }
      const next = noGrad(() =>
        scope(() => {
          const further = tensor(Int32Array.from(filled.length(sequence) === 0 ? ids.slice(-span) : ids.slice(-1)), { backend });
          const sequences = [{ id: sequence, count: further.size }];
          const scores = model.evaluating(() => model.forward({ ids: further, sequences, cache: filled, outputs: "last" }));
          const { report, failures } = chooseTokens(scores, [row]);
          return { report: keep(report), failures };
        }),
      );
      const [outcome] = await readChoices(next, [row]);
      if ("error" in outcome) throw outcome.error;
      const { token } = outcome;
      if (stops.has(token.id)) {
        finishReason = "stop";
        break;
      }
      ids.push(token.id);
      yield { type: "token", ...token };
      await yielder.pause();
    }
  } finally {
    cache?.dispose();
    allowed?.dispose();
  }
  yield { type: "finish", finishReason, tokens: ids.slice(promptTokens), promptTokens, seed };
}
