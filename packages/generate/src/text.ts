import type { GPT } from "@gpt/gpt";
import type { EncodeOptions, Tokenizer } from "@gpt/tokenizer";
import { StopMatcher } from "./stopping.ts";
import { streamTokens } from "./tokens.ts";
import type { FinishReason, TokenOptions } from "./tokens.ts";

export interface TextOptions extends TokenOptions {
  /** Texts that end the generation; they do not appear in the result. */
  readonly stop?: readonly string[];
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
 * Continues a prompt and yields text as it comes. An empty prompt begins after the tokenizer's end-of-text token. The
 * generator's return value is the whole result.
 */
export async function* streamText(
  model: GPT,
  tokenizer: Tokenizer,
  prompt: string,
  options: TextOptions,
): AsyncGenerator<TextPiece, GeneratedText, undefined> {
  const { allowedSpecial, stop = [], ignoreEndOfText = false, stopTokens = [] } = options;
  const { endOfText } = tokenizer;
  const encoded = tokenizer.encode(prompt, { allowedSpecial, disallowedSpecial: [] });
  const endTokens = endOfText === undefined ? [] : [endOfText];
  const promptIds = encoded.length === 0 ? endTokens : encoded;
  const stream = streamTokens(model, promptIds, {
    ...options,
    stopTokens: ignoreEndOfText ? stopTokens : [...stopTokens, ...endTokens],
  });
  const decoder = tokenizer.createDecoder();
  const stops = new StopMatcher(stop);
  const tokens: number[] = [];
  let text = "";
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
      text += piece;
      if (stops.stopped) finishReason = "stop";
      yield { text: piece, token: id };
    }
  } finally {
    await stream.return("aborted");
  }
  const rest = stops.push(decoder.flush()) + stops.flush();
  if (rest !== "") {
    text += rest;
    yield { text: rest };
  }
  return { text, tokens, promptTokens: promptIds.length, finishReason };
}

/** Continues a prompt and returns the whole continuation. */
export async function generateText(
  model: GPT,
  tokenizer: Tokenizer,
  prompt: string,
  options: TextOptions,
): Promise<GeneratedText> {
  const stream = streamText(model, tokenizer, prompt, options);
  for (;;) {
    const next = await stream.next();
    if (next.done) return next.value;
  }
}
