import type { Dense, View } from "./view.ts";
import type { PackedCacheView } from "./weights.ts";

/**
 * One sequence of a batch: rows `[queryStart, queryStart + queryCount)` of the queries attend to rows
 * `[keyStart, keyStart + keyCount)` of the keys and values. Query `i` stands at position `keyCount − queryCount + i`
 * of its keys, so that one description serves training (counts equal), packed sequences of different lengths, and
 * decoding from a cache (one query, many keys). `0 ≤ queryCount ≤ keyCount`.
 */
export interface AttentionSequence {
  readonly queryStart: number;
  readonly queryCount: number;
  readonly keyStart: number;
  readonly keyCount: number;
}

export interface AttentionOptions {
  /** Factor of the scores before the softmax, usually `1 / √headDim`. */
  readonly scale: number;
  /** Whether a query sees only keys at its own and earlier positions. */
  readonly causal: boolean;
  /** How many positions a query sees, its own included; null is all of them. Only with `causal`. */
  readonly window: number | null;
  readonly sequences: readonly AttentionSequence[];
}

export interface AttentionKernels {
  /**
   * Scaled dot-product attention (Vaswani et al. 2017, equation 1) without the score matrix in memory: `q` is
   * `[queries, heads, headDim]`, `k` and `v` `[keys, kvHeads, headDim]`, with any strides between rows and heads and
   * stride 1 along `headDim`; head `h` reads key-value head `⌊h · kvHeads / heads⌋`. `out` is
   * `[queries, heads, headDim]`; rows that no sequence covers are not written. `sinks`, `[heads]`, holds a further score for
   * each head, not scaled, which every query sees and which has no value: it takes its part of the softmax and adds nothing.
   * `statistics`, `[queries, heads, 2]`, is given when a gradient will need it: of the scores that a query sees, its sink
   * among them, it receives the largest and `Σ exp(score − largest)`. They are kept apart since their log-sum-exp, rounded to
   * f32, would be off by more the larger scores are. Scores follow the rules of `matmul`. Values are added up before they are
   * divided by the sum of exponentials: where the sizes of values times exponentials add up to more than f32 has, the result
   * may become ±∞ or NaN. With a window, the work of a query grows with the window, not with its keys; so does that of
   * `attentionGradient`.
   */
  attention(
    call: AttentionOptions & {
      readonly q: View;
      readonly k: View;
      readonly v: View;
      readonly sinks: Dense | null;
      readonly out: Dense;
      readonly statistics: Dense | null;
    },
  ): void;

  /**
   * The gradients of `attention`, written (not added) to `gradQ`, `gradK` and `gradV`, which have the shapes of `q`,
   * `k`, `v`, any strides between rows and heads, and stride 1 along `headDim`. `out` and `grad` are
   * `[queries, heads, headDim]`. Sequences do not overlap and cover every row. What sinks change is in `out` and
   * `statistics`.
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
   * `attention` to keys and values that are stored: `keys` and `values` are `[kvHeads · rows, headDim]`, all rows of one
   * head, then those of the next. For inference: it has no gradient.
   */
  attentionPacked(
    call: AttentionOptions & {
      readonly q: View;
      readonly keys: PackedCacheView;
      readonly values: PackedCacheView;
      readonly kvHeads: number;
      readonly sinks: Dense | null;
      readonly out: Dense;
    },
  ): void;

  /**
   * Writes rows of packed keys or values, `cache`: `x`, `[count, kvHeads, headDim]` of finite numbers, any strides between
   * rows and heads and stride 1 along `headDim`, becomes rows `[start, start + count)` of each head. Every backend writes
   * the same bits: elements are rounded to the nearest, of two the even one; beyond what a format holds, to the largest that
   * it does. A block's scale in int8 is the f16 nearest to its largest size times 1/127 (both f32, and so their product); in
   * int4 to its extreme times −1/8, which of two of a size is the negative one. Codes are the nearest to the element divided
   * by the scale, 0 where the scale is 0.
   */
  appendPacked(call: { readonly x: View; readonly cache: PackedCacheView; readonly start: number }): void;
}
