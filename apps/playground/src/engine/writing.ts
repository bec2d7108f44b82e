import { nextTokenDistribution, streamTokens } from "@gpt/generate";
import type { GPT } from "@gpt/gpt";
import type { Tokenizer } from "@gpt/tokenizer";
import type { TokenPart } from "./api/tokens.ts";
import type { ChatMessage, Outlook, ReadChat, Sampling, WriteOptions, WritingEnd, WrittenToken } from "./api/writing.ts";
import { Messages } from "./messages.ts";
import type { OpenModel } from "./session.ts";
import { bytesOf } from "./vocabularies.ts";

/** Tokens that an outlook has. */
const candidates = 10;

export function readPrompt({ tokenizer }: OpenModel, text: string): TokenPart[] {
  const ids = [...(tokenizer.around?.before ?? []), ...tokenizer.encode(text, { disallowedSpecial: [] })];
  // A model begins after the end of another text.
  if (ids.length === 0 && tokenizer.endOfText !== undefined) ids.push(tokenizer.endOfText);
  return ids.map((id) => ({ id, bytes: bytesOf(tokenizer, id) }));
}

export async function readChat({ tokenizer }: OpenModel, messages: readonly ChatMessage[]): Promise<ReadChat> {
  const { chatPrompt } = await import("@gpt/generate/chat");
  const { ids, stopTokens } = chatPrompt(messages.map((message) => ({ ...message })), { tokenizer });
  return { tokens: ids.map((id) => ({ id, bytes: bytesOf(tokenizer, id) })), stopTokens };
}

/** Continues tokens. What there is goes to the page now and then; its answer lets the Worker hear of a stop. */
export async function write(
  { model, tokenizer }: OpenModel,
  ids: readonly number[],
  { sampling, maxTokens, seed, stopTokens = [] }: WriteOptions,
  signal: AbortSignal,
  onTokens: (tokens: readonly WrittenToken[]) => void | Promise<void>,
): Promise<WritingEnd> {
  const written = new Messages(onTokens);
  const stops = [model.generation.stopTokens ?? [], tokenizer.endOfText ?? [], stopTokens].flat();
  const stream = streamTokens(model, ids, { ...limitsOf(model, tokenizer), ...sampling, maxTokens, seed, signal, stopTokens: stops });
  for await (const event of stream) {
    if (event.type === "finish") {
      await written.flush();
      return { reason: event.finishReason, seed: event.seed };
    }
    await written.tell({ id: event.id, bytes: bytesOf(tokenizer, event.id), probability: Math.exp(event.logProbability) });
  }
  throw new Error("a stream ended without its last event");
}

export async function outlook({ model, tokenizer }: OpenModel, ids: readonly number[], sampling: Sampling, besides?: number): Promise<Outlook> {
  const { model: probabilities, drawn } = await nextTokenDistribution(model, ids, { ...limitsOf(model, tokenizer), ...sampling });
  const ranking = Array.from(probabilities.keys()).sort((a, b) => probabilities[b] - probabilities[a]);
  const shown = ranking.filter((id, rank) => rank < candidates || id === besides);
  return {
    candidates: shown.map((id) => ({ id, bytes: bytesOf(tokenizer, id), model: probabilities[id], drawn: drawn[id] })),
    drawable: drawn.filter((probability) => probability > 0).length,
    vocabSize: tokenizer.vocabSize,
  };
}

/** The page gives all options, so that those of the model's folder are out of account but for what is never written. */
function limitsOf({ generation, config }: GPT, tokenizer: Tokenizer) {
  const withoutToken = Array.from({ length: config.vocabSize }, (_, id) => id).filter((id) => !tokenizer.hasToken(id));
  return { modelDefaults: false, suppressTokens: [generation.suppressTokens ?? [], withoutToken].flat() } as const;
}
