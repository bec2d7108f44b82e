import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { architectures, GPT } from "@gpt/gpt";
import type { GPTConfig } from "@gpt/gpt";
import { addLoRA } from "@gpt/gpt/lora";
import { Linear } from "@gpt/nn";
import { mul, scope, sum, useBackend } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { afterEach, beforeEach, expect, test } from "vitest";
import { collect, startBackend, tinyModel } from "../../test/fixtures.ts";
import { doneOf, run, stepsOf, weights } from "../../test/loop.ts";
import { modelChanges, readTrainingJson, runSettings } from "../../test/runs.ts";
import { TemporaryFiles } from "../../test/temporary-files.ts";
import { train } from "../loop/train.ts";
import { createRun, resumeRun } from "../node/run-folder.ts";
import { Muon } from "./muon.ts";
import { hiddenMatrices } from "./muon-of-model.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

beforeEach(async () => {
  await startBackend();
});

const norm = { type: "rms", epsilon: 1e-5 } as const;
/** A decoder with grouped queries, whose blocks have a gated unit, and gated experts with biases. */
const decoder: GPTConfig = {
  vocabSize: 11, contextLength: 8, dim: 8, positions: "learned", finalNorm: norm, head: { type: "linear" },
  blocks: [
    { type: "gated", hiddenDim: 12, gate: "silu" } as const,
    { type: "experts", count: 3, active: 2, routerBias: true, expert: { type: "gated", hiddenDim: 6, gate: "silu", bias: true } } as const,
  ].map((mlp) => ({ place: "pre", norm, attention: { heads: 4, kvHeads: 2, headDim: 2, bias: true }, mlp })),
};

test("hidden matrices are those of the blocks; each holds its rows", () => {
  expect(Object.fromEntries(hiddenMatrices(new GPT(decoder)))).toEqual({
    "blocks.0.attention.qkv.weight": [8, 4, 4],
    "blocks.0.attention.projection.weight": [8],
    "blocks.0.mlp.up.weight": [12, 12],
    "blocks.0.mlp.down.weight": [8],
    "blocks.1.attention.qkv.weight": [8, 4, 4],
    "blocks.1.attention.projection.weight": [8],
    "blocks.1.mlp.up.weight": [6, 6],
    "blocks.1.mlp.down.weight": [8],
  });
  const adapted = tinyModel();
  addLoRA(adapted, architectures, { rank: 2, targets: ["c_attn"] });
  const rows = hiddenMatrices(adapted);
  expect(rows.get("blocks.0.attention.qkv.base.weight")).toEqual([8, 8, 8]);
  expect(rows.get("blocks.0.attention.qkv.adapters.0.a.weight")).toEqual([2]);
  expect(rows.get("blocks.0.attention.qkv.adapters.0.b.weight")).toEqual([8, 8, 8]);
});

test.each([["a GPT", () => tinyModel({}, 1)], ["a decoder with experts", () => new GPT({ ...decoder, initialStd: 0.2 }, { seed: 1 })]])(
  "trains %s, and leaves what is frozen", async (_, make) => {
    const model = make();
    const frozen = model.blocks[0].attention.projection.weight as Tensor;
    frozen.requiresGrad = false;
    const before = frozen.dataSync();
    const losses = stepsOf(await run(model, { optimizer: "muon", learningRate: 0.02, steps: 30, logEvery: 5 })).map(({ loss }) => loss);
    expect(losses.at(-1)).toBeLessThan(losses[0] - 0.3);
    expect(frozen.dataSync()).toEqual(before);
  },
);

test.each([["cpu", cpu], ["wasm", wasm]] as const)("a run that is resumed ends with the weights of one that was not: %s", async (_, start) => {
  useBackend(await start());
  const settings = { ...runSettings, optimizer: "muon", momentum: 0.9 } as const;
  const whole = tinyModel(modelChanges);
  await collect(train(whole, settings));
  const directory = await temporary.folder();
  for await (const event of train(tinyModel(modelChanges), { ...settings, checkpointer: await createRun(join(directory, "run")) })) {
    if (event.step === 7) break;
  }
  const { model, ...resumed } = await resumeRun(join(directory, "run"));
  expect(resumed.resume.record.settings).toMatchObject({ optimizer: "muon", momentum: 0.9, adamwRate: 0.2 });
  expect(doneOf(await collect(train(model, { ...settings, ...resumed }))).step).toBe(settings.steps);
  expect(weights(model)).toEqual(weights(whole));
});

test("the optimizer of a run is part of its record; AdamW is not named, as before there were others", async () => {
  const directory = join(await temporary.folder(), "run");
  const stopped = { ...runSettings, signal: AbortSignal.abort() };
  await collect(train(tinyModel(), { ...stopped, optimizer: "adamw", checkpointer: await createRun(directory) }));
  const { record } = (await readTrainingJson(join(directory, "checkpoints/step-0"))) as { record: { settings: object } };
  expect(Object.keys(record.settings)).not.toContain("optimizer");
  expect(await readFile(join(directory, "checkpoints/step-0/training.json"), "utf8")).not.toContain("momentum");
  const { model, ...resumed } = await resumeRun(directory);
  const changed = collect(train(model, { ...runSettings, ...resumed, optimizer: "muon", learningRate: 1e-3 }));
  await expect(changed).rejects.toMatchObject({ code: "resume-mismatch", message: expect.stringContaining('optimizer was undefined and is "muon"') as string });
});

test("matrices alone, without a parameter of AdamW", () => {
  const layer = new Linear(3, 2, { bias: false });
  const optimizer = new Muon(layer.parameters(), { learningRate: 0.1, matrices: new Map([["0", [2]]]), weightDecay: 0 });
  const before = layer.weight.dataSync();
  scope(() => sum(mul(layer.weight, layer.weight)).backward());
  optimizer.step({ clip: 1 });
  const change = layer.weight.dataSync().map((value, i) => (value - before[i]) / (0.1 * 0.2 * Math.sqrt(3)));
  // Both singular values of the change are near 1.
  expect(Math.hypot(...change)).toBeGreaterThan(0.7 * Math.SQRT2);
  expect(Math.hypot(...change)).toBeLessThan(1.25 * Math.SQRT2);
  expect([...optimizer.stateDict().keys()]).toEqual(["firstMoments.0"]);
});

test.each([
  ["matrices must be a map of rows by path, as hiddenMatrices makes, not undefined", {}],
  ['matrices: "nowhere" names no parameter', { matrices: new Map([["nowhere", [2]]]) }],
  ['matrices: "bias" is [2], divided into 2; give rows, from 1, whose sum is those of a matrix', { matrices: new Map([["bias", [2]]]) }],
  ['matrices: "weight" is [2, 3], divided into 1, 2;', { matrices: new Map([["weight", [1, 2]]]) }],
  ["momentum must be a number from 0 and below 1, not 1", { matrices: new Map(), momentum: 1 }],
])("refuses: %s", (message, options) => {
  const make = () => new Muon(new Linear(3, 2).namedParameters(), { learningRate: 1, ...options } as ConstructorParameters<typeof Muon>[1]);
  expect(make).toThrow(`Muon: ${message}`);
});

test("Muon's options are refused without it", async () => {
  await expect(run(tinyModel(), { momentum: 0.9 })).rejects.toThrow('momentum and adamwRate are options of Muon: give optimizer: "muon" too, or leave them out');
});
