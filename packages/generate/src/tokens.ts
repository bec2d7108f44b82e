import type { CacheOptions, GPT } from "@gpt/gpt";
import { Engine } from "./engine.ts";
import type { FinishEvent, TokenEvent } from "./events.ts";
import type { ScoreProcessor } from "./processors.ts";
import { readRequest, roomOf } from "./request.ts";
import type { SamplingOptions } from "./sampling.ts";

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
  const request = readRequest(model, promptIds, options);
  const { contextLength } = model.config;
  const engine = new Engine(model, {
    maxSequences: 1, cacheTokens: roomOf(request, contextLength), stepTokens: contextLength, cacheDtype: request.cacheDtype,
  });
  try {
    engine.enqueue(request);
    while (engine.pending > 0) {
      for (const { event } of await engine.step()) {
        if (event.type === "error") throw event.error;
        yield event;
      }
    }
  } finally {
    engine.dispose();
  }
}
