import type { GPTConfig } from "@gpt/gpt";
import type { WeightShape } from "../models/weights.ts";
import type { GPUReport } from "./ours-backend.ts";

/** What every contender of the training benchmark is told, in JSON, so that all do the same steps. */
export interface TrainingSetup {
  readonly config: GPTConfig;
  /** A file with the weights, for contenders that are not in TypeScript: see `writeWeights`. */
  readonly weights: string;
  readonly parameters: readonly WeightShape[];
  readonly batch: number;
  readonly context: number;
  /** `batch · context + 1` ids: each is followed by what is to be predicted. */
  readonly tokens: readonly number[];
  readonly threads: number;
  /** Where PyTorch computes; by default on the processor. */
  readonly device?: "cuda";
  readonly optimizer: {
    readonly learningRate: number;
    readonly beta1: number;
    readonly beta2: number;
    readonly epsilon: number;
    /** Of parameters with two axes. */
    readonly weightDecay: number;
    /** The norm over all gradients that is not exceeded. */
    readonly clip: number;
  };
}

export interface TrainingTask {
  /** Steps are made for about so long, and one at least. */
  readonly milliseconds: number;
}

export interface TrainingResult {
  readonly times: readonly number[];
  /** The losses of the first steps since the start. */
  readonly losses: readonly number[];
  /** The most memory that the process had so far. */
  readonly peakBytes: number;
  /** What our backend did in all these steps, where it runs on a GPU. */
  readonly gpu?: GPUReport;
}

/** How many losses are kept. */
export const keptLosses = 3;
