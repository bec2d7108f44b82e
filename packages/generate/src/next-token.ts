import type { GPT } from "@gpt/gpt";
import { anything, readOptions, slice, wholeNumber } from "@gpt/tensor";
import type { Expectations } from "@gpt/tensor";
import type { Tokenizer } from "@gpt/tokenizer";
import { notNumbers } from "./errors.ts";
import { invalidOption } from "./options.ts";
import { batchOf, checkArguments, checkLanguageModel, checkLength, encodePrompt, readPrompt } from "./prompt.ts";
import type { ReadingOptions } from "./prompt.ts";
import { read } from "./read.ts";

/** How a text is read, and how many tokens are given. */
export interface NextTokenOptions extends ReadingOptions {
  /** How many tokens to give. Default 10. */
  readonly top?: number;
}

/** A token, and how likely it is to follow. */
export interface TokenProbability {
  readonly id: number;
  /** The token's text; a character whose bytes lie in several tokens shows as U+FFFD. */
  readonly text: string;
  /** From 0 to 1, among all ids that the tokenizer has a token for. */
  readonly probability: number;
}

const expected: Expectations<NextTokenOptions> = {
  top: wholeNumber(1),
  // The tokenizer checks them.
  allowedSpecial: anything,
};

/**
 * The likeliest tokens behind a text, the likeliest first: what `streamText` draws from at temperature 1. An empty text is
 * continued as there. Throws `invalid-option`, `empty-prompt`, `prompt-too-long`, `invalid-token` and `not-a-number`.
 *
 * @example
 * console.table(await nextTokenProbabilities(model, tokenizer, "The capital of France is", { top: 5 }));
 */
export async function nextTokenProbabilities(
  model: GPT,
  tokenizer: Tokenizer,
  text: string,
  options?: NextTokenOptions,
): Promise<TokenProbability[]> {
  checkArguments(model, tokenizer, text);
  checkLanguageModel(model);
  const { top = 10, allowedSpecial } = readOptions<NextTokenOptions>(options, expected, invalidOption);
  const { startToken } = model.generation;
  const ids = readPrompt(model, encodePrompt(model, tokenizer, text, { allowedSpecial, startToken }));
  checkLength(model, ids);
  const logits = await read(model, () => {
    const hidden = model.hidden(batchOf(ids, model.backend)); // (1, T, C)
    return model.logits(slice(hidden, 1, -1));
  });
  const known = Array.from(logits.keys()).filter((id) => tokenizer.hasToken(id));
  known.sort((a, b) => logits[b] - logits[a]);
  const weightOf = (id: number): number => Math.exp(logits[id] - logits[known[0]]);
  const total = known.reduce((sum, id) => sum + weightOf(id), 0);
  if (Number.isNaN(total)) throw notNumbers(); // The best score, or all of them, are infinite.
  return known.slice(0, top).map((id) => ({ id, text: tokenizer.decode([id]), probability: weightOf(id) / total }));
}
