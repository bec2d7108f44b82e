import { beforeEach, describe, expect, test } from "vitest";
import type { GPT } from "@gpt/gpt";
import { noGrad, scope, tensor } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { tokensInMemory } from "./data/token-source.ts";
import type { TokenSource } from "./data/token-source.ts";
import { evaluate } from "./evaluate.ts";
import type { EvaluateOptions } from "./evaluate.ts";
import type { OnEvaluated } from "./loop/task.ts";
import { patternedTokens, startBackend, tinyModel } from "../test/fixtures.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await startBackend();
});

/** The loss of each prediction in a window, in float64 from the model's logits. */
function losses(model: GPT, window: readonly number[]): number[] {
  return scope(() => {
    const ids = tensor(Int32Array.from(window.slice(0, -1)), { shape: [1, window.length - 1] });
    const logits = noGrad(() => model.eval().forward(ids)).dataSync();
    const { vocabSize } = model.config;
    return window.slice(1).map((target, i) => {
      const row = logits.subarray(i * vocabSize, (i + 1) * vocabSize);
      return Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - row[target];
    });
  });
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("evaluate", () => {
  test.each([
    { tokens: 33, contextLength: 8, batchSize: 3 },
    { tokens: 30, contextLength: 8, batchSize: 2 },
    { tokens: 2, contextLength: 8, batchSize: 1 },
    { tokens: 20, contextLength: 5, batchSize: 100 },
  ])(
    "predicts each token but the first once, each with equal weight: %o",
    async ({ tokens, contextLength, batchSize }) => {
      const model = tinyModel({ initialStd: 1 });
      const data = patternedTokens(tokens);
      const expected: number[] = [];
      for (let start = 0; start + 1 < tokens; start += contextLength) {
        expected.push(...losses(model, data.slice(start, start + contextLength + 1)));
      }
      const seen: number[] = [];
      const onProgress: OnEvaluated = ({ tokens, totalTokens }) => seen.push(tokens / totalTokens);
      const result = await evaluate(model, tokensInMemory(data), { contextLength, batchSize, onProgress });
      expect(result.tokens).toBe(tokens - 1);
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      expect(seen.at(-1)).toBe(1);
      expect(result.loss).toBeCloseTo(mean(expected), 5);
      expect(result.perplexity).toBeCloseTo(Math.exp(result.loss), 10);
    },
  );

  test.each([
    { tokens: 33, contextLength: 8, stride: 3, batchSize: 4 },
    { tokens: 33, contextLength: 8, stride: 8, batchSize: 4 },
    { tokens: 41, contextLength: 8, stride: 1, batchSize: 7 },
    { tokens: 9, contextLength: 8, stride: 4, batchSize: 2 },
    { tokens: 10, contextLength: 8, stride: 4, batchSize: 2 },
    { tokens: 6, contextLength: 8, stride: 4, batchSize: 2 },
  ])("a window that moves by less than it has predicts what is new to it: %o", async ({ tokens, contextLength, stride, batchSize }) => {
    const model = tinyModel({ initialStd: 1 });
    const data = patternedTokens(tokens);
    const expected: number[] = [];
    for (let start = 0; expected.length < tokens - 1; start += stride) {
      const ofWindow = losses(model, data.slice(start, start + contextLength + 1));
      expected.push(...ofWindow.slice(expected.length - start));
    }
    const seen: number[] = [];
    const onProgress: OnEvaluated = ({ tokens, totalTokens }) => seen.push(tokens / totalTokens);
    const result = await evaluate(model, tokensInMemory(data), { contextLength, stride, batchSize, onProgress });
    expect([result.tokens, seen.at(-1)]).toEqual([tokens - 1, 1]);
    expect(result.loss).toBeCloseTo(mean(expected), 5);
  });

  test("an estimate looks at whole windows, spread evenly", async () => {
    const model = tinyModel({ initialStd: 1 });
    const data = patternedTokens(90); // 11 whole windows of 8, and a rest.
    const expected = [0, 3, 7].flatMap((window) => losses(model, data.slice(8 * window, 8 * window + 9)));
    const seen: number[] = [];
    const onProgress: OnEvaluated = ({ tokens, totalTokens }) => seen.push(tokens / totalTokens);
    const { loss, tokens } = await evaluate(model, tokensInMemory(data), { maxWindows: 3, batchSize: 2, onProgress });
    expect(seen).toEqual([2 / 3, 1]);
    expect(tokens).toBe(24);
    expect(loss).toBeCloseTo(mean(expected), 5);
    // All whole windows are no more than an estimate where a rest follows.
    const allWindows = await evaluate(model, tokensInMemory(data), { maxWindows: 11, batchSize: 4 });
    expect(allWindows.tokens).toBe(88);
    const each = Array.from({ length: 11 }, (_, window) => losses(model, data.slice(8 * window, 8 * window + 9)));
    expect(allWindows.loss).toBeCloseTo(mean(each.flat()), 5);
    expect((await evaluate(model, tokensInMemory(data), { maxWindows: 10 })).tokens).toBe(80);
    const whole = await evaluate(model, tokensInMemory(data));
    expect(whole.tokens).toBe(89);
    expect(await evaluate(model, tokensInMemory(data), { maxWindows: 12 })).toEqual(whole);
  });

  test("is without dropout, leaves the model's mode as it was, and frees all", async () => {
    const model = tinyModel({ dropout: 0.5 });
    const before = backend.memory.liveBuffers;
    const source = tokensInMemory(patternedTokens(50));
    model.train();
    model.blocks[0].eval();
    const modes = (): boolean[] => [...model.modules()].map(({ training }) => training);
    const mixed = modes();
    const first = await evaluate(model, source, { onProgress: () => expect(modes()).toEqual(mixed) });
    expect(modes()).toEqual(mixed);
    expect(await evaluate(model.eval(), source)).toEqual(first);
    expect(model.training).toBe(false);
    expect(backend.memory.liveBuffers).toBe(before);
  });

  test.each([
    [2, 1, 1], [2, 8, 1], [8, 8, 7], [9, 8, 8], [10, 8, 9], [17, 8, 16], [18, 8, 17],
  ])("of %i tokens in windows of %i it predicts %i", async (length, contextLength, predicted) => {
    const reads: [number, number][] = [];
    const tokens = patternedTokens(length);
    const source: TokenSource = {
      length,
      read: async (start, count) => {
        reads.push([start, count]);
        return Int32Array.from(tokens.slice(start, start + count));
      },
    };
    const evaluation = await evaluate(tinyModel(), source, { contextLength });
    expect(evaluation.tokens).toBe(predicted);
    // Windows follow one another: each begins with the last token of the one before it, the last one ends the data.
    reads.sort(([a], [b]) => a - b);
    reads.forEach(([start, count], i) => expect(start + count).toBe(i + 1 < reads.length ? reads[i + 1][0] + 1 : length));
  });

  test("ends by its signal with the signal's reason", async () => {
    const controller = new AbortController();
    const tokens = patternedTokens(100);
    const source: TokenSource = {
      length: tokens.length,
      read: async (start, count) => {
        if (start >= 32) controller.abort(new Error("enough"));
        return Int32Array.from(tokens.slice(start, start + count));
      },
    };
    const model = tinyModel().train();
    await expect(evaluate(model, source, { batchSize: 1, signal: controller.signal })).rejects.toThrow("enough");
    expect(model.training).toBe(true);
  });

  test("refuses data without a prediction, wrong options and unknown tokens", async () => {
    const model = tinyModel();
    const source = tokensInMemory([1, 2, 3]);
    await expect(evaluate(model, tokensInMemory([1]))).rejects.toThrow(
      "needs at least two tokens, the validation data has 1",
    );
    await expect(evaluate(model, source, { batchSize: 0 })).rejects.toThrow(
      "batchSize must be a whole number from 1, not 0",
    );
    await expect(evaluate(model, source, { batchSize: 2 ** 30 })).rejects.toThrow("exceeds 268435456 tokens at once");
    await expect(evaluate(model, source, { signal: true as unknown as AbortSignal })).rejects.toThrow(
      "signal must be an AbortSignal, not true",
    );
    await expect(evaluate(model, [1, 2] as unknown as TokenSource)).rejects.toThrow("source must be a source of tokens");
    await expect(evaluate({} as GPT, source)).rejects.toThrow("model must be a GPT");
    await expect(evaluate(model, source, null as unknown as EvaluateOptions)).rejects.toThrow("options must be an object");
    await expect(evaluate(model, source, { contextLength: Infinity })).rejects.toThrow("contextLength must be a whole");
    await expect(evaluate(model, source, { contextLength: 9 })).rejects.toThrow(
      "contextLength 9 exceeds the model's context of 8",
    );
    await expect(evaluate(model, source, { maxWindows: NaN })).rejects.toThrow("maxWindows must be a whole number");
    await expect(evaluate(model, tokensInMemory([1, 11]))).rejects.toThrow("token 1 of the data is 11");
  });
});
