import type { TensorNames } from "../../architectures/architecture.ts";
import type { BlockConfig, GPTConfig } from "../../config.ts";
import type { Layout } from "../../layout.ts";
import { embeddingName, headName, ropeFactorsName } from "./architecture.ts";

/** A tensor's name behind that of its block, or a recipe. `name` gives a tensor's full name; `kind` is weight or bias. */
type BlockLayout = string | ((block: BlockConfig, name: (part: string) => string, kind: string, dim: number) => Layout);

/** Where the weights of a block lie, by the rest of their paths, without `.weight` or `.bias`. */
export type BlockLayouts = Readonly<Record<string, BlockLayout>>;

/** Names that all have. */
const around: Readonly<Record<string, string>> = {
  "tokenEmbedding.weight": embeddingName,
  "positionEmbedding.weight": "position_embd.weight",
  "finalNorm.weight": "output_norm.weight",
  "finalNorm.bias": "output_norm.bias",
  "head.weight": headName,
};

/** Names and layouts of a model's tensors (llama.cpp, src/llama-arch.cpp, LLM_TENSOR_NAMES). */
export function tensorNames({ blocks, dim }: GPTConfig, layouts: BlockLayouts): TensorNames {
  return {
    layoutOf({ path }) {
      if (Object.hasOwn(around, path)) return { tensor: around[path] };
      const [, layer, part, kind = "weight"] = /^blocks\.(\d+)\.(.+?)(?:\.(weight|bias))?$/.exec(path) ?? [];
      const block = blocks.at(Number(layer));
      if (!part || !block || !Object.hasOwn(layouts, part)) return undefined;
      const name = (rest: string): string => `blk.${layer}.${rest}.${kind}`;
      const layout = layouts[part];
      return typeof layout === "string" ? { tensor: name(layout) } : layout(block, name, kind, dim);
    },
    plainName: (name) => name,
    // Factors of wavelengths are read with the configuration; older files have the constants of rotary positions.
    treatmentOf: (name) => (name === ropeFactorsName || name.endsWith(".attn_rot_embd.weight") ? "ignored" : "refused"),
  };
}

/** Queries, keys and values, of which the first two may be in the order of neighbours that are turned together. */
export function attention(isNeighbours: boolean): BlockLayout {
  return ({ attention: { heads, kvHeads, headDim } }, name) => {
    const part = (letter: string, heads: number, isTurned: boolean) => {
      const of: Layout = { tensor: name(`attn_${letter}`) };
      return { count: heads * headDim, of: isTurned ? { of, interleaved: 2, group: headDim } : of };
    };
    return { rows: [part("q", heads, isNeighbours), part("k", kvHeads, isNeighbours), part("v", kvHeads, false)] };
  };
}

/** Gates and values of a feed-forward layer, or of each expert. */
export const up: BlockLayout = ({ mlp }, name, kind, dim) => {
  if (mlp.type !== "experts") {
    return { rows: ["ffn_gate", "ffn_up"].map((part) => ({ count: mlp.hiddenDim, of: { tensor: name(part) } })) };
  }
  const { count, expert: { hiddenDim } } = mlp;
  const all = (part: string): Layout => ({ tensor: name(part), shape: kind === "bias" ? [count, hiddenDim] : [count, hiddenDim, dim] });
  return {
    rows: Array.from({ length: count }, (_, expert) => ["ffn_gate_exps", "ffn_up_exps"].map((part) => ({
      count: hiddenDim, of: { of: all(part), first: expert * hiddenDim, total: count * hiddenDim },
    }))).flat(),
  };
};

export const down: BlockLayout = ({ mlp }, name, kind, dim) => {
  if (mlp.type !== "experts") return { tensor: name("ffn_down") };
  const { count, expert: { hiddenDim } } = mlp;
  return { tensor: name("ffn_down_exps"), shape: kind === "bias" ? [count, dim] : [count, dim, hiddenDim] };
};

/** What Llama and its relatives share. */
export function decoderLayouts(isNeighbours: boolean, own: BlockLayouts = {}): BlockLayouts {
  return {
    attentionNorm: "attn_norm",
    "attention.qkv": attention(isNeighbours),
    "attention.queryNorm": "attn_q_norm",
    "attention.keyNorm": "attn_k_norm",
    "attention.sinks": "attn_sinks",
    "attention.projection": "attn_output",
    mlpNorm: "ffn_norm",
    "mlp.router": "ffn_gate_inp",
    "mlp.up": up,
    "mlp.down": down,
    ...own,
  };
}
