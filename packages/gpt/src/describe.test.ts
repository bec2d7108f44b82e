import { expect, test } from "vitest";
import { cacheDTypes, useBackend, weightDTypes } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { mixtral } from "./architectures/mixtral.ts";
import { KeyValueCache } from "./cache.ts";
import { describeModel } from "./describe.ts";
import { GPT } from "./model.ts";
import { preset, presetNames } from "./presets.ts";
import { resolveConfig } from "./resolve-config.ts";
import { architectures, compositions } from "../test/fixtures.ts";

test.each([
  ["gpt1", 116_534_784],
  ["gpt2", 124_439_808],
  ["gpt2-medium", 354_823_168],
  ["gpt2-large", 774_030_080],
  ["gpt2-xl", 1_557_611_200],
  ["smollm2-135m", 134_515_008],
  ["tinyllama-1.1b", 1_100_048_384],
  ["llama-3.2-1b", 1_235_814_400],
  ["llama-3.1-8b", 8_030_261_248],
  ["mistral-7b", 7_241_732_096],
  ["mixtral-8x7b", 46_702_792_704],
  ["qwen2.5-0.5b", 494_032_768],
  ["qwen3-0.6b", 596_049_920],
])("%s has its published number of parameters, %i", (name, parameters) => {
  expect(describeModel(preset(name)).parameters.total).toBe(parameters);
});

test.each([
  ["gpt-oss-20b", 20.91, 3.61],
  ["gpt-oss-120b", 116.83, 5.13],
])("%s has the %f billion parameters of its model card, of which %f are active", (name, total, active) => {
  const { parameters, activeParameters } = describeModel(preset(name));
  expect(parameters.total / 1e9).toBeCloseTo(total, 2);
  expect(activeParameters / 1e9).toBeCloseTo(active, 2);
});

/** For each block attention, `experts` of 3·d·f weights, the router and two norms; then the embeddings and the final norm. */
test.each([
  ["moe-nano", 4, 128, 128, 4, 176],
  ["moe-small", 12, 768, 256, 8, 1024],
])("%s is a model of Mixtral's parts, with a tied head", (name, layers, d, kv, count, f) => {
  const parametersOf = (experts: number): number =>
    layers * (2 * d * d + 2 * d * kv + experts * 3 * d * f + d * count + 2 * d) + 50_257 * d + d;
  const { parameters, activeParameters } = describeModel(preset(name));
  expect([parameters.total, activeParameters]).toEqual([parametersOf(count), parametersOf(2)]);
  expect(mixtral.write({ config: preset(name), generation: {}, dtypes: {} })).toMatchObject({ num_local_experts: count });
});

/**
 * For each block 4·d·w + 2·d·f weights, 3·w + d + f + d biases and 4·d of the norms, w = heads · headDim, f = 4·d;
 * then the embeddings of 50,257 tokens and 2048 positions, and the final norm.
 */
test.each([
  ["gpt3-small", 12, 768, 768],
  ["gpt3-medium", 24, 1024, 1024],
  ["gpt3-large", 24, 1536, 1536],
  ["gpt3-xl", 24, 2048, 24 * 128],
  ["gpt3-2.7b", 32, 2560, 2560],
  ["gpt3-6.7b", 32, 4096, 4096],
  ["gpt3-13b", 40, 5140, 40 * 128],
  ["gpt3-175b", 96, 12_288, 12_288],
])("%s has the parameters of its row in the paper", (name, layers, d, w) => {
  const block = 4 * d * w + 8 * d * d + 3 * w + 6 * d + 4 * d;
  expect(describeModel(preset(name)).parameters.total).toBe(layers * block + (50_257 + 2048) * d + 2 * d);
});

test("the largest of all is GPT-3's 175 billion", () => {
  const totals = presetNames.map((name) => describeModel(preset(name)).parameters.total);
  expect(Math.max(...totals) / 1e9).toBeCloseTo(174.6, 1);
});

test.each(Object.entries({ ...architectures, ...compositions }))("counts what a model has: %s", async (_, options) => {
  const backend = await cpu();
  useBackend(backend);
  for (const dtype of weightDTypes) {
    const before = backend.memory.liveBytes;
    const { config } = new GPT(options, { dtype });
    expect(describeModel(config).weightBytes[dtype]).toBe(backend.memory.liveBytes - before);
  }
  const model = new GPT(options);
  const { total, ...parts } = describeModel(model.config).parameters;
  expect(total).toBe(model.parameterCount());
  expect(Object.values(parts).reduce((sum, part) => sum + part)).toBe(total);
  const count = (prefix: RegExp): number =>
    [...model.namedParameters()].filter(([path]) => prefix.test(path)).reduce((sum, [, { size }]) => sum + size, 0);
  expect(parts).toEqual({
    tokenEmbedding: count(/^tokenEmbedding/),
    positions: count(/^positionEmbedding/),
    attention: count(/\.attention\./),
    mlp: count(/\.mlp\./),
    norms: count(/(attentionNorm|mlpNorm|finalNorm)\./),
    head: count(/^head/),
  });
});

test("arithmetic and memory of GPT-2, 124M", () => {
  const { flopsPerToken, trainingBytes, weightBytes, cacheBytesPerToken } = describeModel(preset("gpt2"));
  expect(flopsPerToken.forward / 1e6).toBeCloseTo(247.0, 0);
  expect(flopsPerToken.training / 1e6).toBeCloseTo(741, 0);
  expect(flopsPerToken.attentionTraining / 1e6).toBeCloseTo(57, 0);
  const shortContext = describeModel(preset("gpt2", { contextLength: 256 }));
  expect(shortContext.flopsPerToken.attentionTraining / 1e6).toBeCloseTo(14, 0);
  expect(trainingBytes / 1e9).toBeCloseTo(1.99, 2);
  expect(cacheBytesPerToken).toBe(73_728);
  expect(weightBytes.f32).toBe(4 * 124_439_808);
  // Each token reads the matrices, whose rows are whole blocks; positions, biases and norms are f32.
  const matrices = flopsPerToken.forward / 2;
  const rest = 4 * (124_439_808 - matrices);
  expect(weightBytes.f16 - rest).toBe(2 * matrices);
  expect(weightBytes.int8 - rest).toBe((matrices * 8.5) / 8);
  expect(weightBytes.int4 - rest).toBe((matrices * 4.5) / 8);
  expect(weightBytes.mxfp4 - rest).toBe((matrices * 4.25) / 8);
});

test.each(Object.entries({ ...architectures, ...compositions }))("says what a cache takes: %s", async (_, options) => {
  const backend = await cpu();
  useBackend(backend);
  const { cacheBytes, cacheBytesPerToken } = describeModel(options);
  for (const dtype of cacheDTypes) {
    const cache = new KeyValueCache(resolveConfig(options), { dtype });
    expect(cacheBytes[dtype]).toBe(backend.memory.liveBytes);
    cache.dispose();
  }
  expect(cacheBytes.f32).toBe(48 * cacheBytesPerToken); // Eight tokens have a page.
});

test("a cache keeps the tokens that windows have left behind, and the description says what they leave", () => {
  const { cacheBytesPerToken, cacheBytesWithinWindows } = describeModel(preset("gpt-oss-20b"));
  expect(cacheBytesPerToken).toBe(24 * 2 * 8 * 64 * 4);
  expect(cacheBytesWithinWindows).toBe(12 * 2 * 8 * 64 * 4 * (128 + 131_072));
  const dense = describeModel(preset("gpt2"));
  expect(dense.cacheBytesWithinWindows).toBe(1024 * dense.cacheBytesPerToken);
});

test("an untied head is a table of its own", () => {
  const tied = resolveConfig(architectures["GPT-2"]);
  const untied = describeModel({ ...tied, head: { type: "linear" } as const });
  expect(untied.parameters.total - describeModel(tied).parameters.total).toBe(13 * 8);
  expect(untied.flopsPerToken).toEqual(describeModel(tied).flopsPerToken);
});
