import type { Weight } from "@gpt/tensor";
import { PackedWeight } from "@gpt/tensor";
import { GPT } from "@gpt/gpt";
import type { GPTConfig, GPTInitialization } from "@gpt/gpt";
import { randomWeights, weightShapes } from "../models/weights.ts";
import type { WeightShape } from "../models/weights.ts";

/** Our model with the suite's weights. */
export function ourModel(config: GPTConfig, dtype?: GPTInitialization["dtype"], shapes: readonly WeightShape[] = weightShapes(config)): GPT {
  const model = new GPT(config, { weights: "zeros", dtype });
  const weights = new Map<string, Weight>(model.namedWeights());
  for (const shape of shapes) {
    const weight = weights.get(shape.path);
    if (weight?.shape.join() !== shape.shape.join())
      throw new Error(`the model has no ${shape.path} of [${shape.shape.join(", ")}]`);
    if (weight instanceof PackedWeight) weight.writeRows(0, randomWeights(shape));
    else weight.backend.write(weight, randomWeights(shape));
  }
  return model;
}
