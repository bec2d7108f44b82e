import type { Shape } from "../shape.ts";
import type { PackedCacheDType } from "../weight-format.ts";
import type { Dense, View } from "./view.ts";
import type { WeightCodec } from "./weights.ts";

/**
 * One sequence of a batch: rows `[queryStart, queryStart + queryCount)` of the queries attend to `keyCount` keys and values.
 * Query `i` stands at position `keyCount − queryCount + i` of its keys, so that one description serves training, sequences of
 * different lengths, and decoding from a cache (one query, many keys). `0 ≤ queryCount ≤ keyCount`.
 */
export interface AttentionSequence {
  readonly queryStart: number;
  readonly queryCount: number;
  readonly keyCount: number;
  /**
   * Where the keys lie: the numbers of pages, in the order of the keys. A page is 48 rows (`pageRows`), page `p` rows
   * `[48p, 48p + 48)`. Null: keys are the rows of the queries, of which there are as many.
   */
  readonly pages: readonly number[] | null;
}

/** The sequences of a batch, one behind the other in the order of their rows, and the same in the backend's memory. */
export interface AttentionBatchView {
  readonly sequences: readonly AttentionSequence[];
  /**
   * For each sequence that has queries four numbers: `queryStart`, `queryCount`, `keyCount`, and the place in this table where
   * its pages begin, −1 where it has none. Then the pages.
   */
  readonly table: Dense<"i32">;
}

/** Vectors `[rows, heads, headDim]` of f32, or packed: each as a row of a weight is (`WeightView`). */
export type VectorsView = FloatVectorsView | PackedVectorsView;

export interface FloatVectorsView {
  readonly dtype: "f32";
  readonly shape: Shape;
  /** Of any strides between rows and heads, and stride 1 along `headDim`. */
  readonly values: View;
  readonly scales: null;
}

export interface PackedVectorsView {
  readonly dtype: PackedCacheDType;
  readonly shape: Shape;
  /** `[rows, heads, blocks · words]`: all rows of one head, then those of the next, dense. */
  readonly values: View<"i32">;
  /** `[rows, heads, ⌈blocks / 2⌉]`, likewise. */
  readonly scales: View<"i32"> | null;
  readonly codec: WeightCodec;
}

export interface AttentionMask {
  /** Whether a query sees only keys at its own and earlier positions. */
  readonly causal: boolean;
  /** How many positions a query sees, its own included; null is all of them. Only with `causal`. */
  readonly window: number | null;
}

export interface AttentionOptions extends AttentionMask {
  /** Factor of the scores before the softmax, usually `1 / √headDim`. */
  readonly scale: number;
  readonly batch: AttentionBatchView;
}

export interface AttentionKernels {
  /**
   * Scaled dot-product attention (Vaswani et al. 2017, equation 1) without the score matrix in memory: `q` is
   * `[queries, heads, headDim]`, with any strides between rows and heads and stride 1 along `headDim`; `k` and `v`, of one
   * dtype and shape, are `[rows, kvHeads, headDim]`; head `h` reads key-value head `⌊h · kvHeads / heads⌋`. `out` is
   * `[queries, heads, headDim]`; rows that no sequence covers are not written, and rows of keys that no sequence has are not
   * read. `sinks`, `[heads]`, holds a further score for each head, not scaled, which every query sees and which has no value:
   * it takes its part of the softmax and adds nothing. `statistics`, `[queries, heads, 2]`, is given when a gradient will need
   * it: of the scores that a query sees, its sink among them, it receives the largest and `Σ exp(score − largest)`. They are
   * kept apart since their log-sum-exp, rounded to f32, would be off by more the larger scores are.
   *
   * Scores follow the rules of `matmul`. Values are added up before they are divided by the sum of exponentials: where the
   * sizes of values times exponentials add up to more than f32 has, the result may become ±∞ or NaN. With a window, the work
   * of a query grows with the window, not with its keys; so does that of `attentionGradient`.
   */
  attention(
    call: AttentionOptions & {
      readonly q: View;
      readonly k: VectorsView;
      readonly v: VectorsView;
      readonly sinks: Dense | null;
      readonly out: Dense;
      readonly statistics: Dense | null;
    },
  ): void;

  /**
   * The gradients of `attention` of sequences without pages, written (not added) to `gradQ`, `gradK` and `gradV`, which have
   * the shapes of `q`, `k`, `v`, any strides between rows and heads, and stride 1 along `headDim`. `out` and `grad` are
   * `[queries, heads, headDim]`. The sequences cover every row. What sinks change is in `out` and `statistics`.
   */
  attentionGradient(
    call: AttentionOptions & {
      readonly q: View;
      readonly k: View;
      readonly v: View;
      readonly out: Dense;
      readonly statistics: Dense;
      readonly grad: Dense;
      readonly gradQ: View;
      readonly gradK: View;
      readonly gradV: View;
    },
  ): void;

  /**
   * Writes new keys or values to the pages of their sequences: `x` is `[queries, kvHeads, headDim]` of finite numbers, with any
   * strides between rows and heads and stride 1 along `headDim`; that of each query becomes the row of `target`
   * `[rows, kvHeads, headDim]` where the pages have its position. No two queries have one row.
   *
   * Every backend writes the same bits: elements are rounded to the nearest, of two the even one; beyond what a dtype holds, to
   * the largest that it does. A block's scale in int8 is the f16 nearest to its largest size times 1/127 (both f32, and so
   * their product); in int4 to its extreme times −1/8, which of two of a size is the negative one. Codes are the nearest to the
   * element divided by the scale, 0 where the scale is 0.
   */
  append(call: { readonly x: View; readonly target: VectorsView; readonly batch: AttentionBatchView }): void;
}
