import { noGrad, scope, tensor, useBackend } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { beforeEach, describe, expect, test } from "vitest";
import { captureActivations } from "./capture.ts";
import { GPT } from "./model.ts";
import { patchActivations } from "./patch.ts";
import type { Patch } from "./patch.ts";
import { architectures, compositions, idsOf, largestDifference, tiny } from "../test/fixtures.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

const prompt = [1, 2, 3, 4, 5];
const source = [1, 9, 3, 0, 5];
const vocabSize = 13;

const plain = (model: GPT, ids: readonly number[]): Float32Array =>
  scope(() => noGrad(() => model.forward(idsOf([ids])).dataSync().slice(-vocabSize)));

const answer = (model: GPT, from: readonly number[], patch: Patch): Float32Array =>
  scope(() => patchActivations(model, prompt, from, [patch]).dataSync().slice());

const kinds = ["attention.output", "attention.residual", "mlp.hidden", "residual"] as const;

describe.each(Object.entries({ ...architectures, ...compositions }))("%s", (_, options) => {
  const model = (): GPT => new GPT(options, { seed: 1 });
  const hasExperts = (layer: number, { config }: GPT): boolean => config.blocks[layer].mlp.type === "experts";
  const patches = (of: GPT): Patch[] => [
    { name: "embed", position: 1 }, { name: "residual" },
    ...[0, 1].flatMap((layer) =>
      kinds.filter((kind) => kind !== "mlp.hidden" || !hasExperts(layer, of)).flatMap((kind): Patch[] => [
        { name: `blocks.${layer}.${kind}` }, { name: `blocks.${layer}.${kind}`, position: 3 },
      ]),
    ),
    { name: "blocks.1.attention.output", head: 1 }, { name: "blocks.0.attention.output", head: 0, position: 1 },
  ];

  test("each patch is what a hook makes that copies the numbers, one prompt at a time", () => {
    const of = model();
    const all = patches(of);
    const together = scope(() => patchActivations(of, prompt, source, all).dataSync().slice());
    all.forEach(({ name, position, head }, i) => {
      const other = captureActivations(of, source, [name])[name].dataSync();
      const layer = Number(name.split(".")[1]);
      const width = (all: Tensor): number => (head === undefined ? all.shape[1] : of.config.blocks[layer].attention.headDim);
      const copy = (activation: Tensor): Tensor => {
        const values = activation.dataSync().slice();
        const isTaken = (i: number): boolean =>
          Math.floor(i / activation.shape[1]) === (position ?? Math.floor(i / activation.shape[1])) &&
          (head === undefined || Math.floor((i % activation.shape[1]) / width(activation)) === head);
        return tensor(values.map((value, i) => (isTaken(i) ? other[i] : value)), { shape: activation.shape });
      };
      const expected = scope(() => noGrad(() => of.forward(idsOf([prompt]), { hooks: { [name]: copy } }).dataSync().slice(-vocabSize)));
      expect(largestDifference(together.subarray(i * vocabSize, (i + 1) * vocabSize), expected), `${name} ${position} ${head}`).toBeLessThan(1e-5);
      expect(largestDifference(answer(of, source, { name, position, head }), expected), `${name} alone`).toBeLessThan(1e-5);
    });
  });

  test("of the same prompt it changes nothing; the stream behind the last block at the last token is the other's answer", () => {
    const of = model();
    for (const patch of patches(of)) expect(largestDifference(answer(of, prompt, patch), plain(of, prompt))).toBeLessThan(1e-6);
    expect(largestDifference(answer(of, source, { name: "blocks.1.residual", position: 4 }), plain(of, source))).toBeLessThan(1e-5);
    expect(largestDifference(answer(of, source, { name: "embed" }), plain(of, source))).toBeLessThan(1e-5);
    expect(largestDifference(answer(of, source, { name: "blocks.1.residual", position: 1 }), plain(of, prompt))).toBeLessThan(1e-6);
    expect(largestDifference(plain(of, source), plain(of, prompt))).toBeGreaterThan(1e-2);
  });
});

test("blocks before the first that a patch changes read one prompt, not one for each patch", () => {
  const model = new GPT({ ...tiny, layers: 3 }, { seed: 1 });
  const read: number[][] = model.blocks.map((block) => {
    const { forward } = block;
    const rows: number[] = [];
    block.forward = (x, context) => (rows.push(x.shape[0]), forward.call(block, x, context));
    return rows;
  });
  scope(() => patchActivations(model, prompt, prompt, [0, 1, 2].map((position) => ({ name: "blocks.1.residual", position }))));
  // The two prompts are read for what they have; what each patch makes of them, by the last block alone.
  expect(read).toEqual([[5, 5], [5, 5], [5, 5, 15]]);
});

test("without dropout; all but the result is freed", () => {
  const model = new GPT({ ...tiny, dropout: 0.5 }, { seed: 1 });
  const before = backend.memory.liveBuffers;
  const logits = patchActivations(model, prompt, source, [{ name: "embed" }, { name: "blocks.0.residual", position: 0 }]);
  expect(logits.shape).toEqual([2, vocabSize]);
  expect(logits.requiresGrad).toBe(false);
  expect(backend.memory.liveBuffers).toBe(before + 1);
  const again = patchActivations(model, prompt, source, [{ name: "embed" }]);
  expect([...again.dataSync()]).toEqual([...logits.dataSync().subarray(0, vocabSize)]);
  expect(model.training).toBe(true);
  for (const tensor of [logits, again]) tensor.dispose();
});

const bad = (patch: object) => (model: GPT) => patchActivations(model, prompt, source, [{ name: "embed" }, patch as Patch]);

test.each<[string, string, (model: GPT) => unknown]>([
  ["invalid-input", "patchActivations: model must be a GPT", () => patchActivations({ config: {} } as GPT, prompt, source, [])],
  ["invalid-input", "source has 2 tokens, ids 5; give as many", (model) => patchActivations(model, prompt, [1, 2], [{ name: "embed" }])],
  ["invalid-input", "source[1] must be a whole number from 0 to 12, not 13", (model) => patchActivations(model, [1, 2], [1, 13], [{ name: "embed" }])],
  ["invalid-input", "patches are none; give at least one", (model) => patchActivations(model, prompt, source, [])],
  ["invalid-input", "patches[1]: name must be", bad({ name: 5 })],
  ["invalid-input", "patches[1]: position must be a whole number from 0 to 4, not 5", bad({ name: "embed", position: 5 })],
  ["invalid-input", "patches[1]: head must be a whole number from 0 to 1, not 2", bad({ name: "blocks.1.attention.output", head: 2 })],
  ["invalid-input", "patches[1]: embed has no heads; blocks.N.attention.output has", bad({ name: "embed", head: 0 })],
  ["invalid-input", "patches[1]: logits has not one row for each token", bad({ name: "logits" })],
  ["invalid-input", "patches[1]: blocks.0.attention.pattern has not one row", bad({ name: "blocks.0.attention.pattern" })],
  ["unknown-hook", 'there is no hook point "blocks.7.residual"', bad({ name: "blocks.7.residual" })],
  ["context-overflow", "9 tokens exceed", (model) => patchActivations(model, Array(9).fill(1), Array(9).fill(2), [{ name: "embed" }])],
])("%s: %s", (code, message, call) => {
  const model = new GPT(tiny);
  const before = backend.memory.liveBuffers;
  expect(() => call(model)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) as string }));
  expect(backend.memory.liveBuffers).toBe(before);
});

test("hidden numbers of experts are not rows of tokens", () => {
  const model = new GPT(compositions["experts of GPT-2"]);
  expect(() => patchActivations(model, prompt, source, [{ name: "blocks.1.mlp.hidden" }])).toThrow("blocks.1.mlp.hidden has not one row");
});
