import { checkOptions } from "../arguments.ts";
import { scope } from "../core/scope.ts";
import { record } from "../core/tape.ts";
import type { Tensor } from "../core/tensor.ts";
import { wholeNumber } from "../expectations.ts";
import { formatShape, sameShape } from "../shape.ts";
import { composed, fused } from "./fused.ts";
import { rowsOfTable } from "./indexing.ts";
import { checkInputs, dense, shapeError } from "./operands.ts";

/** Which columns are turned. */
export interface RotaryOptions {
  /** How many heads, from the first column on. */
  readonly heads: number;
  /** Columns of a head, an even number. */
  readonly headDim: number;
}

const optionsExpected = { heads: wholeNumber(0), headDim: wholeNumber(0) };

/**
 * Rotary position embedding (Su et al. 2021) by split halves, as Llama and gpt-oss have it. `x` is `[tokens, columns]`: of
 * each row the first `heads` heads are turned, and the other columns copied, so that it takes queries and keys, or packed
 * projections with the values behind. `table` is `[entries, headDim]`: cosines, then sines, of the angles of each position,
 * with any factors. `positions`, `[tokens]`, has the row of each token; one outside the table throws where the backend can see
 * it in time (cpu, wasm), elsewhere what is turned is NaN. The table has no gradient.
 */
export function rotary(x: Tensor, table: Tensor, positions: Tensor<"i32">, options: RotaryOptions): Tensor {
  checkInputs("rotary", [x, table], [positions]);
  checkOptions("rotary", options, optionsExpected);
  const { heads, headDim } = options;
  const [tokens, columns] = x.shape;
  if (x.rank !== 2 || heads * headDim > columns || headDim % 2 !== 0) {
    throw shapeError(
      "rotary",
      `x is ${formatShape(x.shape)}; ${heads} heads of ${headDim} need [tokens, ${heads * headDim} or more], and an even headDim`,
    );
  }
  if (table.rank !== 2 || table.shape[1] !== headDim || !sameShape(positions.shape, [tokens])) {
    const shapes = `the table is ${formatShape(table.shape)}, positions ${formatShape(positions.shape)}`;
    throw shapeError("rotary", `${shapes}; expected [entries, ${headDim}] and [${tokens}]`);
  }
  return scope(() => {
    const saved = [dense(table), dense(positions)] as const;
    return record("rotary", [x], turn(x, ...saved, options, false), saved, ({ grad, saved: [table, positions] }) => [
      turn(grad, table, positions, options, true),
    ]);
  });
}

/** Off the tape. */
function turn(
  x: Tensor, table: Tensor, positions: Tensor<"i32">, { heads, headDim }: RotaryOptions, inverse: boolean,
): Tensor {
  const kernels = fused(x.backend, "rotary");
  if (!kernels) {
    return composed(x.backend, "rotary", x, rowsOfTable("rotary", table, positions), heads, inverse);
  }
  const out = x.allocateLike();
  if (out.size > 0) kernels.rotary({ x: dense(x), table, positions, heads, headDim, inverse, out });
  return out;
}
