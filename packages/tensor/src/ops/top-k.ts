import { argumentError } from "../arguments.ts";
import { scope } from "../core/scope.ts";
import { Tensor } from "../core/tensor.ts";
import { formatShape } from "../shape.ts";
import { composed, fused } from "./fused.ts";
import { gather } from "./indexing.ts";
import { reshape } from "./movement.ts";
import { checkDType, dense, shapeError, viewAs } from "./operands.ts";

/** The largest elements along an axis, and where they were. */
export interface Largest {
  readonly values: Tensor;
  readonly indices: Tensor<"i32">;
}

/**
 * The `k` largest elements along the last axis, from the largest on; of equal ones the first comes first, and NaN is the
 * largest. Both results are `[…, k]`; a gradient flows through the values.
 */
export function topK(x: Tensor, k: number): Largest {
  checkDType("topK", x, "f32");
  const length = x.shape.at(-1);
  if (length === undefined) throw shapeError("topK", "a scalar has no axis to look along");
  if (!Number.isInteger(k) || k < 1 || k > length) {
    throw argumentError("topK", `k is ${k}, not a whole number from 1 to ${length}, the last axis of ${formatShape(x.shape)}`);
  }
  return scope(() => {
    const indices = indicesOf(x, k, x.size / length);
    return { values: gather(x, indices, -1), indices };
  });
}

function indicesOf(x: Tensor, k: number, rows: number): Tensor<"i32"> {
  const shape = x.shape.with(-1, k);
  const flat = reshape(x.detach(), [rows, x.shape[x.rank - 1]]);
  const kernels = fused(x.backend, "topK");
  if (!kernels) return reshape(composed(x.backend, "topK", flat, k), shape);
  const indices = Tensor.allocate(x.backend, "i32", shape);
  if (indices.size > 0) kernels.topK({ x: dense(flat), out: viewAs(indices, rows, k) });
  return indices;
}
