import type { GPT } from "@gpt/gpt";
import { invalidOption, resolveTokenOptions } from "./options.ts";
import type { ResolvedOptions } from "./options.ts";
import { checkLength, checkLanguageModel, readPrompt } from "./prompt.ts";
import type { TokenOptions } from "./tokens.ts";

/** What is continued, and how; checked. */
export interface ResolvedRequest extends ResolvedOptions {
  readonly prompt: readonly number[];
}

/** Checks what is asked for, and fills in the defaults. Throws as `streamTokens` says. */
export function readRequest(model: GPT, promptIds: Iterable<number>, options: TokenOptions | undefined): ResolvedRequest {
  checkLanguageModel(model);
  const prompt = readPrompt(model, promptIds);
  const resolved = resolveTokenOptions(model, prompt.length, options);
  const { vocabSize } = model.config;
  const suppressTokens = [...new Set(resolved.suppressTokens)].filter((id) => id < vocabSize).sort((a, b) => a - b);
  if (suppressTokens.length === vocabSize) throw invalidOption(`all ${vocabSize} tokens of the model are suppressed`);
  if (!resolved.contextShift) checkLength(model, prompt, ", or contextShift: true to read its end");
  return { ...resolved, prompt, suppressTokens };
}

/** The most tokens that a cache holds of a request: not the last one that is chosen, which the model does not read. */
export function roomOf({ prompt, maxTokens, contextShift }: ResolvedRequest, contextLength: number): number {
  return contextShift ? contextLength : Math.min(contextLength, prompt.length + Math.max(maxTokens - 1, 0));
}
