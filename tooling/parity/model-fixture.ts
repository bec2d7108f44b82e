import { GPT } from "@gpt/gpt";
import type { GPTConfig, GPTOptions } from "@gpt/gpt";
import { scope } from "@gpt/tensor";
import type { AdamWOptions } from "@gpt/train";
import { fixturePath, readJson, readTensors, subset, toTensor } from "./fixtures.ts";
import type { Values } from "./fixtures.ts";

/** A model, a batch, what PyTorch's AdamW made of the model on that batch, and what the trained model writes. */
export interface ModelFixture {
  readonly config: GPTOptions | GPTConfig;
  readonly optimizer: AdamWOptions & { readonly clip: number };
  /** `[B][T]`. */
  readonly ids: number[][];
  /** `[B][T]`; −100 is ignored. */
  readonly targets: number[][];
  /** Of each step, before it. */
  readonly losses: number[];
  /** Of each step, before clipping. */
  readonly gradientNorms: number[];
  /** The likeliest tokens after a prompt. */
  readonly greedy: { readonly prompt: number[]; readonly ids: number[]; readonly logProbabilities: number[] };
  /** `logits` of the batch, and by parameter `weights.…`, the `gradients.…` of the first step, and `trained.…` weights. */
  readonly tensors: ReadonlyMap<string, Values>;
}

export function readModelFixture(name: string): ModelFixture {
  const numbers = readJson<Omit<ModelFixture, "tensors">>("models", `${name}.json`);
  return { ...numbers, tensors: readTensors(fixturePath("models", `${name}.safetensors`)) };
}

/** The fixture's model on the chosen backend, before training (`weights`) or after it (`trained`). */
export function buildModel({ config, tensors }: ModelFixture, state: "weights" | "trained"): GPT {
  const model = new GPT(config, { weights: "zeros" });
  scope(() => {
    const weights = [...subset(tensors, `${state}.`)];
    model.loadStateDict(new Map(weights.map(([path, values]) => [path, toTensor(values)])));
  });
  return model;
}
