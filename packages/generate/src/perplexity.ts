import { EventLoopYielder } from "@gpt/common";
import type { GPT } from "@gpt/gpt";
import { anything, readOptions, tensor, wholeNumber } from "@gpt/tensor";
import type { Expectations } from "@gpt/tensor";
import type { Tokenizer } from "@gpt/tokenizer";
import { GenerationError } from "./errors.ts";
import { invalidOption } from "./options.ts";
import { batchOf, checkArguments, checkLanguageModel, encodeText } from "./prompt.ts";
import type { ReadingOptions } from "./prompt.ts";
import { read } from "./read.ts";

/** How the window moves over a text. */
export interface PerplexityOptions extends ReadingOptions {
  /**
   * How many tokens the window moves at a time, from 1 to the model's context. Fewer give every token more context, and take
   * longer. Default: half of the context.
   */
  readonly stride?: number;
}

/** A target that is left out of the loss. */
const ignored = -100;

/**
 * How well a model predicts a text: e to the mean cross-entropy of its tokens, each predicted once, but for the first. A text
 * that is longer than the context is read in windows that overlap, as Hugging Face computes it for models of fixed length.
 * Throws `invalid-option`, `empty-prompt` for a text of fewer than two tokens, `invalid-token` and `not-a-number`. For files
 * and data of any size see `evaluate` of `@gpt/train`.
 *
 * @example
 * console.log(await perplexity(model, tokenizer, await readFile("book.txt", "utf8")));
 */
export async function perplexity(
  model: GPT,
  tokenizer: Tokenizer,
  text: string,
  options?: PerplexityOptions,
): Promise<number> {
  checkArguments(model, tokenizer, text, "the text");
  checkLanguageModel(model);
  const { contextLength } = model.config;
  const expected: Expectations<PerplexityOptions> = {
    stride: wholeNumber(1, contextLength),
    // The tokenizer checks them.
    allowedSpecial: anything,
  };
  const given = readOptions<PerplexityOptions>(options, expected, invalidOption);
  const { stride = Math.ceil(contextLength / 2), allowedSpecial } = given;
  const ids = encodeText(model, tokenizer, text, { allowedSpecial });
  const predictions = ids.length - 1;
  if (predictions < 1) {
    throw new GenerationError("empty-prompt", `perplexity needs a text of at least two tokens; this one has ${ids.length}`);
  }
  const yielder = new EventLoopYielder();
  let total = 0;
  let done = 0;
  for (let start = 0; done < predictions; start += stride) {
    const end = Math.min(start + contextLength, predictions);
    const [loss] = await read(model, () => {
      const { backend } = model;
      const targets = Int32Array.from(ids.slice(start + 1, end + 1)).fill(ignored, 0, done - start);
      return model.loss(batchOf(ids.slice(start, end), backend), tensor(targets, { shape: [1, targets.length], backend }));
    });
    total += loss * (end - done);
    done = end;
    await yielder.pause();
  }
  return Math.exp(total / predictions);
}
