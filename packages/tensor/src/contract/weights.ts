import type { Shape } from "../shape.ts";
import type { PackedDType } from "../weight-format.ts";
import type { Activation } from "./elementwise.ts";
import type { Dense, View } from "./view.ts";

/** A weight `[rows, columns]`, or one for each expert, `[experts, rows, columns]`, of f32 or packed. */
export type WeightView = FloatWeightView | PackedView;

/** A weight of f32, of any strides. */
export interface FloatWeightView {
  readonly dtype: "f32";
  readonly shape: Shape;
  readonly values: View;
  readonly scales: null;
}

/**
 * A packed weight, whose rows follow on one another through all of its matrices. Each is cut into blocks of 32 columns, the
 * last one filled up with zeros. Bytes lie in words of 32 bits, the first one in the lowest bits:
 * - `f16`, `bf16`: 16 words a block, two elements a word;
 * - `int8`: 8 words a block, four signed bytes a word: an element is its byte times the block's scale;
 * - `int4`: 4 words a block, of whose 16 bytes number j holds elements j, in its lower half, and j + 16: an element is
 *   its half byte minus 8, times the block's scale;
 * - `mxfp4`: the same words, whose half bytes are 0, ½, 1, 1½, 2, 3, 4, 6, and with 8 added their negatives, −0 among them.
 *
 * Scales are f16, or for `mxfp4` bytes e8m0, which stand for 2^(byte − 127), and 255 for NaN. Elements beyond f32 are ±∞. So
 * `int8`, `int4` and `mxfp4` have the numerics of GGUF's Q8_0, Q4_0 and MXFP4, and its order of half bytes. (gpt-oss has
 * elements 2j and 2j + 1 in byte j; what reads its files puts them in this order.)
 */
export interface PackedView {
  readonly dtype: PackedDType;
  readonly shape: Shape;
  /** `[rows, blocks · words]`. */
  readonly values: Dense<"i32">;
  /** Of dtypes that have scales: `[rows, ⌈blocks / n⌉]` words, of n = 2 scales of f16 or 4 of e8m0 each. */
  readonly scales: Dense<"i32"> | null;
  readonly codec: WeightCodec;
}

/**
 * The bits of a packed dtype in JavaScript, for backends whose memory it reaches. Weights bring it along, so that programs
 * without packed weights do without it.
 */
export interface WeightCodec {
  /** Fills `out` with the elements of rows of `columns`, from the words of their parts. */
  decode(columns: number, rows: EncodedRows, out: Float32Array): void;
  /** The words of rows as `append` encodes them: numbers beyond what the dtype holds become the largest that it does. */
  encode(columns: number, elements: Float32Array): EncodedRows;
}

/** The words of the parts of rows. */
export interface EncodedRows {
  readonly values: Int32Array;
  readonly scales: Int32Array | null;
}

/**
 * Ops with a weight of any dtype that the backend has. Results are those of f32 arithmetic on the weight's elements; sums
 * follow the rules of `matmul`.
 */
export interface WeightKernels {
  /**
   * `out = activation(x · weightᵀ + bias) + residual`: `x` is `[rows, inputs]`, `weight` `[outputs, inputs]`, `out`
   * `[rows, outputs]`, `bias` `[outputs]`. `residual` and `preactivation` have the shape of `out`, and the latter, where
   * given, receives `x · weightᵀ + bias`. For dtypes with scales a backend may round `x` to codes of 16 bits with one scale
   * for each block of 32 columns, which changes an output by at most 2⁻¹⁵ · Σ over the blocks of their largest `|x|` times
   * their `Σ |weight|`. Blocks with NaN, ∞, or nothing but numbers that are close to the smallest or the largest are
   * multiplied as f32: ∞ gives ±∞, or NaN where a weight is 0, and nothing tiny vanishes. Weights that are ±∞ because their
   * scale takes them beyond f32 may count as the numbers that they stand for.
   */
  linear(call: {
    readonly x: Dense;
    readonly weight: WeightView;
    readonly out: Dense;
    readonly bias: Dense | null;
    readonly activation: Activation | null;
    readonly preactivation: Dense | null;
    readonly residual: Dense | null;
  }): void;

  /** `out = grad · weight`, the gradient of the input: `grad` is `[rows, outputs]`, `out` `[rows, inputs]`. */
  linearGradient(call: { readonly grad: Dense; readonly weight: WeightView; readonly out: Dense }): void;

  /**
   * `out[i] = weight[ids[i]]`: `ids` is `[count]`, `out` `[count, columns]`; a weight of f32 is dense. Ids outside are as for
   * `gatherRows`.
   */
  gather(call: { readonly weight: WeightView; readonly ids: Dense<"i32">; readonly out: Dense }): void;
}
