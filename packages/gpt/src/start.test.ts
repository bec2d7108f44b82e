import { noGrad, scope, useBackend, zeros } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { beforeEach, describe, expect, test } from "vitest";
import { KeyValueCache } from "./cache.ts";
import { captureActivations } from "./capture.ts";
import type { ForwardOptions } from "./forward-input.ts";
import { GPT } from "./model.ts";
import { architectures, compositions, idsOf, largestDifference, tiny } from "../test/fixtures.ts";

beforeEach(async () => useBackend(await cpu()));

const rows = [
  [1, 2, 3, 4, 5],
  [12, 0, 7, 7, 3],
];

describe.each(Object.entries({ ...architectures, ...compositions }))("%s", (_, options) => {
  test("a pass that begins at any block, with what goes into it, gives what the whole pass gives", () => {
    const model = new GPT(options, { seed: 1 });
    const logits = (given?: ForwardOptions): Float32Array => scope(() => noGrad(() => model.forward(idsOf(rows), given).dataSync()));
    const whole = logits();
    for (let block = 0; block <= model.blocks.length; block++) {
      scope(() => {
        const name = block === 0 ? "embed" : (`blocks.${block - 1}.residual` as const);
        const residual = captureActivations(model, idsOf(rows), [name])[name];
        expect(largestDifference(logits({ start: { block, residual } }), whole), String(block)).toBeLessThan(1e-6);
        // It may go on with something else than what it was given.
        const nothing = { [name]: (x: Tensor) => zeros(x.shape) };
        expect([...logits({ start: { block, residual }, hooks: nothing })]).toEqual([...logits({ hooks: nothing })]);
      });
    }
  });
});

test("gradients flow to what a pass begins with", () => {
  const model = new GPT(tiny, { seed: 1 });
  scope(() => {
    const residual = zeros([10, 8], { requiresGrad: true });
    model.loss(idsOf(rows), idsOf(rows), { start: { block: 1, residual } }).backward();
    expect(residual.grad!.dataSync().some((value) => value !== 0)).toBe(true);
    expect(residual.shape).toEqual([10, 8]);
  });
});

test.each<[string, (model: GPT) => ForwardOptions]>([
  ["start.block must be a whole number from 0 to 2, not 3", () => ({ start: { block: 3, residual: zeros([10, 8]) } })],
  ["start.residual must be a tensor [10, 8], not [8]", () => ({ start: { block: 1, residual: zeros([8]) } })],
  ["start.residual must be a tensor [10, 8], not 1", () => ({ start: { block: 1, residual: 1 as unknown as Tensor } })],
  ["start must be { block, residual }", () => ({ start: 1 as unknown as { block: number; residual: Tensor } })],
  ["start goes with no cache", (model) => ({ start: { block: 1, residual: zeros([10, 8]) }, cache: new KeyValueCache(model.config) })],
])("%s", (message, options) => {
  const model = new GPT(tiny, { seed: 1 });
  expect(() => scope(() => model.forward(idsOf(rows), options(model)))).toThrow(message);
});
