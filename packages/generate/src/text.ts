import type { GPT } from "@gpt/gpt";
import type { Tokenizer } from "@gpt/tokenizer";
import { StopMatcher } from "./stopping.ts";
import { streamTokens } from "./tokens.ts";
import type { TokenOptions } from "./tokens.ts";

export interface TextOptions extends TokenOptions {
  /** Texts that end the generation; they do not appear in the result. */
  readonly stop?: readonly string[];
  /** Go on past the tokenizer's end-of-text token. Default false. */
  readonly ignoreEndOfText?: boolean;
}

/** A piece of generated text. Pieces joined are the whole text; characters are never split. */
export interface TextPiece {
  /** May be empty, while a character is incomplete or a stop sequence possible. */
  readonly text: string;
  /** The token behind the piece; absent in the last piece, which holds what was held back. */
  readonly token?: number;
}

/** Why a generation ended: by end of text or a stop sequence, at `maxTokens`, or by its signal. */
export type FinishReason = "stop" | "length" | "aborted";

export interface GeneratedText {
  /** The continuation, without the prompt. */
  readonly text: string;
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
): AsyncGenerator<TextPiece, GeneratedText> {
  const { endOfText } = tokenizer;
  const encoded = tokenizer.encode(prompt);
  const promptIds = encoded.length === 0 && endOfText !== undefined ? [endOfText] : encoded;
  const decoder = tokenizer.createDecoder();
  const stops = new StopMatcher(options.stop ?? []);
  const tokens: number[] = [];
  let text = "";
  let finishReason: FinishReason = "length";
  for await (const { id } of streamTokens(model, promptIds, options)) {
    if (id === endOfText && !options.ignoreEndOfText) {
      finishReason = "stop";
      break;
    }
    tokens.push(id);
    const piece = stops.push(decoder.push(id));
    text += piece;
    yield { text: piece, token: id };
    if (stops.stopped) {
      finishReason = "stop";
      break;
    }
  }
  if (finishReason === "length" && options.signal?.aborted) finishReason = "aborted";
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
