import { describe, expect, test } from "vitest";
import { resolveConfig } from "./config.ts";
import type { GPTOptions } from "./config.ts";
import { preset } from "./presets.ts";

const sizes = { vocabSize: 100, contextLength: 16, layers: 2, heads: 4, dim: 32 };

test("fills in GPT-2's settings", () => {
  expect(resolveConfig(sizes)).toEqual({
    ...sizes,
    headDim: 8,
    hiddenDim: 128,
    positions: "learned",
    normPlacement: "pre",
    activation: "gelu_new",
    scaleAttention: true,
    scaleAttentionByLayer: false,
    tiedHead: true,
    epsilon: 1e-5,
    initialStd: 0.02,
    dropout: 0,
    embeddingDropout: 0,
    attentionDropout: 0,
  });
});

test("embeddings are dropped as often as the rest unless told otherwise", () => {
  expect(resolveConfig({ ...sizes, dropout: 0.1 }).embeddingDropout).toBe(0.1);
  expect(resolveConfig({ ...sizes, dropout: 0.1, embeddingDropout: 0 }).embeddingDropout).toBe(0);
  expect(preset("gpt2", { dropout: 0 }).embeddingDropout).toBe(0);
});

test("an undefined setting has its default", () => {
  expect(resolveConfig({ ...sizes, headDim: undefined, dropout: undefined })).toEqual(resolveConfig(sizes));
});

test("a head width that is given need not divide dim", () => {
  expect(resolveConfig({ ...sizes, heads: 3, headDim: 8 }).headDim).toBe(8);
});

describe("says what is wrong", () => {
  test.each<[Partial<GPTOptions>, string]>([
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
