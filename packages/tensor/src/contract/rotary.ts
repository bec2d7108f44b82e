import type { Dense } from "./view.ts";

export interface RotaryKernels {
  /**
   * Rotary position embedding (Su et al. 2021) by split halves: of each row of `x`, `[tokens, columns]`, the first `heads`
   * parts of `headDim` columns are pairs `(a, b)`, all first ones in front, and become
   * `(a · cos − b · sin, b · cos + a · sin)`; the other columns are copied. Row `positions[t]` of `table`,
   * `[entries, headDim]`, has the cosines of token t and then the sines. `inverse` turns the other way, by −sin, which is the
   * gradient. Where the sizes of both products add up to more than f32 has, the result may become ±∞ or NaN. A position outside the table is an `index-out-of-range` error on backends that can see it in time; elsewhere
   * what is turned is NaN.
   */
  rotary(call: {
    readonly x: Dense;
    readonly table: Dense;
    readonly positions: Dense<"i32">;
    readonly heads: number;
    readonly headDim: number;
    readonly inverse: boolean;
    readonly out: Dense;
  }): void;
}
