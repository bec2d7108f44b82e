import { join } from "node:path";
import type { GPT, GPTOptions } from "@gpt/gpt";
import type { TrainOptions } from "../src/loop/options.ts";
import { patternedData } from "./fixtures.ts";

export const frozenFolder = join(import.meta.dirname, "frozen");

/** Changes of the tiny model that each run trained. */
export const frozenModels: Readonly<Record<string, Partial<GPTOptions>>> = {
  gpt2: { dropout: 0.2, attentionDropout: 0.1, layers: 2 },
  own: { normPlacement: "post", positions: "sinusoidal", tiedHead: false, headDim: 5, dropout: 0.1, initialStd: 0.1 },
};

export const frozenSettings = {
  data: patternedData(),
  steps: 8,
  batchSize: 2,
  accumulationSteps: 2,
  learningRate: 0.01,
  logEvery: 1,
} satisfies TrainOptions;

/** Of each weight the sum of its elements and of its squares. */
export async function summaryOf(model: GPT): Promise<Record<string, [sum: number, squares: number]>> {
  const summary: Record<string, [number, number]> = {};
  for (const [path, weight] of model.namedWeights()) {
    const values = await weight.data();
    summary[path] = [values.reduce((sum, x) => sum + x, 0), values.reduce((sum, x) => sum + x * x, 0)];
  }
  return summary;
}
