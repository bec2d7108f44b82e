import { expect } from "vitest";
import { GPT } from "@gpt/gpt";
import { full, philoxBlock, scatterAdd, tensor, useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { Engine } from "../src/engine.ts";
import type { EngineOptions, GenerationRequest, StepResult } from "../src/engine.ts";
import type { FinishEvent, TokenEvent } from "../src/events.ts";
import type { ScoreProcessor } from "../src/processors.ts";
import { streamTokens } from "../src/tokens.ts";

export const vocabSize = 61;

/** Its random weights are large enough that what it writes is no monotony, and that scores differ by more than rounding. */
export function batchModel(): GPT {
  const sizes = { vocabSize, contextLength: 320, layers: 2, heads: 2, dim: 32 };
  return new GPT({ ...sizes, tiedHead: false, initialStd: 0.5 }, { seed: 11 });
}

/** Forbids the last token. */
export const noRepeats: ScoreProcessor = {
  process(scores, rows) {
    const { backend } = scores;
    const last = tensor(Int32Array.from(rows, ({ tokens }) => tokens.at(-1) ?? NaN), { shape: [rows.length, 1], backend });
    return scatterAdd(scores, last, full([rows.length, 1], -Infinity, { backend }), -1);
  },
};

const prompt = (length: number, seed: number): number[] => Array.from({ length }, (_, i) => (i * i + 7 * i * seed + seed) % vocabSize);

/** Of all kinds, with prompts of 1 to 300 tokens. */
export const raggedRequests: readonly GenerationRequest[] = [
  { prompt: prompt(1, 1), maxTokens: 40, temperature: 0, seed: 1 },
  { prompt: prompt(300, 2), maxTokens: 40, seed: 5, contextShift: true },
  { prompt: prompt(47, 3), maxTokens: 30, seed: 6, topK: 5, topP: 0.9, repetitionPenalty: 1.3 },
  { prompt: prompt(48, 4), maxTokens: 35, temperature: 0, seed: 2, processors: [noRepeats] },
  { prompt: prompt(97, 5), maxTokens: 25, seed: 7, temperature: 1.4, minP: 0.05, suppressTokens: [1, 2, 3] },
  { prompt: prompt(200, 6), maxTokens: 3, seed: 2 ** 40 + 1, processors: [noRepeats], suppressTokens: [1, 2, 3] },
  { prompt: prompt(299, 7), maxTokens: 60, temperature: 0, seed: 3, repetitionPenalty: 1.2 },
];

export interface Written {
  readonly tokens: TokenEvent[];
  finish?: FinishEvent;
}

/** What a request gives alone. */
export async function alone(model: GPT, { prompt, ...options }: GenerationRequest): Promise<Written> {
  const written: Written = { tokens: [] };
  for await (const event of streamTokens(model, prompt, options)) {
    if (event.type === "token") written.tokens.push(event);
    else written.finish = event;
  }
  return written;
}

/** Adds what a step gave to what there is. */
export function collect(written: Map<number, Written>, results: readonly StepResult[]): void {
  for (const { request, event } of results) {
    const own = written.get(request);
    if (!own) throw new Error(`request ${request} was removed, or never was`);
    expect(own.finish).toBeUndefined();
    if (event.type === "token") own.tokens.push(event);
    else if (event.type === "finish") own.finish = event;
    else throw event.error;
  }
}

/** Expects what a request gave in a batch to be what it gives alone, as far as it went. Probabilities are rounded otherwise. */
export function expectSame(batch: Written, single: Written): void {
  expect(batch.tokens.map(({ id }) => id)).toEqual(single.tokens.slice(0, batch.tokens.length).map(({ id }) => id));
  for (const [i, { logProbability }] of batch.tokens.entries()) {
    expect(logProbability).toBeCloseTo(single.tokens[i].logProbability, 3);
  }
  if (batch.finish) expect(batch.finish).toEqual(single.finish);
}

/**
 * Lets requests come, go and be removed at moments that a seed draws, and compares each with what it gives alone. Each writes
 * `maxTokens` at most.
 */
export async function checkRaggedBatch(
  backend: Backend, seed: number, { maxTokens = Infinity, ...options }: EngineOptions & { readonly maxTokens?: number },
): Promise<void> {
  useBackend(backend);
  const model = batchModel();
  const requests = raggedRequests.map((request) => ({ ...request, maxTokens: Math.min(request.maxTokens ?? 0, maxTokens) }));
  const singles: Written[] = [];
  for (const request of requests) singles.push(await alone(model, request));
  expect(new Set(singles.flatMap(({ tokens }) => tokens.map(({ id }) => id))).size).toBeGreaterThan(15);
  const before = backend.memory.liveBytes;
  const draw = (step: number): number => {
    const words = new Uint32Array(4);
    philoxBlock({ seed: [seed, 0], stream: [1, 0] }, step, words);
    return words[0] / 2 ** 32;
  };
  const engine = new Engine(model, options);
  const written = new Map<number, Written>();
  const added = new Map<number, number>();
  const removed: Written[] = [];
  const order = requests.map((_, i) => (i * 3 + seed) % requests.length);
  for (let step = 0; order.length > 0 || engine.pending > 0; step++) {
    const next = order.at(-1);
    if (next !== undefined && draw(3 * step) < 0.3) {
      const id = engine.add(requests[next]);
      written.set(id, { tokens: [] });
      added.set(id, next);
      order.pop();
    }
    // One is removed while it waits or writes, wherever it is, and comes again.
    if (removed.length < 2 && written.size > 2 && draw(3 * step + 1) < 0.1) {
      const ids = [...written.keys()].filter((id) => !written.get(id)?.finish);
      const id = ids[Math.floor(draw(3 * step + 2) * ids.length)];
      if (id !== undefined) {
        engine.remove(id);
        expectSame(written.get(id)!, singles[added.get(id)!]);
        removed.push(written.get(id)!);
        written.delete(id);
        order.unshift(added.get(id)!);
      }
    }
    collect(written, await engine.step());
  }
  expect(removed).toHaveLength(2);
  expect(written.size).toBe(requests.length);
  for (const [id, own] of written) {
    expect(own.finish).toBeDefined();
    expectSame(own, singles[added.get(id)!]);
    expect(own.tokens).toHaveLength(singles[added.get(id)!].tokens.length);
  }
  engine.dispose();
  expect(backend.memory.liveBytes).toBe(before);
  model.dispose();
}
