import type { GPT } from "@gpt/gpt";
import { checkArgument, objectWith, quote, tensor, text as textExpected } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import type { EncodeOptions, Tokenizer } from "@gpt/tokenizer";
import { GenerationError } from "./errors.ts";
import { invalidOption, listed } from "./options.ts";

/** How a text is read. */
export interface ReadingOptions {
  /**
   * Special tokens that the text may spell out, such as `<|endoftext|>`. Default: none, so that text from others is text,
   * whatever it says.
   */
  readonly allowedSpecial?: EncodeOptions["allowedSpecial"];
}

export function checkModel(model: GPT): void {
  checkArgument("the model", model, objectWith("a GPT", "hidden()", "logits()", "evaluating()"), invalidOption);
}

/** Refuses what is no model that writes. */
export function checkLanguageModel(model: GPT): void {
  checkModel(model);
  if (model.config.head.type === "classes") throw invalidOption("the model gives classes, and writes nothing: use classify, or a language model");
}

/** Checks the arguments that all functions from text have; `name` is that of the text. */
export function checkArguments(model: GPT, tokenizer: Tokenizer, text: string, name = "the prompt"): void {
  checkModel(model);
  const tokenizerExpected = objectWith("a tokenizer", "encode()", "createDecoder()", "hasToken()");
  checkArgument("the tokenizer", tokenizer, tokenizerExpected, invalidOption);
  checkArgument(name, text, textExpected, invalidOption);
}

/**
 * The tokens of a text, which the model has all. Throws `invalid-token` with the text of one that it lacks, and what the
 * tokenizer throws.
 */
export function encodeText(model: GPT, tokenizer: Tokenizer, text: string, { allowedSpecial }: ReadingOptions): number[] {
  const ids = tokenizer.encode(text, { allowedSpecial, disallowedSpecial: [] });
  const { vocabSize } = model.config;
  const outside = ids.find((id) => id >= vocabSize);
  if (outside !== undefined) throw lacksToken(tokenizer, outside, vocabSize);
  return ids;
}

/**
 * The same for a prompt, which begins with the tokens that the tokenizer puts before a text (`around`), unless it has them
 * already. Without such tokens, an empty prompt begins after `startToken`, else after the end-of-text token.
 */
export function encodePrompt(
  model: GPT,
  tokenizer: Tokenizer,
  prompt: string,
  { allowedSpecial, startToken = tokenizer.endOfText }: ReadingOptions & { readonly startToken?: number },
): readonly number[] {
  const text = encodeText(model, tokenizer, prompt, { allowedSpecial });
  const before = tokenizer.around?.before ?? [];
  const ids = before.every((id, index) => text[index] === id) ? text : [...before, ...text];
  return ids.length > 0 ? ids : listed(startToken);
}

function lacksToken(tokenizer: Tokenizer, id: number, vocabSize: number): GenerationError {
  const token = tokenizer.hasToken(id) ? `, ${quote(tokenizer.decode([id]))},` : "";
  return new GenerationError(
    "invalid-token",
    `the prompt has token ${id}${token} which a model with a vocabulary of ${vocabSize} does not have; ` +
      "give the tokenizer that the model was trained with",
  );
}

/** The ids of a model's embeddings that the tokenizer has no token for. */
export function* idsWithoutToken(tokenizer: Tokenizer, vocabSize: number): Generator<number> {
  for (let id = 0; id < vocabSize; id++) if (!tokenizer.hasToken(id)) yield id;
}

/** A copy of the prompt. Throws `empty-prompt` and `invalid-token`. */
export function readPrompt(model: GPT, promptIds: Iterable<number>): number[] {
  if (typeof promptIds !== "object" || promptIds === null || !(Symbol.iterator in promptIds)) {
    throw invalidOption(`the prompt must be a list of token ids, not ${quote(promptIds)}`);
  }
  const ids = [...promptIds];
  if (ids.length === 0) {
    throw new GenerationError("empty-prompt", "the prompt has no tokens; a model continues at least one");
  }
  const { vocabSize } = model.config;
  const outside = ids.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
  if (outside >= 0) {
    throw new GenerationError(
      "invalid-token", `token ${quote(ids[outside])} is not in the model's vocabulary of ${vocabSize}`,
    );
  }
  return ids;
}

/** Refuses tokens that the model cannot read together (`prompt-too-long`). `otherwise` completes the advice. */
export function checkLength({ config: { contextLength } }: GPT, ids: readonly number[], otherwise = ""): void {
  if (ids.length <= contextLength) return;
  throw new GenerationError(
    "prompt-too-long",
    `the prompt has ${ids.length} tokens, and the model's context is ${contextLength}; give a shorter one${otherwise}`,
  );
}

/** Token ids on the device, `[1, T]`. */
export function batchOf(ids: readonly number[], backend: Backend): Tensor<"i32"> {
  return tensor(Int32Array.from(ids), { shape: [1, ids.length], backend });
}
