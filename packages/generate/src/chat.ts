import type { GPT } from "@gpt/gpt";
import type { Tokenizer } from "@gpt/tokenizer";
import { applyChatTemplate } from "@gpt/tokenizer/chat";
import type { ChatMessage, ChatTemplateOptions } from "@gpt/tokenizer/chat";
import { decodeTokens } from "./decode-tokens.ts";
import type { TextStream } from "./decode-tokens.ts";
import { drawSeed, listed } from "./options.ts";
import { checkArguments, idsWithoutToken } from "./prompt.ts";
import { streamTokens } from "./tokens.ts";
import type { TokenOptions } from "./tokens.ts";

/** How an answer is written. */
export interface ChatOptions extends Omit<TokenOptions, "contextShift">, Pick<ChatTemplateOptions, "template" | "tools" | "variables" | "documents"> {
  /** Texts that end the answer, one or several; they do not appear in it. */
  readonly stop?: string | readonly string[];
}

/**
 * Answers a chat, by the chat template of the model's tokenizer: a `text` event for each token, then one `finish` event. The answer
 * ends with the token that the template puts behind answers, with the model's stop tokens, or with the end-of-text token. Throws
 * what `applyChatTemplate` and `streamTokens` throw; `prompt-too-long` where the chat exceeds the context: leave out old
 * messages.
 *
 * @example
 * const messages = [{ role: "user", content: "Hi!" }];
 * for await (const { text } of streamChat(model, tokenizer, messages)) process.stdout.write(text);
 */
export async function* streamChat(
  model: GPT, tokenizer: Tokenizer, messages: readonly ChatMessage[], options: ChatOptions = {},
): TextStream {
  checkArguments(model, tokenizer, "", "the chat");
  const { template, tools, variables, documents, stop, seed = drawSeed(), stopTokens, suppressTokens, ...given } = options;
  const { ids, stopTokens: ends } = chatPrompt(messages, { tokenizer, template, tools, variables, documents });
  const defaults = given.modelDefaults === false ? {} : model.generation;
  const stream = streamTokens(model, ids, {
    ...given,
    seed,
    stopTokens: [...listed(stopTokens ?? defaults.stopTokens), ...ends],
    suppressTokens: [...listed(suppressTokens ?? defaults.suppressTokens), ...idsWithoutToken(tokenizer, model.config.vocabSize)],
  });
  yield* decodeTokens(stream, tokenizer, stop, { promptTokens: ids.length, seed });
}

/** What a model reads to answer a chat. */
export interface ChatPrompt {
  readonly ids: readonly number[];
  /** Which tokens end the answer, beside those of the model: the one that the template puts behind answers, and the end-of-text token. */
  readonly stopTokens: readonly number[];
}

/** Reads a chat by its template, up to where the answer begins. Throws what `applyChatTemplate` throws. */
export function chatPrompt(messages: readonly ChatMessage[], options: Omit<ChatTemplateOptions, "addGenerationPrompt">): ChatPrompt {
  const { ids } = applyChatTemplate(messages, { ...options, addGenerationPrompt: true });
  return { ids, stopTokens: [...listed(options.tokenizer.endOfText), ...endOfTurn(messages, ids, options)] };
}

/** The first special token that the template puts behind an answer to this chat; none where it puts none there. */
function endOfTurn(messages: readonly ChatMessage[], given: readonly number[], options: ChatTemplateOptions): readonly number[] {
  const special = new Set(options.tokenizer.specialTokens?.values());
  let answered: readonly number[];
  try {
    answered = applyChatTemplate([...messages, { role: "assistant", content: "-" }], options).ids;
  } catch {
    return []; // A template may refuse such an answer; what else ends one is known.
  }
  if (!given.every((id, i) => answered[i] === id)) return [];
  return listed(answered.slice(given.length).find((id) => special.has(id)));
}
