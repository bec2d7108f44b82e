import { captureActivations } from "@gpt/gpt";
import type { GPT } from "@gpt/gpt";
import { generateText } from "@gpt/generate";
import type { Tokenizer } from "@gpt/tokenizer";
import type { StepEvent } from "@gpt/train";
import type { AttentionFrame, Moment, RunHistory, StepPoint } from "../api/training.ts";

/** The file of a checkpoint that has what was seen until then. */
export const historyName = "history.json";
/** Tokens that the model writes to show how well. */
const sampleTokens = 80;
/** Tokens whose attention is shown. */
const attentionTokens = 20;
/** A file of more is none of ours. */
const [mostPoints, mostNorms] = [100_000, 256];

export const emptyHistory: RunHistory = { points: [], moments: [] };

export function pointOf({ step, loss, learningRate, gradientNorms }: StepEvent): StepPoint {
  const { embedding, blocks, head } = gradientNorms ?? { embedding: 0, blocks: [], head: 0 };
  return { step, loss: rounded(loss), rate: rounded(learningRate), norms: [embedding, ...blocks, head].map(rounded) };
}

/** Five digits: what is shown has fewer. */
function rounded(value: number): number {
  return Number(value.toPrecision(5));
}

/** How the model writes now; always by the same draws, so that what differs is what it learnt. */
export async function momentOf(model: GPT, tokenizer: Tokenizer, prompt: string, step: number, loss: number | null): Promise<Moment> {
  const room = Math.max(1, Math.min(sampleTokens, model.config.contextLength - 8));
  const { text } = await generateText(model, tokenizer, prompt, { maxTokens: room, temperature: 0.7, seed: 1, modelDefaults: false });
  return { step, loss, prompt, sample: text };
}

/** Where all heads look in a text. */
export async function attentionOf(model: GPT, tokenizer: Tokenizer, text: string, step: number): Promise<AttentionFrame> {
  const ids = Array.from(tokenizer.encode(text, { disallowedSpecial: [] })).slice(0, Math.min(attentionTokens, model.config.contextLength));
  const names = model.blocks.map((_, layer) => `blocks.${layer}.attention.pattern` as const);
  const patterns = Object.values(captureActivations(model, ids, names));
  const [, heads] = patterns[0].shape;
  const values = new Float32Array(patterns.reduce((sum, { size }) => sum + size, 0));
  for (const [layer, pattern] of patterns.entries()) {
    values.set(await pattern.data(), layer * pattern.size);
    pattern.dispose();
  }
  return { step, tokens: ids.map((id) => tokenizer.decode([id])), layers: patterns.length, heads, values };
}

/** What a run saw, as a checkpoint has it. One of a run that began elsewhere has nothing. */
export function readHistory(text: string | undefined): RunHistory {
  try {
    const { points, moments } = JSON.parse(text ?? "") as RunHistory;
    const isRight = points.length <= mostPoints && moments.length <= mostPoints && points.every(isPoint) && moments.every(isMoment);
    return isRight ? { points, moments } : emptyHistory;
  } catch {
    return emptyHistory;
  }
}

const isNumber = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value);

function isPoint({ step, loss, rate, norms }: StepPoint): boolean {
  return norms.length <= mostNorms && [step, loss, rate, ...norms].every(isNumber);
}

function isMoment({ step, loss, prompt, sample }: Moment): boolean {
  return isNumber(step) && (loss === null || isNumber(loss)) && [prompt, sample].every((text) => typeof text === "string");
}
