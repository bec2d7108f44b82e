import { mutations } from "@gpt/testing/mutate";
import { expect, test } from "vitest";
import { isGptError } from "@gpt/tensor";
import { publishedConfigs } from "../test/published-configs.ts";
import { architectures } from "./architectures/index.ts";
import type { GPTConfig } from "./config.ts";
import { describeModel } from "./describe.ts";
import { stagesOf, trainingShares } from "./device-shares.ts";
import { parseConfig } from "./folder/config-json.ts";
import { preset, presetNames } from "./presets.ts";
import type { PresetName } from "./presets.ts";
import { proposeSplits } from "./propose-splits.ts";
import type { Devices } from "./propose-splits.ts";

const gb = 1e9;

test("GPT-3 of 175 billion parameters on devices of 80 GB, by hand", () => {
  const dim = 12_288;
  const block = 12 * dim * dim; // And some thousands of biases.
  const embedding = 50_257 * dim;
  const activations = (32 * 2048 * dim * 96) / 8; // All that is in flight in the first stage, in bf16.
  // Six stages of 16 blocks, in eight parts: 22.0 + 22.0 + 132 GB / 8, and the activations.
  const six = (16 * (16 * block + embedding)) / 8 + activations;
  // Five stages have 19 or 20 blocks each, and the first one with 19 holds too much.
  const five = (16 * (19 * block + embedding)) / 8 + activations;
  expect([six / gb, five / gb].map(Math.round)).toEqual([69, 80]);

  const { needed, training, tensorSplits } = proposeSplits(preset("gpt3-175b"), { devices: 48, deviceBytes: 80 * gb });
  expect(tensorSplits).toEqual([1, 2, 4, 8]);
  expect(needed.plain).toBe(48);
  const [found] = training.filter(({ fits }) => fits);
  expect(found).toMatchObject({ tensor: 8, pipeline: 6, data: 1, idle: 0 });
  expect(found.device.total / six).toBeGreaterThan(1);
  expect(found.device.total / six).toBeLessThan(1.01);
  expect(proposeSplits(preset("gpt3-175b"), { devices: 47, deviceBytes: 80 * gb }).training).toEqual([]);
});

test("copies that share the optimizer's state hold less, by hand: Llama 3.1 8B on eight devices of 80 GB", () => {
  const { training } = proposeSplits(preset("llama-3.1-8b"), { devices: 8, deviceBytes: 80 * gb });
  const [first] = training;
  expect(first).toMatchObject({ tensor: 1, pipeline: 1, data: 8, fits: false });
  const count = describeModel(preset("llama-3.1-8b")).parameters.total;
  expect(first.device.total - first.shardedBytes).toBe((12 * count * 7) / 8);
});

test.each<[PresetName, readonly number[]]>([
  ["gpt2-xl", [1]], // 25 heads.
  ["gpt2", [1, 2, 4]], // 12.
  ["qwen2.5-0.5b", [1, 2]], // 14, and 2 of keys and values.
  ["mixtral-8x7b", [1, 2, 4, 8]],
  ["gpt-oss-120b", [1, 2, 4, 8]],
])("layers of %s divide into %j parts", (name, parts) => {
  expect(proposeSplits(preset(name), { devices: 8, deviceBytes: 80 * gb }).tensorSplits).toEqual(parts);
});

test.each(["gpt2", "llama-3.2-1b", "gpt-oss-20b", "mixtral-8x7b"] as const)("the stages of %s have all of its weights", (name) => {
  const config = preset(name);
  const shareOf = trainingShares(config, { batch: 1, context: 8 });
  const { total, tokenEmbedding } = describeModel(config).parameters;
  for (const pipeline of [1, 2, 5, config.blocks.length]) {
    const weights = stagesOf(config.blocks.length, pipeline).reduce((sum, stage) => sum + shareOf(1, stage).parameters / 2, 0);
    expect(weights).toBe(total + (config.head.type === "tied" && pipeline > 1 ? tokenEmbedding : 0));
    const inTwo = stagesOf(config.blocks.length, pipeline).reduce((sum, stage) => sum + shareOf(2, stage).parameters / 2, 0);
    expect(inTwo).toBeGreaterThan(weights / 2);
    expect(inTwo).toBeLessThan(0.51 * weights);
  }
});

test.each(presetNames)("what is proposed for %s fits, and a shorter pipeline would not", (name) => {
  const config = preset(name);
  const [devices, deviceBytes] = [256, 24 * gb];
  const { training, running, needed, batch, context } = proposeSplits(config, { devices, deviceBytes });
  const shareOf = trainingShares(config, { batch, context });
  const fullest = (tensor: number, pipeline: number): number =>
    Math.max(...stagesOf(config.blocks.length, pipeline).map((stage) => shareOf(tensor, stage).total));
  for (const { tensor, pipeline, data, idle, device, shardedBytes, fits } of training) {
    expect(tensor * pipeline * data + idle).toBe(devices);
    expect(idle).toBeLessThan(tensor * pipeline);
    expect(device.total).toBe(fullest(tensor, pipeline));
    expect(fits).toBe(device.total <= deviceBytes);
    expect(shardedBytes).toBeLessThanOrEqual(Math.min(deviceBytes, device.total));
    if (fits && pipeline > 1) expect(fullest(tensor, pipeline - 1)).toBeGreaterThan(deviceBytes);
  }
  const smallest = Math.min(...training.filter(({ fits }) => fits).map(({ tensor, pipeline }) => tensor * pipeline));
  if (smallest < Infinity) expect(needed.plain).toBe(smallest);
  for (const { device } of running) expect(device.weights + device.cache).toBeLessThanOrEqual(deviceBytes);
});

test("running by dtype, by hand: GPT-3's weights in bf16 in five stages, with the keys and values of one sequence", () => {
  const { running } = proposeSplits(preset("gpt3-175b"), { devices: 8, deviceBytes: 80 * gb });
  const dtypes = running.map(({ dtype }) => dtype);
  expect(dtypes).toEqual(["f16", "bf16", "int8", "int4", "mxfp4"]); // 698 GB in f32 exceed eight times 80.
  const bf16 = running.find(({ dtype }) => dtype === "bf16");
  expect(bf16).toMatchObject({ tensor: 1, pipeline: 5, data: 1, idle: 3 });
  expect(bf16?.device.cache).toBe(20 * 2 * 2 * 2048 * 12_288);
});

test("where no number of devices suffices, the plan says what one would hold", () => {
  const { training, running, needed } = proposeSplits(preset("gpt3-175b"), { devices: 1024, deviceBytes: 1e8 });
  expect({ training, running }).toEqual({ training: [], running: [] });
  expect(needed).toMatchObject({ plain: undefined, sharded: undefined });
  expect(needed.deviceBytes).toBeGreaterThan(1e9);
});

test.each<[unknown, string]>([
  [undefined, "proposeSplits: options must be an object"],
  [{ deviceBytes: 1e9 }, "proposeSplits: devices must be a whole number from 1 to 1048576"],
  [{ devices: 0, deviceBytes: 1e9 }, "devices must be"],
  [{ devices: 1e99, deviceBytes: 1e9 }, "devices must be"],
  [{ devices: NaN, deviceBytes: 1e9 }, "devices must be"],
  [{ devices: 8 }, "deviceBytes must be"],
  [{ devices: 8, deviceBytes: -1 }, "deviceBytes must be"],
  [{ devices: 8, deviceBytes: "80GB" }, "deviceBytes must be"],
  [{ devices: 8, deviceBytes: Infinity }, "deviceBytes must be"],
  [{ devices: 8, deviceBytes: 1e9, batch: 0 }, "batch must be"],
])("refuses %j", (devices, message) => {
  expect(() => proposeSplits(preset("gpt2"), devices as Devices)).toThrow(
    expect.objectContaining({ code: "invalid-input", message: expect.stringContaining(message) as string }),
  );
});

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 300;

test(`of ${fuzzCount} mutated files, each that is read has a plan of finite numbers`, { timeout: 3_600_000 }, () => {
  const corpus = Object.values(publishedConfigs).map((fields) => new TextEncoder().encode(JSON.stringify(fields)));
  let planned = 0;
  for (const input of mutations(corpus, fuzzCount, 7)) {
    let config: GPTConfig;
    try {
      ({ config } = parseConfig(input, "config.json", architectures));
    } catch (error) {
      if (!isGptError(error)) throw error;
      continue;
    }
    const numbers = JSON.stringify([describeModel(config), proposeSplits(config, { devices: 64, deviceBytes: 80 * gb })]);
    expect(numbers).not.toMatch(/:(null|-)/); // What is not finite is null in JSON.
    planned++;
  }
  expect(planned).toBeGreaterThan(fuzzCount / 50);
});
