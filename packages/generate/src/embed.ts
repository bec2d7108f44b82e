import type { GPT } from "@gpt/gpt";
import { anything, mean, oneOf, readOptions, slice } from "@gpt/tensor";
import type { Expectations } from "@gpt/tensor";
import type { Tokenizer } from "@gpt/tokenizer";
import { invalidOption } from "./options.ts";
import { batchOf, checkArguments, checkLength, encodePrompt, readPrompt } from "./prompt.ts";
import type { ReadingOptions } from "./prompt.ts";
import { read } from "./read.ts";

const poolings = ["mean", "last"] as const;

/** How a text becomes one vector. */
export interface EmbedOptions extends ReadingOptions {
  /** `mean` of all tokens' hidden states, or the `last` token's, which alone has seen the whole text. Default `mean`. */
  readonly pooling?: (typeof poolings)[number];
}

const expected: Expectations<EmbedOptions> = {
  pooling: oneOf(poolings),
  // The tokenizer checks them.
  allowedSpecial: anything,
};

/**
 * A vector for a text, `[dim]`, made of what the head reads: the hidden states after the final normalization. It is not
 * normalized; compare two by their cosine similarity. Throws `invalid-option`, `empty-prompt`, `prompt-too-long`,
 * `invalid-token` and `not-a-number`.
 *
 * @example
 * const vector = await embed(model, tokenizer, "a text", { pooling: "last" });
 */
export async function embed(
  model: GPT,
  tokenizer: Tokenizer,
  text: string,
  options?: EmbedOptions,
): Promise<Float32Array> {
  checkArguments(model, tokenizer, text);
  const { pooling = "mean", allowedSpecial } = readOptions<EmbedOptions>(options, expected, invalidOption);
  const { startToken } = model.generation;
  const ids = readPrompt(model, encodePrompt(model, tokenizer, text, { allowedSpecial, startToken }));
  checkLength(model, ids);
  return read(model, () => {
    const hidden = model.hidden(batchOf(ids, model.backend)); // (1, T, C)
    return pooling === "mean" ? mean(hidden, { axis: 1 }) : slice(hidden, 1, -1);
  });
}
