import type { GPT } from "@gpt/gpt";
import type { Tokenizer } from "@gpt/tokenizer";
import { decodeTokens } from "./decode-tokens.ts";
import type { TextStream } from "./decode-tokens.ts";
import type { FinishEvent } from "./events.ts";
import { drawSeed, listed, readTextOptions } from "./options.ts";
import { checkArguments, encodePrompt, idsWithoutToken } from "./prompt.ts";
import type { ReadingOptions } from "./prompt.ts";
import { streamTokens } from "./tokens.ts";
import type { TokenOptions } from "./tokens.ts";

/** How text is generated, and where it ends. */
export interface TextOptions extends TokenOptions, ReadingOptions {
  /** Texts that end the generation, one or several; they do not appear in the result. */
  readonly stop?: string | readonly string[];
  /** Go on past the tokenizer's end-of-text token. Default false. */
  readonly ignoreEndOfText?: boolean;
}

/** A text that was generated, and how it ended. */
export interface GeneratedText extends Omit<FinishEvent, "type"> {
  /** The continuation, without the prompt. */
  readonly text: string;
}

/**
 * Continues a prompt: a `text` event for each token, then one `finish` event, whose own text is empty. An empty prompt
 * begins after the token that the model names for that, else after the tokenizer's end-of-text token. Ids that the
 * tokenizer has no token for are never chosen: models often have more embeddings than tokens. Otherwise as `streamTokens`,
 * errors included.
 *
 * @example
 * for await (const { text } of streamText(model, tokenizer, "One day")) process.stdout.write(text);
 */
export async function* streamText(
  model: GPT,
  tokenizer: Tokenizer,
  prompt: string,
  options?: TextOptions,
): TextStream {
  checkArguments(model, tokenizer, prompt);
  const { allowedSpecial, stop, ignoreEndOfText = false, seed = drawSeed(), ...given } = readTextOptions(options);
  const defaults = given.modelDefaults === false ? {} : model.generation;
  const endTokens = listed(tokenizer.endOfText);
  const promptIds = encodePrompt(model, tokenizer, prompt, { allowedSpecial, startToken: defaults.startToken });
  const stopTokens = listed(given.stopTokens ?? (ignoreEndOfText ? [] : defaults.stopTokens));
  const stream = streamTokens(model, promptIds, {
    ...given,
    seed,
    stopTokens: ignoreEndOfText ? stopTokens : [...stopTokens, ...endTokens],
    suppressTokens: [
      ...listed(given.suppressTokens ?? defaults.suppressTokens),
      ...idsWithoutToken(tokenizer, model.config.vocabSize),
    ],
  });
  yield* decodeTokens(stream, tokenizer, stop, { promptTokens: promptIds.length, seed });
}

/**
 * Continues a prompt and returns the whole continuation. Options and errors are those of `streamText`.
 *
 * @example
 * const { text, finishReason } = await generateText(model, tokenizer, "One day", { maxTokens: 40, seed: 7 });
 */
export async function generateText(
  model: GPT,
  tokenizer: Tokenizer,
  prompt: string,
  options?: TextOptions,
): Promise<GeneratedText> {
  let text = "";
  let finish: FinishEvent | undefined;
  for await (const event of streamText(model, tokenizer, prompt, options)) {
    text += event.text;
    if (event.type === "finish") finish = event;
  }
  const { finishReason, tokens, promptTokens, seed } = finish as FinishEvent;
  return { text, finishReason, tokens, promptTokens, seed };
}
