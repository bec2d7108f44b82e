import type { BlockConfig, GPTConfig } from "../config.ts";
import type { Layout } from "../layout.ts";
import type { TensorNames } from "./architecture.ts";

/** In a tensor of this name, or as a recipe says. Names begin behind the block's own; `kind` is weight or bias. */
type BlockLayout = string | ((block: BlockConfig, name: (rest: string) => string, kind: string, dim: number) => Layout);

/** Where the weights of a block lie, by the rest of their paths. */
export type BlockLayouts = Readonly<Record<string, BlockLayout>>;

/** Attention and norms, which all have. */
const common: BlockLayouts = {
  attentionNorm: "input_layernorm",
  "attention.qkv": ({ attention: { heads, kvHeads, headDim } }, name, kind) => ({
    rows: Object.entries({ q: heads, k: kvHeads, v: kvHeads }).map(([part, heads]) => ({
      count: heads * headDim, of: { tensor: name(`self_attn.${part}_proj.${kind}`) },
    })),
  }),
  "attention.projection": "self_attn.o_proj",
  mlpNorm: "post_attention_layernorm",
};

/** The layers of gated units without experts. */
export const gatedUp: BlockLayout = ({ mlp }, name, kind) => ({
  rows: ["gate", "up"].map((part) => ({
    count: mlp.type === "experts" ? 0 : mlp.hiddenDim, of: { tensor: name(`mlp.${part}_proj.${kind}`) },
  })),
});
export const gatedDown: BlockLayout = "mlp.down_proj";

/** What has nothing else beside attention and norms. */
export const gatedLayouts: BlockLayouts = { "mlp.up": gatedUp, "mlp.down": gatedDown };

const names: Readonly<Record<string, string>> = {
  "tokenEmbedding.weight": "model.embed_tokens.weight",
  "finalNorm.weight": "model.norm.weight",
  "head.weight": "lm_head.weight",
};

/**
 * What becomes of a tensor that is no weight of the model: see gpt2.ts. transformers v5.18.0, modeling_utils.py, ignores the
 * constants of rotary positions that older releases stored.
 */
function treatmentOf(name: string): "ignored" | "noted" | "refused" {
  if (name.endsWith("rotary_emb.inv_freq")) return "ignored";
  return /^(model\.(embed_tokens|layers|norm)|lm_head)(\.|$)/.test(name) ? "refused" : "noted";
}

/** The names of a model's tensors, with those that an architecture has in its blocks. */
export function decoderTensors({ blocks, dim }: Pick<GPTConfig, "blocks" | "dim">, own: BlockLayouts): TensorNames {
  const layouts = { ...common, ...own };
  return {
    layoutOf({ path }) {
      if (Object.hasOwn(names, path)) return { tensor: names[path] };
      const [, layer, part, kind] = /^blocks\.(\d+)\.(.+?)(?:\.(weight|bias))?$/.exec(path) ?? [];
      if (!part || !Object.hasOwn(layouts, part)) return undefined;
      const block = blocks.at(Number(layer));
      if (!block) return undefined;
      const nameOf = (rest: string): string => `model.layers.${layer}.${rest}`;
      const layout = layouts[part];
      if (typeof layout !== "string") return layout(block, nameOf, kind, dim);
      return { tensor: nameOf(kind ? `${layout}.${kind}` : layout) };
    },
    // The class without a head, NAMEModel, has its tensors without the prefix.
    plainName: (name) => name.replace(/^(?=(embed_tokens|layers|norm)\.)/, "model."),
    treatmentOf,
  };
}
