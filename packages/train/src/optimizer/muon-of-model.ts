import type { BlockConfig, GPT } from "@gpt/gpt";
import { Tensor } from "@gpt/tensor";
import type { TrainSettings } from "../loop/settings.ts";
import { Muon } from "./muon.ts";

/** The optimizer of a run. */
export function muonOf(model: GPT, settings: TrainSettings): Muon {
  return new Muon(model.namedParameters(), { ...settings, matrices: hiddenMatrices(model) });
}

/**
 * The hidden matrices of a model by path, for `Muon`, and the rows of each matrix that a weight holds: queries, keys and values
 * are three, the two halves of gated units two; each expert has its own. They are the matrices of the blocks, those of adapters
 * included. Not so the embeddings and the head, nor routers, which are heads of the experts.
 */
export function hiddenMatrices({ blocks, config }: GPT): Map<string, readonly number[]> {
  const matrices = new Map<string, readonly number[]>();
  for (const [layer, block] of blocks.entries()) {
    for (const [path, weight] of block.namedWeights()) {
      const isMatrix = weight instanceof Tensor && weight.rank >= 2 && !/(^|\.)bias$/.test(path);
      if (!isMatrix || path.startsWith("mlp.router.")) continue;
      const rows = weight.shape[weight.rank - 2];
      matrices.set(`blocks.${layer}.${path}`, partsOf(path, rows, config.blocks[layer]));
    }
  }
  return matrices;
}

/** How the rows of a weight are divided. An adapter that narrows what a layer reads is one matrix. */
function partsOf(path: string, rows: number, { attention, mlp }: BlockConfig): number[] {
  const layers = [
    { part: "attention.qkv.", parts: [attention.heads, attention.kvHeads, attention.kvHeads].map((heads) => heads * attention.headDim) },
    ...gatedOf(mlp),
  ];
  const layer = layers.find(({ part, parts }) => path.startsWith(part) && parts.reduce((sum, part) => sum + part) === rows);
  return layer?.parts ?? [rows];
}

function gatedOf(mlp: BlockConfig["mlp"]): { part: string; parts: number[] }[] {
  const unit = mlp.type === "experts" ? mlp.expert : mlp;
  return unit.type === "gated" ? [{ part: "mlp.up.", parts: [unit.hiddenDim, unit.hiddenDim] }] : [];
}
