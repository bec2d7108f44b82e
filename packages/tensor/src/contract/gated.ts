import type { Dense } from "./view.ts";

/**
 * What a gated unit multiplies its second half by, of its first one: `silu(gate)`; or, of halves that are bounded by `limit`
 * (the gate from above only), `gate · σ(alpha · gate)`, and then the second half plus 1.
 */
export type Gate = "silu" | { readonly alpha: number; readonly limit: number };

export interface GatedKernels {
  /**
   * `out = f(gate) · up` of rows `[gate, up]` (Shazeer 2020, "GLU Variants Improve Transformer"): `x` is `[rows, 2 · width]`,
   * `out` is `[rows, width]`. NaN stays NaN.
   */
  gated(call: { readonly x: Dense; readonly gate: Gate; readonly out: Dense }): void;

  /** The gradient of `gated`: `grad` is `[rows, width]`, `out` `[rows, 2 · width]`. Nothing passes a bound, nor NaN there. */
  gatedGradient(call: { readonly x: Dense; readonly gate: Gate; readonly grad: Dense; readonly out: Dense }): void;
}
