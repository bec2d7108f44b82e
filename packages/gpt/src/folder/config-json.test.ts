import { describe, expect, test } from "vitest";
import { resolveConfig } from "../config.ts";
import { GPTError } from "../errors.ts";
import { preset, presetNames } from "../presets.ts";
import { architectures, tiny } from "../testing/fixtures.ts";
import { mutations } from "../testing/mutate.ts";
import { formatConfig, obstacleToGPT2, parseConfig } from "./config-json.ts";

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 3_000;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (fields: object): ReturnType<typeof parseConfig> =>
  parseConfig(encode(JSON.stringify(fields)), "config.json");

/** The file of GPT-2's smallest model, as its authors at Hugging Face publish it. */
const gpt2 = {
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
  expect(parse(gpt2)).toEqual(preset("gpt2"));
});

test("what may be missing has the defaults of Hugging Face", () => {
  const sizes = { model_type: "gpt2", vocab_size: 9, n_ctx: 4, n_embd: 8, n_head: 2, n_layer: 1, n_inner: null };
  expect(parse(sizes)).toEqual(
    resolveConfig({ vocabSize: 9, contextLength: 4, dim: 8, heads: 2, layers: 1, dropout: 0.1, attentionDropout: 0.1 }),
  );
});

test("reads every setting", () => {
  const settings = {
    n_inner: 100,
    layer_norm_epsilon: 1e-6,
    initializer_range: 0.5,
    resid_pdrop: 0.2,
    embd_pdrop: 0.3,
    attn_pdrop: 0.4,
    tie_word_embeddings: false,
    activation_function: "gelu_pytorch_tanh",
    scale_attn_weights: true,
    n_ctx: 7,
  };
  expect(parse({ ...gpt2, ...settings })).toEqual(
    preset("gpt2", {
      hiddenDim: 100,
      epsilon: 1e-6,
      initialDeviation: 0.5,
      dropout: 0.2,
      embeddingDropout: 0.3,
      attentionDropout: 0.4,
      tiedHead: false,
    }),
  );
});

test.each(Object.entries(architectures))("reads back what it wrote: %s", (_, options) => {
  const config = resolveConfig({
    ...options,
    dropout: 0.1,
    embeddingDropout: 0.2,
    attentionDropout: 0.3,
    epsilon: 1e-6,
  });
  expect(parseConfig(encode(formatConfig(config, "gpt-typescript")), "config.json")).toEqual(config);
  if (obstacleToGPT2(config))
    expect(() => formatConfig(config, "gpt2")).toThrow("a gpt2 folder cannot hold this model: it has ");
  else expect(parseConfig(encode(formatConfig(config, "gpt2")), "config.json")).toEqual(config);
});

test.each(presetNames)("reads back the preset %s", (name) => {
  const config = preset(name);
  const type = obstacleToGPT2(config) ? "gpt-typescript" : "gpt2";
  expect(parseConfig(encode(formatConfig(config, type)), "config.json")).toEqual(config);
});

test("says what gpt2 cannot express", () => {
  const obstacle = (changes: object): string | undefined => obstacleToGPT2(resolveConfig({ ...tiny, ...changes }));
  expect(obstacle({})).toBeUndefined();
  expect(obstacle({ positions: "sinusoidal" })).toBe("sinusoidal positions");
  expect(obstacle({ normPlacement: "post" })).toBe("normalization after each residual sum");
  expect(obstacle({ headDim: 5 })).toBe("2 heads of headDim 5, which are not dim 8 together");
});

describe("refuses", () => {
  test.each<[object, string, string]>([
    [
      { model_type: "openai-gpt" },
      "unsupported-model",
      'model_type "openai-gpt" is not supported; gpt2 and gpt-typescript are',
    ],
    [{ model_type: undefined }, "invalid-file", "model_type is missing, expected a text"],
    [{ model_type: 2 }, "invalid-file", "model_type is 2, expected a text"],
    [{ activation_function: "relu" }, "unsupported-model", 'activation_function "relu" is not supported; gelu_new is'],
    [{ activation_function: "gelu" }, "unsupported-model", 'activation_function "gelu" is not supported; gelu_new is'],
    [{ scale_attn_weights: false }, "unsupported-model", "scale_attn_weights false is not supported; true is"],
    [
      { scale_attn_by_inverse_layer_idx: true },
      "unsupported-model",
      "scale_attn_by_inverse_layer_idx true is not supported; false is",
    ],
    [{ add_cross_attention: true }, "unsupported-model", "add_cross_attention true is not supported; false is"],
    [{ add_cross_attention: "no" }, "invalid-file", 'add_cross_attention is "no", expected true or false'],
    [{ n_layer: undefined }, "invalid-file", "n_layer is missing, expected a whole number from 1"],
    [{ n_layer: "12" }, "invalid-file", 'n_layer is "12", expected a whole number from 1'],
    [{ n_layer: 0 }, "invalid-file", "n_layer is 0, expected a whole number from 1"],
    [{ n_layer: 1.5 }, "invalid-file", "n_layer is 1.5, expected a whole number from 1"],
    [{ n_layer: [12] }, "invalid-file", "n_layer is missing, expected a whole number from 1"],
    [{ n_embd: -768 }, "invalid-file", "n_embd is -768, expected a whole number from 1"],
    [{ n_head: 5 }, "invalid-file", "model configuration: 5 heads do not divide dim 768"],
    [{ vocab_size: 2 ** 53 }, "invalid-file", "vocab_size is 9007199254740992, expected a whole number from 1"],
    [{ n_positions: 2 ** 21 }, "unsupported-model", "a context of 2097152 exceeds 1048576 tokens"],
    [{ resid_pdrop: true }, "invalid-file", "resid_pdrop is true, expected a number"],
    [{ resid_pdrop: 1 }, "invalid-file", "model configuration: dropout must be at least 0 and below 1, not 1"],
    [{ layer_norm_epsilon: -1 }, "invalid-file", "model configuration: epsilon must be a finite number from 0, not -1"],
  ])("%j", (changes, code, problem) => {
    expect(() => parse({ ...gpt2, ...changes })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(`config.json: ${problem}`) as string }),
    );
  });

  test("settings of its own that are unknown", () => {
    const own = JSON.parse(formatConfig(resolveConfig(tiny), "gpt-typescript")) as object;
    expect(() => parse({ ...own, positions: "rotary" })).toThrow("config.json: model configuration: positions must be");
    expect(() => parse({ ...own, headDim: undefined })).toThrow("config.json: headDim is missing");
  });

  test("numbers beyond all others", () => {
    const text = JSON.stringify(gpt2).replace('"attn_pdrop":0.1', '"attn_pdrop":1e999');
    expect(() => parseConfig(encode(text), "config.json")).toThrow("attn_pdrop is Infinity, expected a number");
  });

  test("what is not JSON", () => {
    expect(() => parseConfig(encode("model_type: gpt2"), "config.json")).toThrow(
      "config.json: expected an object, at byte 0",
    );
    expect(() => parseConfig(encode("{} {}"), "config.json")).toThrow("there is more text behind the value");
  });
});

test(`of ${fuzzCount} mutated files it accepts only sound configurations`, () => {
  const corpus = [
    JSON.stringify(gpt2),
    formatConfig(preset("gpt2-xl"), "gpt2"),
    ...Object.values(architectures).map((options) => formatConfig(resolveConfig(options), "gpt-typescript")),
  ].map(encode);
  let accepted = 0;
  for (const input of mutations(corpus, fuzzCount, 3)) {
    try {
      const config = parseConfig(input, "config.json");
      accepted++;
      expect(resolveConfig(config)).toEqual(config);
    } catch (error) {
      if (!(error instanceof GPTError && ["invalid-file", "unsupported-model"].includes(error.code))) throw error;
    }
  }
  expect(accepted).toBeGreaterThan(fuzzCount / 50);
});
