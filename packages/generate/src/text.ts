import type { GenerationDefaults, GPT } from "@gpt/gpt";
import { checkArgument, objectWith, quote, text } from "@gpt/tensor";
import type { EncodeOptions, Tokenizer } from "@gpt/tokenizer";
import { GenerationError } from "./errors.ts";
import type { FinishEvent, FinishReason, TextEvent } from "./events.ts";
import { drawSeed, invalidOption, listed, readTextOptions } from "./options.ts";
import { StopMatcher } from "./stopping.ts";
import { checkModel, streamTokens } from "./tokens.ts";
import type { TokenOptions } from "./tokens.ts";

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
): AsyncGenerator<TextEvent | (FinishEvent & { readonly text: "" }), void, undefined> {
  checkArguments(model, tokenizer, prompt);
  const { allowedSpecial, stop, ignoreEndOfText = false, seed = drawSeed(), ...given } = readTextOptions(options);
  const defaults = given.modelDefaults === false ? {} : model.generation;
  const encoded = tokenizer.encode(prompt, { allowedSpecial, disallowedSpecial: [] });
  const endTokens = listed(tokenizer.endOfText);
  const promptIds = encoded.length > 0 ? encoded : startOf(defaults, endTokens);
  checkPrompt(model, tokenizer, promptIds);
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
  const decoder = tokenizer.createDecoder();
  const stops = new StopMatcher(stop);
  const tokens: number[] = [];
  let finishReason: FinishReason = "stop";
  for await (const event of stream) {
    if (event.type === "finish") {
      finishReason = event.finishReason;
      break;
    }
    const { id, logProbability } = event;
    tokens.push(id);
    yield { type: "text", text: stops.push(decoder.push(id)), token: { id, logProbability } };
    if (stops.stopped) break;
  }
  const rest = stops.push(decoder.flush()) + stops.flush();
  if (rest !== "") yield { type: "text", text: rest };
  yield { type: "finish", text: "", finishReason, tokens, promptTokens: promptIds.length, seed };
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
