import { LayerNorm, RMSNorm } from "@gpt/nn";
import type { NormConfig } from "./config.ts";

export type Norm = LayerNorm | RMSNorm;

/** A normalization of vectors `[…, dim]`. */
export function normOf(dim: number, config: NormConfig): Norm {
  return config.type === "rms" ? new RMSNorm(dim, config) : new LayerNorm(dim, config);
}
