import type { AdapterOptions } from "@gpt/gpt/lora";
import type { WeightDType } from "@gpt/tensor";

/** What is fine-tuned, and how. */
export interface FinetuningSetup {
  /** The model's folder. */
  readonly folder: string;
  readonly dtype?: WeightDType;
  /** Without adapters all weights are trained. */
  readonly adapters?: AdapterOptions;
  /** Examples of a step, and tokens of each that the model reads. */
  readonly batch: number;
  readonly context: number;
  /** How many of these are learnt: the last ones. */
  readonly learnt: number;
  readonly threads: number;
}

export interface FinetuningTask {
  /** Steps are made for about so long, and one at least. */
  readonly milliseconds: number;
  /** Measures the head and the loss of so many tokens alone, and their gradient, in the place of steps. */
  readonly headRows?: number;
}

export interface FinetuningResult {
  readonly times: readonly number[];
  /** The most memory that the process had so far. */
  readonly peakBytes: number;
}
