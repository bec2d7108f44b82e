import type { GPT } from "@gpt/gpt";
import { PackedWeight, wholeNumber } from "@gpt/tensor";
import { check, invalidOption, modelExpected } from "./checks.ts";
import { untrainable } from "./loop/settings.ts";

/**
 * Lets a run change the last blocks alone, what lies behind them (the final norm), and a head of its own; a head that is the
 * token embedding stays as it is. With 0, only what lies behind the blocks. Neither gradients nor optimizer state are made of
 * the rest. Experts that are stored in fewer bits stay as they are; other weights of these that are so are refused, since only norms and
 * biases would learn. Throws `invalid-option`.
 */
export function trainLastBlocks(model: GPT, blocks: number): void {
  check("model", model, modelExpected);
  check("blocks", blocks, wholeNumber(0));
  const { length } = model.blocks;
  if (blocks > length) throw invalidOption(`blocks is ${blocks}, and the model has ${length}`);
  const embedding = model.tokenEmbedding.weight;
  const isTrained = (path: string): boolean => {
    const [part, index] = path.split(".");
    return part === "blocks" ? Number(index) >= length - blocks : part === "finalNorm" || part === "head";
  };
  for (const [path, weight] of model.namedWeights()) {
    if (isTrained(path) && weight instanceof PackedWeight && weight.shape.length === 2) throw untrainable(path, weight);
  }
  for (const [path, parameter] of model.namedParameters()) parameter.requiresGrad = parameter !== embedding && isTrained(path);
  if (model.parameters().some(({ requiresGrad }) => requiresGrad)) return;
  throw invalidOption("nothing is left to train: the model has neither a final norm nor a head of its own; take one block or more");
}
