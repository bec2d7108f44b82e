import { copyInto, noGrad, scope, slice, tensor } from "@gpt/tensor";
import { GPT } from "@gpt/gpt";
import type { GPTConfig } from "@gpt/gpt";
import { readWeights, weightShapes } from "../models/weights.ts";

/** Our model with the weights of a file. */
export function modelFromFile(config: GPTConfig, file: string): GPT {
  const model = new GPT(config, { weights: "zeros" });
  const parameters = model.stateDict();
  for (const { weight, firstRow, values } of readWeights(file, weightShapes(config))) {
    const parameter = parameters.get(weight.path);
    if (parameter?.shape.join() !== weight.shape.join()) throw new Error(`the model has no ${weight.path} [${weight.shape.join(", ")}]`);
    const shape = weight.shape.length === 1 ? [values.length] : [values.length / weight.shape[1], weight.shape[1]];
    noGrad(() => scope(() => copyInto(slice(parameter, 0, firstRow, firstRow + shape[0]), tensor(values, { shape }))));
  }
  return model;
}
