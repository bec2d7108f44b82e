import { describe, expect, test } from "vitest";
import { gptTypescript } from "../architectures/gpt-typescript.ts";
import { gpt2 } from "../architectures/gpt2.ts";
import { openaiGpt } from "../architectures/openai-gpt.ts";
import { resolveConfig } from "../resolve-config.ts";
import type { GPTConfig } from "../config.ts";
import { isGptError } from "@gpt/tensor";
import { preset, presetNames } from "../presets.ts";
import { architectures, compositions, tiny } from "../../test/fixtures.ts";
import { mutations } from "@gpt/testing/mutate";
import { formatConfig, parseConfig } from "./config-json.ts";
import { architectures as known } from "../architectures/index.ts";
import type { ModelToWrite } from "../architectures/architecture.ts";

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 3_000;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (fields: object): GPTConfig => parseConfig(encode(JSON.stringify(fields)), "config.json", known).config;
const parseText = (text: string): GPTConfig => parseConfig(encode(text), "config.json", known).config;

/** A model of a configuration, to be written. */
const written = (config: GPTConfig): ModelToWrite => ({ config, generation: {}, dtypes: {} });

/** What keeps a model from being a gpt2, if anything. */
const obstacleToGPT2 = (config: GPTConfig): string | undefined => {
  const fields = gpt2.write(written(config));
  return typeof fields === "string" ? fields : undefined;
};

/** The file of GPT-2's smallest model, as its authors at Hugging Face publish it. */
const published = {
  activation_function: "gelu_new",
  architectures: ["GPT2LMHeadModel"],
  attn_pdrop: 0.1,
  bos_token_id: 50256,
  embd_pdrop: 0.1,
  eos_token_id: 50256,
  initializer_range: 0.02,
  layer_norm_epsilon: 1e-5,
  model_type: "gpt2",
  n_ctx: 1024,
  n_embd: 768,
  n_head: 12,
  n_layer: 12,
  n_positions: 1024,
  resid_pdrop: 0.1,
  summary_activation: null,
  summary_first_dropout: 0.1,
  task_specific_params: { "text-generation": { do_sample: true, max_length: 50 } },
  vocab_size: 50257,
};

test("reads GPT-2's file", () => {
  expect(parse(published)).toEqual(preset("gpt2"));
});

test.each(Object.entries(architectures))("reads back what it wrote: %s", (_, options) => {
  const config = resolveConfig({
    ...options,
    dropout: 0.1,
    embeddingDropout: 0.2,
    attentionDropout: 0.3,
    epsilon: 1e-6,
  });
  expect(parseText(formatConfig(written(config), gptTypescript))).toEqual(config);
  if (obstacleToGPT2(config))
    expect(() => formatConfig(written(config), gpt2)).toThrow("a gpt2 folder cannot hold this model: it has ");
  else expect(parseText(formatConfig(written(config), gpt2))).toEqual(config);
});

test.each(Object.entries(compositions))("reads back what it wrote: %s", (_, options) => {
  const config = resolveConfig(options);
  const text = formatConfig(written(config), gptTypescript);
  expect(JSON.parse(text)).toMatchObject({ model_type: "gpt-typescript", version: 2, blocks: config.blocks });
  expect(parseText(text)).toEqual(config);
  expect(obstacleToGPT2(config)).toMatch(/^[a-zA-Z0-9[\].]+ /);
});

test.each(presetNames)("reads back the preset %s", (name) => {
  const config = preset(name);
  for (const architecture of known) {
    if (typeof architecture.write(written(config)) === "string") continue;
    expect(parseText(formatConfig(written(config), architecture)), architecture.modelType).toEqual(config);
  }
});

test("says what gpt2 cannot express", () => {
  const obstacle = (changes: object): string | undefined => obstacleToGPT2(resolveConfig({ ...tiny, ...changes }));
  expect(obstacle({})).toBeUndefined();
  expect(obstacle({ positions: "sinusoidal" })).toBe("sinusoidal positions");
  expect(obstacle({ normPlacement: "post" })).toBe("normalization after each residual sum");
  expect(obstacle({ windows: [null, 3] })).toBe("windows of 3 tokens");
  expect(obstacle({ headDim: 5 })).toBe("2 heads of headDim 5, which are not dim 8 together");
});

test("folders of its own from before a setting was there have its default", () => {
  const short = { ...tiny, model_type: "gpt-typescript", headDim: 4, positions: "learned", normPlacement: "pre", tiedHead: true };
  expect(parse(short)).toEqual(resolveConfig(tiny));
  expect(parse({ ...short, activation: "gelu_new", scaleAttention: true })).toEqual(resolveConfig(tiny));
});

describe("refuses", () => {
  test.each<[object, string, string]>([
    [
      { model_type: "bert" },
      "unsupported-model",
      'model_type "bert" is not supported; openai-gpt, gpt2, llama, mistral, mixtral, qwen2, qwen3, gpt_oss, gpt-typescript are, and perhaps others by a newer version',
    ],
    [{ model_type: undefined }, "invalid-file", "model_type is missing, expected a text"],
    [{ model_type: null }, "invalid-file", "model_type is null, expected a text"],
    [{ model_type: 2 }, "invalid-file", "model_type is 2, expected a text"],
    [{ n_head: 5 }, "invalid-file", "model configuration: 5 heads do not divide dim 768"],
    [{ n_positions: 2 ** 21 }, "unsupported-model", "a context of 2097152 exceeds 1048576 tokens"],
  ])("%j", (changes, code, problem) => {
    expect(() => parse({ ...published, ...changes })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(`config.json: ${problem}`) as string }),
    );
  });

  test.each<[object, string, string]>([
    [{ positions: "rotary" }, "invalid-file", 'model configuration: positions must be one of "learned", "sinusoidal", "none", not "rotary"'],
    [{ blocks: undefined }, "invalid-file", "model configuration: it has no setting "],
    [{ window: 8 }, "invalid-file", 'model configuration: it has no setting "window"; there are '],
    [{ blocks: [{}] }, "invalid-file", "model configuration: blocks[0].place must be "],
    [{ version: 3 }, "unsupported-model", "version is 3, this program reads up to 2: update it"],
    [{ version: "2" }, "invalid-file", 'version is "2", expected a whole number from 1'],
  ])("of its own %j", (changes, code, problem) => {
    const own = JSON.parse(formatConfig(written(resolveConfig(tiny)), gptTypescript)) as object;
    expect(() => parse({ ...own, ...changes })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(`config.json: ${problem}`) as string }),
    );
  });

  test("numbers beyond all others", () => {
    const text = JSON.stringify(published).replace('"attn_pdrop":0.1', '"attn_pdrop":1e999');
    expect(() => parseText(text)).toThrow("attn_pdrop is Infinity, expected a number");
  });

  test("what is not JSON", () => {
    expect(() => parseText("model_type: gpt2")).toThrow(
      "config.json: expected an object, at byte 0",
    );
    expect(() => parseText("{} {}")).toThrow("there is more text behind the value");
  });
});

test(`of ${fuzzCount} mutated files it accepts only sound configurations`, () => {
  const corpus = [
    JSON.stringify(published),
    formatConfig(written(preset("gpt2-xl")), gpt2),
    formatConfig(written(preset("gpt1")), openaiGpt),
    ...Object.values({ ...architectures, ...compositions }).map((options) => formatConfig(written(resolveConfig(options)), gptTypescript)),
  ].map(encode);
  let accepted = 0;
  for (const input of mutations(corpus, fuzzCount, 3)) {
    try {
      const { config } = parseConfig(input, "config.json", known);
      accepted++;
      expect(resolveConfig(config)).toEqual(config);
    } catch (error) {
      if (!(isGptError(error) && ["invalid-file", "unsupported-model"].includes(error.code))) throw error;
      expect(error.message).toMatch(/^config\.json: [^\p{Cc}\p{Bidi_Control}]{1,2000}$/u);
    }
  }
  expect(accepted).toBeGreaterThan(fuzzCount / 50);
});
