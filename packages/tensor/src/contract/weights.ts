import type { Shape } from "../shape.ts";
import type { Activation } from "./elementwise.ts";
import type { Dense } from "./view.ts";

/** How the elements of a matrix of weights may be stored, beside f32. */
export type WeightFormat = "f16" | "bf16" | "int8" | "int4";

/**
 * A matrix `[rows, columns]` stored in a format. Its rows are cut into blocks of 32 columns, the last one filled up with
 * zeros. Bytes lie in words of 32 bits, the first one in the lowest bits:
 * - `f16`, `bf16`: 16 words a block, two elements a word;
 * - `int8`: 8 words a block, four signed bytes a word: an element is its byte times the block's scale;
 * - `int4`: 4 words a block, of whose 16 bytes number j holds elements j, in its lower half, and j + 16: an element is
 *   its half byte minus 8, times the block's scale.
 *
 * The last two have the numerics of GGUF's Q8_0 and Q4_0.
 */
export interface PackedView {
  readonly format: WeightFormat;
  readonly shape: Shape;
  /** `[rows, blocks · words]`. */
  readonly values: Dense<"i32">;
  /** `[rows, ⌈blocks / 2⌉]`: f16 scales, two a word, for formats that have them. */
  readonly scales: Dense<"i32"> | null;
}

/** Weights that are stored in fewer bits than f32. Results are those of f32 arithmetic on the elements they stand for. */
export interface WeightKernels {
  /**
   * `out = activation(x · weightᵀ + bias) + residual`: `x` is `[rows, inputs]`, `weight` `[outputs, inputs]`, `out`
   * `[rows, outputs]`; the others as for `matmul`. For `int8` and `int4` a backend may round `x` to codes of 16 bits with
   * one scale for each block of 32 columns, which changes an output by at most 2⁻¹⁵ · Σ over the blocks of their largest
   * `|x|` times their `Σ |weight|`. Blocks with NaN, ∞, or nothing but numbers that are close to the smallest or the largest
   * are multiplied as f32: ∞ gives ±∞, or NaN where a weight is 0, and nothing tiny vanishes.
   */
  linearPacked(call: {
    readonly x: Dense;
    readonly weight: PackedView;
    readonly out: Dense;
    readonly bias: Dense | null;
    readonly activation: Activation | null;
    readonly preactivation: Dense | null;
    readonly residual: Dense | null;
  }): void;

  /** `out = grad · weight`, the gradient of the input: `grad` is `[rows, outputs]`, `out` `[rows, inputs]`. */
  linearPackedGradient(call: { readonly grad: Dense; readonly weight: PackedView; readonly out: Dense }): void;

  /** `gatherRows` of a stored table. */
  gatherPacked(call: { readonly weight: PackedView; readonly ids: Dense<"i32">; readonly out: Dense }): void;
}
