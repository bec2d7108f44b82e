import { describe, expect, test } from "vitest";
import { resolveConfig } from "../resolve-config.ts";
import type { GPTConfig } from "../config.ts";
import { preset } from "../presets.ts";
import { formatConfig, parseConfig } from "../folder/config-json.ts";
import { gpt2 } from "./gpt2.ts";
import { architectures as known } from "./index.ts";

function read(fields: object): { config: GPTConfig; notes: string[] } {
  const notes: string[] = [];
  const bytes = new TextEncoder().encode(JSON.stringify({ model_type: "gpt2", ...fields }));
  const { config } = parseConfig(bytes, "config.json", known, (note) => notes.push(note));
  return { config, notes };
}

test("what is missing has the defaults of GPT2Config", () => {
  expect(read({}).config).toEqual(preset("gpt2"));
  const sizes = { vocab_size: 9, n_positions: 4, n_embd: 8, n_head: 2, n_layer: 1 };
  const expected = { vocabSize: 9, contextLength: 4, dim: 8, heads: 2, layers: 1, dropout: 0.1, attentionDropout: 0.1 };
  expect(read({ ...sizes, n_inner: null }).config).toEqual(resolveConfig(expected));
  // What n_ctx says is of no account.
  expect(read({ ...sizes, n_positions: undefined, n_ctx: 4 }).config.contextLength).toBe(1024);
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
    activation_function: "silu",
    scale_attn_weights: false,
    scale_attn_by_inverse_layer_idx: true,
  };
  const { config } = read(settings);
  expect(config).toEqual(
    preset("gpt2", {
      hiddenDim: 100,
      epsilon: 1e-6,
      initialStd: 0.5,
      dropout: 0.2,
      embeddingDropout: 0.3,
      attentionDropout: 0.4,
      tiedHead: false,
      activation: "silu",
      scaleAttention: false,
      scaleAttentionByLayer: true,
    }),
  );
  expect(JSON.parse(formatConfig({ config, generation: {}, dtypes: {} }, gpt2))).toMatchObject(settings);
});

test("a text begins and ends with the class's token, unless the file has another or null", () => {
  const generationOf = (fields: object): object => {
    const bytes = new TextEncoder().encode(JSON.stringify({ model_type: "gpt2", ...fields }));
    return parseConfig(bytes, "config.json", known).generation;
  };
  expect(generationOf({})).toEqual({ startToken: 50_256, stopTokens: [50_256] });
  expect(generationOf({ eos_token_id: 3, bos_token_id: null })).toEqual({ stopTokens: [3] });
  expect(generationOf({ vocab_size: 50_256 })).toEqual({});
  const written = JSON.parse(formatConfig({ config: preset("gpt2"), generation: {}, dtypes: {} }, gpt2)) as object;
  expect(written).toMatchObject({ bos_token_id: null, eos_token_id: null, pad_token_id: null });
  expect(generationOf(written)).toEqual({});
});

test("the common names of sizes win over GPT-2's", () => {
  const aliases = { hidden_size: 24, max_position_embeddings: 5, num_attention_heads: 3, num_hidden_layers: 2 };
  const expected = preset("gpt2", { dim: 24, contextLength: 5, heads: 3, layers: 2 });
  expect(read(aliases).config).toEqual(expected);
  expect(read({ ...aliases, n_embd: 8, n_positions: 4, n_head: 2, n_layer: 1 }).config).toEqual(expected);
  expect(() => read({ n_embd: 8, hidden_size: "8" })).toThrow('hidden_size is "8", expected a whole number from 1');
});

test("what changes nothing is accepted in silence, as in files that transformers wrote", () => {
  const v5 = {
    activation_function: "gelu_new", add_cross_attention: false, architectures: ["GPT2LMHeadModel"], attn_pdrop: 0.1,
    bos_token_id: 50256, dtype: "float32", embd_pdrop: 0.1, eos_token_id: 50256, initializer_range: 0.02,
    layer_norm_epsilon: 1e-5, n_embd: 768, n_head: 12, n_inner: null, n_layer: 12, n_positions: 1024,
    pad_token_id: null, reorder_and_upcast_attn: true, resid_pdrop: 0.1, scale_attn_by_inverse_layer_idx: false,
    scale_attn_weights: true, summary_activation: null, summary_first_dropout: 0.1, summary_proj_to_labels: true,
    summary_type: "cls_index", summary_use_proj: true, tie_word_embeddings: true, transformers_version: "5.18.0",
    use_cache: true, vocab_size: 50257,
  };
  const older = {
    _name_or_path: "gpt2", n_ctx: 1024, n_special: 0, predict_special_tokens: true, torch_dtype: "float16",
    gradient_checkpointing: false, id2label: { 0: "LABEL_0" }, label2id: { LABEL_0: 0 }, num_labels: 1,
    task_specific_params: { "text-generation": { do_sample: true, max_length: 50 } }, is_decoder: true,
    output_past: true, pruned_heads: {}, finetuning_task: null, torchscript: false, use_bfloat16: false,
    do_sample: false, top_k: 50, top_p: 1.0, temperature: 1.0, num_beams: 1, repetition_penalty: 1.0, length_penalty: 1.0,
    xla_device: null, quantization_config: null,
  };
  expect(read(v5)).toEqual({ config: preset("gpt2"), notes: [] });
  const { config, notes } = read(older);
  expect(config).toEqual(preset("gpt2"));
  expect(notes).toEqual(['config.json: "output_past" is ignored']);
});

test("what is ignored and might matter is noted", () => {
  expect(read({ architectures: ["GPT2DoubleHeadsModel"], auto_map: { AutoModel: "x.Y" }, window: 3 }).notes).toEqual([
    'config.json: architectures is "[\\"GPT2DoubleHeadsModel\\"]"; it is read as a GPT2LMHeadModel',
    'config.json: "auto_map" is ignored',
    'config.json: "window" is ignored',
  ]);
});

describe("refuses, by the name of the field,", () => {
  test.each<[object, string, string]>([
    [{ activation_function: "prelu" }, "unsupported-model", 'activation_function "prelu" is not supported; gelu_new, '],
    [{ activation_function: null }, "invalid-file", "activation_function is null, expected a text"],
    [{ scale_attn_weights: 1 }, "invalid-file", "scale_attn_weights is 1, expected true or false"],
    [{ tie_word_embeddings: null }, "invalid-file", "tie_word_embeddings is null, expected true or false"],
    [{ add_cross_attention: true }, "unsupported-model", 'add_cross_attention "true" is not supported; false is'],
    [{ is_encoder_decoder: true }, "unsupported-model", 'is_encoder_decoder "true" is not supported; false is'],
    [{ pruned_heads: { 0: [1] } }, "unsupported-model", 'pruned_heads "{\\"0\\":[1]}" is not supported; {} is'],
    [{ configuration_files: ["config.4.0.0.json"] }, "unsupported-model", "configuration_files "],
    [{ per_layer_config: { 0: { n_inner: 3 } } }, "unsupported-model", "per_layer_config "],
    [{ transformers_weights: "x.safetensors" }, "unsupported-model", "transformers_weights "],
    [{ quantization_config: { quant_method: "awq" } }, "unsupported-model", 'quantization_config "{\\"quant_method\\":\\"awq\\"}" is not supported; save the model without it'],
    [{ dtype: "float8_e4m3fn" }, "unsupported-model", 'dtype "float8_e4m3fn" is not supported; float32, '],
    [{ torch_dtype: "auto" }, "unsupported-model", 'torch_dtype "auto" is not supported; float32, '],
    [{ n_layer: "12" }, "invalid-file", 'n_layer is "12", expected a whole number from 1'],
    [{ n_layer: 0 }, "invalid-file", "n_layer is 0, expected a whole number from 1"],
    [{ n_layer: 1.5 }, "invalid-file", "n_layer is 1.5, expected a whole number from 1"],
    [{ n_layer: [12] }, "invalid-file", "n_layer is an array, expected a whole number from 1"],
    [{ n_layer: null }, "invalid-file", "n_layer is null, expected a whole number from 1"],
    [{ n_inner: 0 }, "invalid-file", "n_inner is 0, expected a whole number from 1"],
    [{ n_embd: -768 }, "invalid-file", "n_embd is -768, expected a whole number from 1"],
    [{ vocab_size: 2 ** 53 }, "invalid-file", "vocab_size is 9007199254740992, expected a whole number from 1"],
    [{ resid_pdrop: true }, "invalid-file", "resid_pdrop is true, expected a number from 0 and below 1"],
    [{ embd_pdrop: 1 }, "invalid-file", "embd_pdrop is 1, expected a number from 0 and below 1"],
    [{ attn_pdrop: {} }, "invalid-file", "attn_pdrop is an object, expected a number from 0 and below 1"],
    [{ layer_norm_epsilon: -1 }, "invalid-file", "layer_norm_epsilon is -1, expected a number from 0"],
    [{ initializer_range: "x" }, "invalid-file", 'initializer_range is "x", expected a number from 0'],
  ])("%j", (changes, code, problem) => {
    expect(() => read(changes)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(`config.json: ${problem}`) as string }),
    );
  });
});
