import type { GenerationDefaults, GPT } from "@gpt/gpt";
import {
  anything, cacheDTypes, flag, listOf, nonNegative, numberThat, objectWith, oneOf, oneOrMore, quote, readOptions, seed, text,
  wholeNumber,
} from "@gpt/tensor";
import type { Expectations } from "@gpt/tensor";
import { GenerationError } from "./errors.ts";
import type { ScoreProcessor } from "./processors.ts";
import type { SamplingOptions } from "./sampling.ts";
import type { TextOptions } from "./text.ts";
import type { TokenOptions } from "./tokens.ts";

/** Tokens that are written where neither the caller nor the model says how many. */
const defaultMaxTokens = 256;

const ids = oneOrMore(wholeNumber(0));
export const textsExpected = oneOrMore(text);

const samplingExpected: Expectations<SamplingOptions> = {
  repetitionPenalty: numberThat("above 0", (value) => value > 0 && value < Infinity),
  temperature: nonNegative,
  topK: wholeNumber(0),
  topP: numberThat("above 0 and at most 1", (value) => value > 0 && value <= 1),
  minP: numberThat("from 0 to 1", (value) => value >= 0 && value <= 1),
};

const tokensExpected: Expectations<TokenOptions> = {
  ...samplingExpected,
  maxTokens: wholeNumber(0),
  stopTokens: ids,
  suppressTokens: ids,
  seed,
  processors: listOf(objectWith("a score processor", "process()")),
  cacheDtype: oneOf(cacheDTypes),
  contextShift: flag,
  modelDefaults: flag,
  signal: objectWith("an AbortSignal", "throwIfAborted()"),
};

const textExpected: Expectations<TextOptions> = {
  ...tokensExpected,
  stop: textsExpected,
  ignoreEndOfText: flag,
  // The tokenizer checks them.
  allowedSpecial: anything,
};

export function invalidOption(problem: string): GenerationError {
  return new GenerationError("invalid-option", problem);
}

/** Options as they take effect. */
export interface ResolvedOptions {
  readonly sampling: Required<SamplingOptions>;
  readonly maxTokens: number;
  readonly stopTokens: readonly number[];
  readonly suppressTokens: readonly number[];
  readonly processors: readonly ScoreProcessor[];
  readonly seed: number;
  readonly cacheDtype: TokenOptions["cacheDtype"];
  readonly contextShift: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Checks the options of `streamTokens`, and fills in the defaults: those of the model, then those of this package. */
export function resolveTokenOptions(model: GPT, promptLength: number, options: TokenOptions | undefined): ResolvedOptions {
  const given = readOptions<TokenOptions>(options, tokensExpected, invalidOption);
  const defaults = given.modelDefaults === false ? {} : model.generation;
  checkSupported(defaults);
  const {
    repetitionPenalty = 1, temperature = 1, topK = 0, topP = 1, minP = 0, stopTokens, suppressTokens,
  } = { ...defaults, ...given };
  return {
    sampling: { repetitionPenalty, temperature, topK, topP, minP },
    maxTokens: given.maxTokens ?? maxTokensOf(defaults, promptLength),
    stopTokens: listed(stopTokens),
    suppressTokens: listed(suppressTokens),
    processors: [...(given.processors ?? [])],
    seed: given.seed ?? drawSeed(),
    cacheDtype: given.cacheDtype,
    contextShift: given.contextShift ?? false,
    signal: given.signal,
  };
}

/** A seed that nobody chose; short enough to be copied by hand. */
export function drawSeed(): number {
  return Math.floor(Math.random() * 2 ** 32);
}

/** The options of `streamText`, checked; those that are left out stay out. */
export function readTextOptions(options: TextOptions | undefined): TextOptions {
  return readOptions<TextOptions>(options, textExpected, invalidOption);
}

/** One or several, as a list. */
export function listed<T extends string | number>(values: T | readonly T[] | undefined): readonly T[] {
  if (values === undefined) return [];
  return typeof values === "object" ? values : [values];
}

function checkSupported({ unsupported = {} }: GenerationDefaults): void {
  const [name] = Object.keys(unsupported);
  if (name === undefined) return;
  throw invalidOption(
    `the model's ${name} is ${quote(unsupported[name])} (generation_config.json), which is not computed; ` +
      "change it there, or give modelDefaults: false to generate without the model's settings",
  );
}

function maxTokensOf({ maxTokens, maxLength }: GenerationDefaults, promptLength: number): number {
  if (maxTokens !== undefined) return maxTokens;
  if (maxLength === undefined) return defaultMaxTokens;
  if (promptLength < maxLength) return maxLength - promptLength;
  throw invalidOption(
    `the model's max_length of ${maxLength} (generation_config.json) leaves no room behind a prompt of ${promptLength} ` +
      "tokens; give maxTokens",
  );
}
