import { cast, noGrad, scope, useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { beforeEach, describe, expect, test } from "vitest";
import { captureActivations } from "./capture.ts";
import { logitLens } from "./logit-lens.ts";
import { GPT } from "./model.ts";
import { architectures, compositions, idsOf, tiny } from "../test/fixtures.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

const row = [1, 2, 3, 4, 5];
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function softmaxOf(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  return powers.map((power) => power / sum(powers));
}

/** A row of the stream as the model's end reads it, in float64 and by the formulas. */
function read(model: GPT, stream: readonly number[]): number[] {
  const { finalNorm, vocabSize } = model.config;
  const [gain, bias] = model.finalNorm?.parameters().map((parameter) => [...parameter.dataSync()]) ?? [];
  let x = [...stream];
  if (finalNorm) {
    const mean = finalNorm.type === "layer" ? sum(x) / x.length : 0;
    x = x.map((value) => value - mean);
    const size = Math.sqrt(sum(x.map((value) => value * value)) / x.length + finalNorm.epsilon);
    x = x.map((value, i) => (value / size) * gain[i] + (finalNorm.type === "layer" ? bias[i] : 0));
  }
  const weight = cast(model.head.weight as never, "f32").dataSync();
  return softmaxOf(Array.from({ length: vocabSize }, (_, id) => sum(x.map((value, i) => value * weight[id * x.length + i]))));
}

describe.each(Object.entries({ ...architectures, ...compositions }))("%s", (_, options) => {
  test("each layer is what norm and head make of its stream; the last is what the model says", async () => {
    const model = new GPT(options, { seed: 1 });
    const layers = await logitLens(model, row, { top: 3 });
    expect(layers.map(({ name }) => name)).toEqual(["embed", "blocks.0.residual", "blocks.1.residual"]);
    for (const { name, ids, probabilities } of layers) {
      const stream = captureActivations(model, row, [name])[name];
      const { shape: [tokens, dim] } = stream;
      const values = [...stream.dataSync()];
      for (let token = 0; token < tokens; token++) {
        const all = read(model, values.slice(token * dim, (token + 1) * dim));
        const ranking = all.map((_, id) => id).sort((a, b) => all[b] - all[a]).slice(0, 3);
        expect([...ids.subarray(token * 3, token * 3 + 3)]).toEqual(ranking);
        ranking.forEach((id, i) => expect(probabilities[token * 3 + i]).toBeCloseTo(all[id], 5));
      }
    }
    const logits = scope(() => noGrad(() => [...model.forward(idsOf([row])).dataSync().slice(-13)]));
    expect(layers[2].probabilities.at(-3)).toBeCloseTo(Math.max(...softmaxOf(logits)), 5);
  });
});

test("several sequences follow one another; all tokens where there are no more; everything is freed", async () => {
  const model = new GPT(tiny, { seed: 1 });
  const before = backend.memory.liveBuffers;
  const [alone] = await logitLens(model, row, { top: 20 });
  expect(alone.ids).toHaveLength(5 * 13);
  expect(sum([...alone.probabilities.subarray(0, 13)])).toBeCloseTo(1, 5);
  const ids = idsOf([row, row]);
  const [both] = await logitLens(model, ids, { top: 20 });
  ids.dispose();
  expect(both.ids).toEqual(Int32Array.of(...alone.ids, ...alone.ids));
  expect(backend.memory.liveBuffers).toBe(before);
});

test.each<[string, string, (model: GPT) => Promise<unknown>]>([
  ["invalid-input", "logitLens: top must be a whole number from 1", (model) => logitLens(model, row, { top: 0 })],
  ["invalid-input", "ids[0] must be a whole number from 0 to 12, not 13", (model) => logitLens(model, [13])],
  ["context-overflow", "9 tokens exceed", (model) => logitLens(model, new Array<number>(9).fill(1))],
])("%s: %s", async (code, message, call) => {
  const model = new GPT(tiny);
  const before = backend.memory.liveBuffers;
  await expect(call(model)).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
  expect(backend.memory.liveBuffers).toBe(before);
});
