import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { describe, expect, test } from "vitest";
import { architectures as fixtures, tiny } from "../../test/fixtures.ts";
import { tensorsOf, tensorsOfModel, weights } from "../../test/folders.ts";
import type { GPTConfig } from "../config.ts";
import { formatConfig, parseConfig } from "../folder/config-json.ts";
import { loadModelFrom } from "../folder/load.ts";
import { modelFiles } from "../folder/save.ts";
import { GPT } from "../model.ts";
import { preset } from "../presets.ts";
import { resolveConfig } from "../resolve-config.ts";
import type { GPTOptions } from "../short-form.ts";
import { gpt2 } from "./gpt2.ts";
import { architectures as known } from "./index.ts";
import { openaiGpt } from "./openai-gpt.ts";

function read(fields: object): { config: GPTConfig; generation: object; notes: string[] } {
  const notes: string[] = [];
  const bytes = new TextEncoder().encode(JSON.stringify({ model_type: "openai-gpt", ...fields }));
  const { config, generation } = parseConfig(bytes, "config.json", known, (note) => notes.push(note));
  return { config, generation, notes };
}

/** What openai-community/openai-gpt says. */
const published = {
  afn: "gelu", architectures: ["OpenAIGPTLMHeadModel"], attn_pdrop: 0.1, embd_pdrop: 0.1, initializer_range: 0.02,
  layer_norm_epsilon: 1e-5, model_type: "openai-gpt", n_ctx: 512, n_embd: 768, n_head: 12, n_layer: 12, n_positions: 512,
  n_special: 0, predict_special_tokens: true, resid_pdrop: 0.1, summary_activation: null, summary_first_dropout: 0.1,
  summary_proj_to_labels: true, summary_type: "cls_index", summary_use_proj: true,
  task_specific_params: { "text-generation": { do_sample: true, max_length: 50 } }, vocab_size: 40478,
};

test("the released model is the preset gpt1, without a word, and so is a file that says nothing", () => {
  expect(read(published)).toEqual({ config: preset("gpt1"), generation: {}, notes: [] });
  expect(read({})).toEqual({ config: preset("gpt1"), generation: {}, notes: [] });
});

test("reads every setting, and writes it again", () => {
  const settings = {
    vocab_size: 9, n_positions: 4, n_embd: 8, n_layer: 3, n_head: 2, afn: "silu", resid_pdrop: 0.2, embd_pdrop: 0.3, attn_pdrop: 0.4,
    layer_norm_epsilon: 1e-6, initializer_range: 0.5, tie_word_embeddings: false, eos_token_id: 3, bos_token_id: 4,
  };
  const options: GPTOptions = {
    vocabSize: 9, contextLength: 4, dim: 8, layers: 3, heads: 2, activation: "silu", normPlacement: "post", dropout: 0.2,
    embeddingDropout: 0.3, attentionDropout: 0.4, epsilon: 1e-6, initialStd: 0.5, tiedHead: false,
  };
  const { config, generation } = read(settings);
  expect(config).toEqual(resolveConfig(options));
  expect(generation).toEqual({ stopTokens: [3], startToken: 4 });
  expect(JSON.parse(formatConfig({ config, generation, dtypes: {} }, openaiGpt))).toMatchObject(settings);
});

test("the common names of sizes win over its own", () => {
  const aliases = { hidden_size: 24, max_position_embeddings: 5, num_attention_heads: 3, num_hidden_layers: 2 };
  const expected = preset("gpt1", { dim: 24, contextLength: 5, heads: 3, layers: 2 });
  expect(read({ ...aliases, n_embd: 8, n_positions: 4, n_head: 2, n_layer: 1 }).config).toEqual(expected);
});

test.each(["gelu", "relu", "silu", "swish"])("the activation %s is read and written", (afn) => {
  const { config } = read({ afn });
  expect(config.blocks[0].mlp).toMatchObject({ activation: afn === "gelu" ? "gelu_new" : afn });
  expect(JSON.parse(formatConfig({ config, generation: {}, dtypes: {} }, openaiGpt))).toMatchObject({ afn });
});

describe("refuses, by the name of the field,", () => {
  test.each<[object, string, string]>([
    [{ afn: "gelu_new" }, "unsupported-model", 'afn "gelu_new" is not supported; gelu, relu, silu, swish are'],
    [{ afn: "toString" }, "unsupported-model", 'afn "toString" is not supported; gelu, '],
    [{ afn: null }, "invalid-file", "afn is null, expected a text"],
    [{ n_head: 5 }, "invalid-file", "model configuration: 5 heads do not divide dim 768"],
    [{ n_positions: 0 }, "invalid-file", "n_positions is 0, expected a whole number from 1"],
    [{ attn_pdrop: 1 }, "invalid-file", "attn_pdrop is 1, expected a number from 0 and below 1"],
    [{ pruned_heads: { 0: [1] } }, "unsupported-model", "pruned_heads "],
    [{ quantization_config: { quant_method: "awq" } }, "unsupported-model", "quantization_config "],
  ])("%j", (changes, code, problem) => {
    expect(() => read(changes)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(`config.json: ${problem}`) as string }),
    );
  });
});

test("fields of GPT-2 are not its own: they are noted", () => {
  expect(read({ n_inner: 5, scale_attn_weights: false }).notes).toEqual([
    'config.json: "n_inner" is ignored', 'config.json: "scale_attn_weights" is ignored',
  ]);
});

test.each<[Partial<GPTOptions>, string | undefined]>([
  [{}, undefined],
  [{ normPlacement: "pre" }, "normalization before each sub-layer"],
  [{ hiddenDim: 12 }, "hiddenDim 12, which is not 4 · dim"],
  [{ activation: "gelu" }, "the activation gelu"],
  [{ activation: "gelu_fast" }, "the activation gelu_fast"],
  [{ scaleAttention: false }, "scores with another scale"],
  [{ scaleAttentionByLayer: true }, "scores with another scale"],
  [{ windows: [3] }, "windows of 3 tokens"],
  [{ positions: "sinusoidal" }, "sinusoidal positions"],
  [{ headDim: 5 }, "2 heads of headDim 5, which are not dim 8 together"],
])("what it cannot express is named: %j", (changes, obstacle) => {
  const config = resolveConfig({ ...tiny, hiddenDim: undefined, normPlacement: "post", ...changes });
  const written = openaiGpt.write({ config, generation: {}, dtypes: {} });
  if (obstacle === undefined) expect(written).toMatchObject({ n_embd: 8 });
  else expect(written).toBe(obstacle);
});

test.each([openaiGpt, gpt2])("$modelType: tensors lie under the names of the class with a head where the head is its own", ({ tensorsOf }) => {
  const namesOf = (tiedHead: boolean): (string | undefined)[] => {
    const { layoutOf } = tensorsOf({ config: resolveConfig({ ...tiny, tiedHead }), generation: {}, dtypes: {} });
    return (["blocks.1.attentionNorm.bias", "head.weight"] as const).map((path) => {
      const layout = layoutOf({ path, role: path === "head.weight" ? "head" : "vector" });
      return layout && "tensor" in layout ? layout.tensor : undefined;
    });
  };
  expect(namesOf(true)).toEqual(["h.1.ln_1.bias", "lm_head.weight"]);
  expect(namesOf(false)).toEqual(["transformer.h.1.ln_1.bias", "lm_head.weight"]);
});

describe("a folder", () => {
  const options: GPTOptions = { ...fixtures["post-norm, as in GPT-1"], hiddenDim: 32 };

  test("is saved so, and read under bare names, and under prefixed ones with masks, a head and another task's", async () => {
    useBackend(await cpu());
    const model = new GPT(options, { seed: 5 });
    const files = await collect(modelFiles(model, known));
    expect(JSON.parse(new TextDecoder().decode(files["config.json"]))).toMatchObject({
      model_type: "openai-gpt", architectures: ["OpenAIGPTLMHeadModel"],
    });
    expect(weights(await loadModelFrom(memoryFolder(files), [openaiGpt]))).toEqual(weights(model));
    const sources = await tensorsOfModel(model, openaiGpt.tensorsOf({ config: model.config, generation: {}, dtypes: {} }));
    expect(sources.map(({ name, shape }) => `${name} [${shape.join()}]`).slice(0, 5)).toEqual([
      "tokens_embed.weight [13,8]", "positions_embed.weight [8,8]", "h.0.ln_1.weight [8]", "h.0.ln_1.bias [8]",
      "h.0.attn.c_attn.weight [8,24]",
    ]);
    const ones = (name: string, shape: number[]) => ({
      name, shape, read: () => Promise.resolve(new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(1)),
    });
    const notes: string[] = [];
    const prefixed = memoryFolder({
      ...files,
      "model.safetensors": await tensorsOf([
        ...sources.map((source) => ({ ...source, name: `transformer.${source.name}` })),
        { ...sources[0], name: "lm_head.weight" },
        ones("transformer.h.1.attn.bias", [1, 1, 8, 8]),
        ones("transformer.position_ids", [8]),
        ones("multiple_choice_head.summary.weight", [1, 8]),
      ]),
    }, "model");
    const loaded = await loadModelFrom(prefixed, known, { onNote: (note) => notes.push(note) });
    expect(weights(loaded)).toEqual(weights(model));
    expect(notes).toEqual([
      'model: tensors beside the language model are ignored: "multiple_choice_head.summary.weight", "position_ids"',
    ]);
    const extra = memoryFolder({ ...files, "model.safetensors": await tensorsOf([...sources, ones("h.2.ln_1.weight", [8])]) });
    await expect(loadModelFrom(extra, known)).rejects.toMatchObject({
      code: "missing-tensor", message: expect.stringContaining('unexpected: "h.2.ln_1.weight"') as string,
    });
  });
});
