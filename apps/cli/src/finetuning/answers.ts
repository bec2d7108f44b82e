import { Engine } from "@gpt/generate";
import type { GPT } from "@gpt/gpt";
import { pageRows } from "@gpt/tensor";
import type { Tokenizer } from "@gpt/tokenizer";
import type { Example } from "@gpt/train";
import { bleu, chrf, exactMatch, rouge, tokenF1 } from "@gpt/train/metrics";

/** What a model was asked, what it should have written, and what it wrote. */
export interface Answer {
  readonly prompt: string;
  readonly expected: string;
  readonly text: string;
}

/** How alike answers are to those expected, from 0 to 1. */
export type AnswerScores = Record<"exactMatch" | "f1" | "rougeL" | "bleu" | "chrf", number>;

export interface AnswerOptions {
  /** Tokens of an answer. Default: as many as the context has room for. */
  readonly maxTokens?: number;
  readonly onAnswer?: (done: number) => void;
  readonly signal?: AbortSignal;
}

/** Answers that are written together, and tokens whose keys and values are kept for them where one needs no more. */
const [maxSequences, mostCached] = [16, 2048];

/**
 * What a model writes, the best token always, where each of some examples learns its last answer. One that does not end is ended
 * at twice the length that is expected.
 */
export async function writeAnswers(
  model: GPT, tokenizer: Tokenizer, examples: readonly Example[], { maxTokens: most = Infinity, onAnswer, signal }: AnswerOptions,
): Promise<Answer[]> {
  const { contextLength } = model.config;
  const stopTokens = [...(tokenizer.specialTokens?.values() ?? [])];
  const asked = examples.map((example) => {
    const { prompt, expected } = lastAnswer(example);
    return { prompt, expected, maxTokens: Math.min(2 * expected.length + 8, most, contextLength - prompt.length + 1) };
  });
  // In whole pages: room for the longest, and for more of them together, but not without bound.
  const rooms = asked.map(({ prompt, maxTokens }) => Math.ceil((prompt.length + maxTokens) / pageRows) * pageRows).sort((a, b) => b - a);
  const together = rooms.slice(0, maxSequences).reduce((sum, room) => sum + room, 0);
  const cacheTokens = Math.max(rooms[0] ?? 1, Math.min(together, mostCached));
  const engine = new Engine(model, { maxSequences, cacheTokens, maxWaiting: Math.max(1, asked.length) });
  try {
    const answers = new Map<number, Answer>();
    for (const { prompt, expected, maxTokens } of asked) {
      const request = engine.add({ prompt: [...prompt], maxTokens, temperature: 0, modelDefaults: false, stopTokens, signal });
      answers.set(request, { prompt: textOfTokens(prompt, tokenizer), expected: textOfTokens(expected, tokenizer).trim(), text: "" });
    }
    let done = 0;
    while (engine.pending > 0) {
      for (const { request, event } of await engine.step()) {
        if (event.type === "error") throw event.error;
        if (event.type !== "finish") continue;
        answers.set(request, { ...answers.get(request)!, text: textOfTokens(event.tokens, tokenizer).trim() });
        onAnswer?.(++done);
      }
    }
    return [...answers.values()];
  } finally {
    engine.dispose();
  }
}

/** A text without its special tokens. */
export function textOfTokens(ids: Iterable<number>, tokenizer: Tokenizer): string {
  const special = new Set(tokenizer.specialTokens?.values());
  return tokenizer.decode([...ids].filter((id) => !special.has(id)), { withoutToken: "skip" });
}

/** The last run of learnt tokens, and what comes before it. */
function lastAnswer({ ids, mask }: Example): { readonly prompt: Int32Array; readonly expected: Int32Array } {
  const end = mask ? mask.lastIndexOf(1) + 1 : ids.length;
  const start = mask ? mask.lastIndexOf(0, end - 1) + 1 : 1;
  return { prompt: ids.slice(0, start), expected: ids.slice(start, end) };
}

/** Of all answers together. */
export function scoreAnswers(answers: readonly Answer[]): AnswerScores {
  const [texts, expected] = [answers.map(({ text }) => text), answers.map(({ expected }) => expected)];
  return {
    exactMatch: exactMatch(texts, expected), f1: tokenF1(texts, expected), rougeL: rouge(texts, expected).rougeL.f1,
    bleu: bleu(texts, expected).score, chrf: chrf(texts, expected),
  };
}
