import type { GPT } from "@gpt/gpt";
import { flag, readOptions, reshape, softmax } from "@gpt/tensor";
import type { Expectations } from "@gpt/tensor";
import type { Tokenizer } from "@gpt/tokenizer";
import { invalidOption } from "./options.ts";
import { batchOf, checkArguments, checkLength, readPrompt } from "./prompt.ts";
import { read } from "./read.ts";

/** How a text is classified. */
export interface ClassifyOptions {
  /** Leaves out the end of a text that exceeds the context, in place of an error. Default false. */
  readonly truncate?: boolean;
}

/** A label, and how likely it is. */
export interface LabelProbability {
  readonly label: string;
  /** From 0 to 1; of all labels together 1. */
  readonly probability: number;
}

const expected: Expectations<ClassifyOptions> = { truncate: flag };

/**
 * The labels of a text, the likeliest first, by a model that classifies: one that was fine-tuned to it here, or a folder of
 * Hugging Face's `…ForSequenceClassification`. The text is read as these read it, with the tokens that the tokenizer adds.
 * Throws `invalid-option`, also for a model that writes, `empty-prompt`, `prompt-too-long`, `invalid-token` and
 * `not-a-number`.
 *
 * @example
 * const [{ label, probability }] = await classify(model, tokenizer, "A film to be forgotten.");
 */
export async function classify(
  model: GPT, tokenizer: Tokenizer, text: string, options?: ClassifyOptions,
): Promise<LabelProbability[]> {
  checkArguments(model, tokenizer, text, "the text");
  const { truncate = false } = readOptions<ClassifyOptions>(options, expected, invalidOption);
  const { head, contextLength } = model.config;
  if (head.type !== "classes") throw invalidOption("the model has no classes: fine-tune it to some first, or load a model that has");
  const all = readPrompt(model, tokenizer.encode(text, { addSpecialTokens: true, disallowedSpecial: [] }));
  const ids = truncate ? all.slice(0, contextLength) : all;
  checkLength(model, ids, ", or truncate it (truncate)");
  const probabilities = await read(model, () => {
    const input = { ids: reshape(batchOf(ids, model.backend), [ids.length]), sequences: [{ count: ids.length }], outputs: "last" } as const;
    return softmax(model.forward(input));
  });
  const found = head.labels.map((label, i) => ({ label, probability: probabilities[i] }));
  return found.sort((a, b) => b.probability - a.probability);
}
