import type { RandomKeys, WeightOptions } from "@gpt/nn";

/** How the weights of a block begin, and as what its matrices are stored. */
export interface Initialization {
  readonly matrix: WeightOptions;
  /**
   * Of matrices that write to the residual stream: scaled down, so that its variance does not grow with depth (GPT-2,
   * section 2.3).
   */
  readonly residual: WeightOptions;
  /** What the matrices of experts have in place of that. */
  readonly experts: Pick<WeightOptions, "dtype">;
  /** Where dropout takes its random numbers. */
  readonly random: RandomKeys;
}
