import { describe, expect, test } from "vitest";
import type { AttentionConfig, BlockConfig, DenseConfig, GPTConfig, MLPConfig } from "./config.ts";
import { preset, presetNames } from "./presets.ts";
import { resolveConfig } from "./resolve-config.ts";
import { shorten } from "./short-form.ts";
import type { GPTOptions } from "./short-form.ts";
import { architectures } from "../test/fixtures.ts";

const sizes = { vocabSize: 100, contextLength: 16, layers: 2, heads: 4, dim: 32 };

const dense: DenseConfig = { type: "dense", hiddenDim: 128, activation: "gelu_new", bias: true };

/** What keeps `sizes` from saying more: the parts of its blocks. */
const block: BlockConfig = {
  place: "pre",
  norm: { type: "layer", epsilon: 1e-5 },
  attention: { heads: 4, kvHeads: 4, headDim: 8, bias: true, outputBias: true },
  mlp: dense,
};
const long: GPTConfig = {
  vocabSize: 100,
  contextLength: 16,
  dim: 32,
  positions: "learned",
  blocks: [block, block],
  finalNorm: { type: "layer", epsilon: 1e-5 },
  head: { type: "tied" },
  initialStd: 0.02,
};

test("the short form stands for the parts of GPT-2", () => {
  expect(resolveConfig(sizes)).toStrictEqual(long);
  expect(resolveConfig(long)).toStrictEqual(long);
});

test("each setting of the short form has its place", () => {
  const settings = {
    ...sizes, heads: 3, headDim: 16, hiddenDim: 7, positions: "sinusoidal", normPlacement: "post", activation: "relu",
    scaleAttention: false, scaleAttentionByLayer: true, windows: [null, 3], tiedHead: false, epsilon: 1e-6, initialStd: 0.5, dropout: 0.1,
    embeddingDropout: 0.2, attentionDropout: 0.3,
  } as const;
  const attention = { heads: 3, kvHeads: 3, headDim: 16, bias: true, outputBias: true, dropout: 0.3 };
  const own: BlockConfig = {
    place: "post", norm: { type: "layer", epsilon: 1e-6 }, attention, dropout: 0.1,
    mlp: { type: "dense", hiddenDim: 7, activation: "relu", bias: true },
  };
  expect(resolveConfig(settings)).toStrictEqual({
    vocabSize: 100,
    contextLength: 16,
    dim: 32,
    positions: "sinusoidal",
    blocks: [{ ...own, attention: { ...attention, scale: 1 } }, { ...own, attention: { ...attention, scale: 1 / 2, window: 3 } }],
    head: { type: "linear" },
    embeddingDropout: 0.2,
    initialStd: 0.5,
  });
  expect(shorten(resolveConfig(settings))).toEqual(settings);
});

const shortPresets = presetNames.map((name) => [name, preset(name)] as const).filter(([, { blocks: [{ mlp }] }]) => mlp.type === "dense");

test.each([...Object.entries(architectures), ...shortPresets])(
  "what was short can be short again: %s",
  (_, options) => {
    const config = resolveConfig(options);
    expect(resolveConfig(shorten(config) as GPTOptions)).toStrictEqual(config);
  },
);

test.each<[Partial<GPTConfig>, string]>([
  [{ positions: "none" }, 'positions "none"'],
  [{ finalNorm: undefined }, "finalNorm null"],
  [{ blocks: [block, { ...block, dropout: 0.1 }] }, "blocks[1].dropout 0.1"],
  [{ blocks: [block, { ...block, attention: { ...block.attention, kvHeads: 2 } }] }, "blocks[1].attention.kvHeads 2"],
  [{ blocks: [block, { ...block, mlp: { ...dense, bias: false } }] }, "blocks[1].mlp.bias false"],
  [{ blocks: [{ ...block, mlp: { type: "gated", hiddenDim: 4, gate: "silu" } }] }, 'blocks[0].mlp.type "gated"'],
  [{ blocks: [block, { ...block, norm: { ...block.norm, type: "rms" } }] }, 'blocks[1].norm.type "rms"'],
  [{ blocks: [block, { ...block, attention: { ...block.attention, sinks: true } }] }, "blocks[1].attention.sinks true"],
])("what has no short form is named: %j", (changes, setting) => {
  expect(shorten({ ...long, ...changes })).toBe(setting);
});

test("windows are given to the blocks in turn, and the shortest list is found again", () => {
  const windowsOf = (config: GPTConfig): (number | undefined)[] => config.blocks.map(({ attention: { window } }) => window);
  const layers = 5;
  for (const [windows, expected] of [
    [[null], new Array(5).fill(undefined)],
    [[4], [4, 4, 4, 4, 4]],
    [[null, 4], [undefined, 4, undefined, 4, undefined]],
    [[4, null], [4, undefined, 4, undefined, 4]],
    [[4, 4, null], [4, 4, undefined, 4, 4]],
    [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5]],
  ] as [(number | null)[], (number | undefined)[]][]) {
    const config = resolveConfig({ ...sizes, layers, windows });
    expect(windowsOf(config)).toEqual(expected);
    expect(shorten(config)).toMatchObject({ windows });
  }
  expect(resolveConfig({ ...sizes, windows: [7, 8, 9] })).toEqual(resolveConfig({ ...sizes, windows: [7, 8] })); // Of two blocks.
});

test("GPT-3's layers are dense and banded in alternation, in another one, or all dense", () => {
  const windowsOf = (changes: Partial<GPTOptions>): (number | undefined)[] =>
    preset("gpt3-small", { layers: 4, ...changes }).blocks.map(({ attention: { window } }) => window);
  expect(windowsOf({})).toEqual([undefined, 256, undefined, 256]);
  expect(windowsOf({ windows: [128, null] })).toEqual([128, undefined, 128, undefined]);
  const dense = preset("gpt3-small", { windows: [null] });
  expect(dense).toEqual(preset("gpt2", { contextLength: 2048, dropout: 0, attentionDropout: 0 }));
});

test("embeddings are dropped as often as the rest unless told otherwise", () => {
  expect(resolveConfig({ ...sizes, dropout: 0.1 }).embeddingDropout).toBe(0.1);
  expect(resolveConfig({ ...sizes, dropout: 0.1, embeddingDropout: 0 }).embeddingDropout).toBeUndefined();
  expect(preset("gpt2", { dropout: 0 }).embeddingDropout).toBeUndefined();
});

test("an undefined setting has its default", () => {
  expect(resolveConfig({ ...sizes, headDim: undefined, dropout: undefined })).toEqual(resolveConfig(sizes));
});

test("what is resolved is a copy", () => {
  const given = structuredClone(long);
  const config = resolveConfig(given);
  (given.blocks as BlockConfig[]).length = 0;
  expect(config).toEqual(long);
});

test("a head width that is given need not divide dim", () => {
  expect(resolveConfig({ ...sizes, heads: 3, headDim: 8 }).blocks[0].attention.headDim).toBe(8);
});

describe("says what is wrong", () => {
  test.each<[Partial<GPTOptions>, string]>([
    [{ windows: [] }, "windows must be a list of windows, at least one: numbers of tokens, or null for all"],
    [{ windows: 4 as unknown as number[] }, "windows must be a list of windows, at least one"],
    [{ windows: [null, 0] }, "windows[1] must be a whole number from 1 to 2147483647, not 0"],
    [{ heads: 5 }, "5 heads do not divide dim 32; choose a multiple, or set headDim"],
    [{ layers: 0 }, "layers must be a whole number from 1 to 1024, not 0"],
    [{ vocabSize: 2.5 }, "vocabSize must be a whole number from 1 to 2147483647, not 2.5"],
    [{ contextLength: -1 }, "contextLength must be a whole number from 1 to 2147483647, not -1"],
    [{ heads: 0, headDim: 4 }, "heads must be a whole number from 1 to 2147483647, not 0"],
    [{ headDim: NaN }, "headDim must be a whole number from 1 to 2147483647, not NaN"],
    [{ hiddenDim: Infinity }, "hiddenDim must be a whole number from 1 to 2147483647, not Infinity"],
    [{ heads: "4" as unknown as number }, 'heads must be a whole number from 1 to 2147483647, not "4"'],
    [{ vocabSize: 2 ** 31 }, "vocabSize must be a whole number from 1 to 2147483647, not 2147483648"],
    [{ contextLength: 2 ** 60 }, "contextLength must be a whole number from 1 to 2147483647, not 1152921504606847000"],
    [{ contextLength: 1e12 }, "contextLength must be a whole number from 1 to 2147483647, not 1000000000000"],
    [{ layers: 2 ** 30 }, "layers must be a whole number from 1 to 1024, not 1073741824"],
    [{ layers: 1024, dim: 2 ** 20 }, "its weights or its context are beyond what any machine holds: about "],
    [{ dropout: "0.1" as unknown as number }, 'dropout must be a number from 0 and below 1, not "0.1"'],
    [{ dropout: 1 }, "dropout must be a number from 0 and below 1, not 1"],
    [{ embeddingDropout: -0.1 }, "embeddingDropout must be a number from 0 and below 1, not -0.1"],
    [{ attentionDropout: NaN }, "attentionDropout must be a number from 0 and below 1, not NaN"],
    [{ epsilon: -1 }, "epsilon must be a finite number from 0, not -1"],
    [{ initialStd: Infinity }, "initialStd must be a finite number from 0, not Infinity"],
    [{ positions: "rotary" as "learned" }, 'positions must be one of "learned", "sinusoidal", not "rotary"'],
    [{ normPlacement: "none" as "pre" }, 'normPlacement must be one of "pre", "post", not "none"'],
    [{ tiedHead: "false" as unknown as boolean }, 'tiedHead must be true or false, not "false"'],
    [{ scaleAttention: 0 as unknown as boolean }, "scaleAttention must be true or false, not 0"],
  ])("%j", (changes, problem) => {
    expect(() => resolveConfig({ ...sizes, ...changes })).toThrow(
      expect.objectContaining({
        code: "invalid-config", message: expect.stringContaining(`model configuration: ${problem}`) as string,
      }),
    );
  });
});

describe("says which part is wrong", () => {
  const withBlock = (changes: Partial<BlockConfig>): object => ({ ...long, blocks: [block, { ...block, ...changes }] });
  const withAttention = (changes: Partial<AttentionConfig>): object =>
    withBlock({ attention: { ...block.attention, ...changes } });
  const withRotary = (rotary: object): object => withAttention({ rotary: wrong(rotary) });
  const withExperts = (changes: object): object =>
    withBlock({ mlp: wrong<MLPConfig>({ type: "experts", count: 4, active: 2, expert: dense, ...changes }) });
  const wrong = <T>(value: unknown): T => value as T;
  test.each<[object, string]>([
    [{ ...long, tiedHead: false }, 'it has no setting "tiedHead"; there are vocabSize, contextLength, dim, positions, blocks, '],
    [{ ...long, vocabSize: 0 }, "vocabSize must be a whole number from 1 to 2147483647, not 0"],
    [{ ...long, blocks: [] }, "blocks must be a list of blocks, at least one"],
    [{ ...long, blocks: { length: 3 } }, "blocks must be a list of blocks, at least one"],
    [{ ...long, blocks: new Array(1025).fill(block) }, "blocks.length must be a whole number from 1 to 1024, not 1025"],
    [{ ...long, blocks: new Array(2 ** 31) }, "blocks.length must be a whole number from 1 to 1024, not 2147483648"],
    [{ ...long, blocks: [block, null] }, "blocks[1] must be an object, not null"],
    [{ ...long, head: "tied" }, 'head must be an object, not "tied"'],
    [{ ...long, head: wrong({ type: "scores" }) }, 'head.type must be one of "tied", "linear", "classes", not "scores"'],
    [{ ...long, head: wrong({ type: "classes" }) }, "head.labels must be a list of labels, at least one"],
    [{ ...long, head: { type: "classes", labels: ["a", "b", "a"] } }, 'head.labels[2] is "a", as another is'],
    [{ ...long, finalNorm: { type: "layer" } }, "finalNorm.epsilon must be a finite number from 0, not undefined"],
    [withBlock({ place: wrong("both") }), 'blocks[1].place must be one of "pre", "post", not "both"'],
    [withBlock({ norm: wrong({ type: "batch", epsilon: 0 }) }), 'blocks[1].norm.type must be one of "layer", "rms", not "batch"'],
    [withBlock({ mlp: wrong({ ...block.mlp, type: "sparse" }) }), 'blocks[1].mlp.type must be one of "dense", "gated", "experts", not "sparse"'],
    [withBlock({ mlp: { ...dense, hiddenDim: 1.5 } }), "blocks[1].mlp.hiddenDim must be a whole number from 1 to "],
    [withBlock({ dropout: 1 }), "blocks[1].dropout must be a number from 0 and below 1, not 1"],
    [withAttention({ heads: -1 }), "blocks[1].attention.heads must be a whole number from 1 to 2147483647, not -1"],
    [withAttention({ kvHeads: 3 }), "blocks[1].attention.heads is 4, which is no multiple of kvHeads 3"],
    [withAttention({ scale: 0 }), "blocks[1].attention.scale must be a number above 0, not 0"],
    [withAttention({ window: 0 }), "blocks[1].attention.window must be a whole number from 1 to 2147483647, not 0"],
    [withAttention({ headNorm: wrong({ type: "rms" }) }), "blocks[1].attention.headNorm.epsilon must be a finite number from 0"],
    [withAttention({ headDim: 7, rotary: { theta: 100 } }), "blocks[1].attention.headDim is 7, and rotary turns pairs of columns"],
    [withRotary({}), "blocks[1].attention.rotary.theta must be a number above 1, not undefined"],
    [withRotary({ theta: 1 }), "blocks[1].attention.rotary.theta must be a number above 1, not 1"],
    [withRotary({ theta: 2, scaling: { factor: 2 } }), "blocks[1].attention.rotary.scaling.type must be one of "],
    [withRotary({ theta: 2, scaling: { type: "dynamic" } }), 'blocks[1].attention.rotary.scaling.type must be one of "linear", "llama3", "yarn", not "dynamic"'],
    [withRotary({ theta: 2, scaling: { type: "linear", factor: 0 } }), "blocks[1].attention.rotary.scaling.factor must be "],
    [withRotary({ theta: 2, scaling: { type: "linear", factor: 2, mscale: 1 } }), 'blocks[1].attention.rotary.scaling has no setting "mscale"'],
    [withBlock({ mlp: wrong({ type: "gated", hiddenDim: 4, gate: "gelu" }) }), 'blocks[1].mlp.gate must be one of "silu"'],
    [withBlock({ mlp: wrong({ type: "gated", hiddenDim: 4, gate: { alpha: 1 } }) }), "blocks[1].mlp.gate.limit must be "],
    [withBlock({ mlp: wrong({ type: "gated", hiddenDim: 4 }) }), "blocks[1].mlp.gate must be an object, not undefined"],
    [withExperts({ balanceLoss: -1 }), "blocks[1].mlp.balanceLoss must be a finite number from 0, not -1"],
    [withExperts({ zLoss: "much" }), 'blocks[1].mlp.zLoss must be a finite number from 0, not "much"'],
    [withExperts({ active: 5 }), "blocks[1].mlp.active is 5, of 4 experts"],
    [withExperts({ expert: { type: "experts" } }), 'blocks[1].mlp.expert.type must be one of "dense", "gated", not "experts"'],
    [withExperts({ expert: { ...dense, hiddenDim: 0 } }), "blocks[1].mlp.expert.hiddenDim must be a whole number from 1 to "],
    [withExperts({ count: 2 ** 31 - 1, expert: { ...dense, hiddenDim: 2 ** 20 } }), "its weights or its context are beyond what any machine holds: about "],
    [withAttention({ bias: wrong(1) }), "blocks[1].attention.bias must be true or false, not 1"],
    [withAttention({ ...wrong<object>({ windows: 3 }) }), 'blocks[1].attention has no setting "windows"; there are heads, '],
    [{ ...sizes, head: { type: "tied" } }, 'it has no setting "head"; there are vocabSize, contextLength, layers, '],
  ])("%#", (config, problem) => {
    expect(() => resolveConfig(config as GPTConfig)).toThrow(
      expect.objectContaining({
        code: "invalid-config", message: expect.stringContaining(`model configuration: ${problem}`) as string,
      }),
    );
  });
});

test("an unknown preset is answered with the known ones", () => {
  expect(() => preset("gpt5")).toThrow(
    'there is no preset "gpt5"; there are nano, gpt1, gpt2, gpt2-medium, gpt2-large, gpt2-xl, gpt3-small, ' +
      "gpt3-medium, gpt3-large, gpt3-xl, gpt3-2.7b, gpt3-6.7b, gpt3-13b, gpt3-175b",
  );
  expect(() => preset("toString")).toThrow('there is no preset "toString"');
});

test.each([null, 3, "gpt2"])("%j is no configuration", (options) => {
  expect(() => resolveConfig(options as unknown as GPTOptions)).toThrow("model configuration: it must be an object, not ");
});
