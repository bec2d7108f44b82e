import type { GenerationDefaults, GPT } from "@gpt/gpt";
import { checkArgument, objectWith, quote, text } from "@gpt/tensor";
import type { EncodeOptions, Tokenizer } from "@gpt/tokenizer";
import { GenerationError } from "./errors.ts";
import { invalidOption, listed, readTextOptions } from "./options.ts";
import { StopMatcher } from "./stopping.ts";
import { checkModel, streamTokens } from "./tokens.ts";
import type { FinishReason, TokenOptions } from "./tokens.ts";

export interface TextOptions extends TokenOptions {
  /** Texts that end the generation, one or several; they do not appear in the result. */
  readonly stop?: string | readonly string[];
  /** Go on past the tokenizer's end-of-text token. Default false. */
  readonly ignoreEndOfText?: boolean;
  /**
   * Special tokens that the prompt may spell out, such as `<|endoftext|>`. Default: none, so that text from others is
   * text, whatever it says.
   */
  readonly allowedSpecial?: EncodeOptions["allowedSpecial"];
}

/** A piece of generated text. Pieces joined are the whole text; characters are never split. */
export interface TextPiece {
  /** May be empty, while a character is incomplete or a stop sequence possible. */
  readonly text: string;
  /** The token behind the piece; absent in the last piece, which holds what was held back. */
  readonly token?: number;
}

export interface GeneratedText {
  /** The continuation, without the prompt. */
  readonly text: string;
  /** All tokens that were chosen, those of a stop sequence included; not the stop token. */
  readonly tokens: readonly number[];
  readonly promptTokens: number;
  readonly finishReason: FinishReason;
}

/**
 * Continues a prompt and yields text as it comes. An empty prompt begins after the token that the model names for that,
 * else after the tokenizer's end-of-text token. Ids that the tokenizer has no token for are never chosen: models often have
 * more embeddings than tokens. The generator's return value is the whole result. Throws as `streamTokens` does.
 */
export async function* streamText(
  model: GPT,
  tokenizer: Tokenizer,
  prompt: string,
  options?: TextOptions,
): AsyncGenerator<TextPiece, GeneratedText, undefined> {
  checkArguments(model, tokenizer, prompt);
  const { allowedSpecial, stop, ignoreEndOfText = false, ...given } = readTextOptions(options);
  const defaults = given.modelDefaults === false ? {} : model.generation;
  const encoded = tokenizer.encode(prompt, { allowedSpecial, disallowedSpecial: [] });
  const endTokens = listed(tokenizer.endOfText);
  const promptIds = encoded.length > 0 ? encoded : startOf(defaults, endTokens);
  checkPrompt(model, tokenizer, promptIds);
  const stopTokens = listed(given.stopTokens ?? (ignoreEndOfText ? [] : defaults.stopTokens));
  const stream = streamTokens(model, promptIds, {
    ...given,
    stopTokens: ignoreEndOfText ? stopTokens : [...stopTokens, ...endTokens],
    suppressTokens: [
      ...listed(given.suppressTokens ?? defaults.suppressTokens),
      ...idsWithoutToken(tokenizer, model.config.vocabSize),
    ],
  });
  const decoder = tokenizer.createDecoder();
  const stops = new StopMatcher(stop);
  const tokens: number[] = [];
  let written = "";
  let finishReason: FinishReason | undefined;
  try {
    while (finishReason === undefined) {
      const next = await stream.next();
      if (next.done) {
        finishReason = next.value;
        continue;
      }
      const { id } = next.value;
      tokens.push(id);
      const piece = stops.push(decoder.push(id));
      written += piece;
      if (stops.stopped) finishReason = "stop";
      yield { text: piece, token: id };
    }
  } finally {
    await stream.return("aborted");
  }
  const rest = stops.push(decoder.flush()) + stops.flush();
  if (rest !== "") {
    written += rest;
    yield { text: rest };
  }
  return { text: written, tokens, promptTokens: promptIds.length, finishReason };
}

/** Continues a prompt and returns the whole continuation. */
export async function generateText(
  model: GPT,
  tokenizer: Tokenizer,
  prompt: string,
  options?: TextOptions,
): Promise<GeneratedText> {
  const stream = streamText(model, tokenizer, prompt, options);
  for (;;) {
    const next = await stream.next();
    if (next.done) return next.value;
  }
}

function checkArguments(model: GPT, tokenizer: Tokenizer, prompt: string): void {
  checkModel(model);
  const tokenizerExpected = objectWith("a tokenizer", "encode()", "createDecoder()", "hasToken()");
  checkArgument("the tokenizer", tokenizer, tokenizerExpected, invalidOption);
  checkArgument("the prompt", prompt, text, invalidOption);
}

/** Where a text without a prompt begins. */
function startOf({ startToken }: GenerationDefaults, endTokens: readonly number[]): readonly number[] {
  return startToken === undefined ? endTokens : [startToken];
}

/** Refuses tokens that the model has no embedding for, by their texts (`invalid-token`). */
function checkPrompt({ config: { vocabSize } }: GPT, tokenizer: Tokenizer, promptIds: readonly number[]): void {
  const outside = promptIds.find((id) => id >= vocabSize);
  if (outside === undefined) return;
  const token = tokenizer.hasToken(outside) ? `, ${quote(tokenizer.decode([outside]))},` : "";
  throw new GenerationError(
    "invalid-token",
    `the prompt has token ${outside}${token} which a model with a vocabulary of ${vocabSize} does not have; ` +
      "give the tokenizer that the model was trained with",
  );
}

function* idsWithoutToken(tokenizer: Tokenizer, vocabSize: number): Generator<number> {
  for (let id = 0; id < vocabSize; id++) if (!tokenizer.hasToken(id)) yield id;
}
