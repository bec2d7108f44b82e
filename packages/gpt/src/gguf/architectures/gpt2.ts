import { firstOf } from "../../architectures/obstacles.ts";
import { activationOf } from "../../activations.ts";
import { shorten } from "../../short-form.ts";
import type { GGUFArchitecture } from "./architecture.ts";
import { f32, headName, u32 } from "./architecture.ts";
import { forRunning, layersOf, vocabSizeOf } from "./decoder.ts";
import { tensorNames } from "./names.ts";
import type { BlockLayouts } from "./names.ts";

const layouts: BlockLayouts = {
  attentionNorm: "attn_norm",
  "attention.qkv": "attn_qkv",
  "attention.projection": "attn_output",
  mlpNorm: "ffn_norm",
  "mlp.up": "ffn_up",
  "mlp.down": "ffn_down",
};

/** llama.cpp's `gpt2`. Its matrices are `[outputs, inputs]`, unlike those of Hugging Face's. */
export const gpt2: GGUFArchitecture = {
  name: "gpt2",
  read(fields, tensors) {
    const dim = fields.count("embedding_length");
    return {
      vocabSize: vocabSizeOf(fields, tensors),
      contextLength: fields.count("context_length"),
      dim,
      layers: layersOf(fields),
      heads: fields.count("attention.head_count"),
      hiddenDim: fields.count("feed_forward_length", 4 * dim),
      epsilon: fields.number("attention.layer_norm_epsilon", 1e-5, "a number from 0", (value) => value >= 0 && value < Infinity),
      tiedHead: tensors.shapeOf(headName) === undefined,
    };
  },
  write(config) {
    const settings = shorten(forRunning(config));
    if (typeof settings === "string") return settings;
    const { heads, dim, headDim, windows, contextLength } = settings;
    const obstacle = firstOf(
      [settings.normPlacement !== "pre", "normalization after each residual sum"],
      [settings.positions !== "learned", `${settings.positions} positions`],
      [windows.some((window) => window !== null && window < contextLength), "windows"],
      [activationOf(settings.activation) !== "gelu", `the activation ${settings.activation}, and not GELU's tanh form`],
      [!settings.scaleAttention || settings.scaleAttentionByLayer, "scores that are scaled otherwise"],
      [headDim * heads !== dim, `${heads} heads of headDim ${headDim}, which are not dim ${dim} together`],
    );
    return obstacle ?? {
      fields: {
        vocab_size: u32(settings.vocabSize),
        context_length: u32(contextLength),
        embedding_length: u32(dim),
        block_count: u32(settings.layers),
        feed_forward_length: u32(settings.hiddenDim),
        "attention.head_count": u32(heads),
        "attention.layer_norm_epsilon": f32(settings.epsilon),
      },
    };
  },
  tensorsOf: (config) => tensorNames(config, layouts),
};
