import { full, ones } from "../../core/create.ts";
import { scope } from "../../core/scope.ts";
import type { Tensor } from "../../core/tensor.ts";
import { equal, maximum, mul, sub, where } from "../elementwise.ts";
import { scatterAdd } from "../indexing.ts";
import { concat } from "../movement.ts";
import { argmax, max } from "../reduce.ts";

/** The indices of `topK` of `[rows, length]`, off the tape: the largest of what is left, and again. */
export function composedTopK(x: Tensor, k: number): Tensor<"i32"> {
  const { backend, shape } = x;
  const isNaN = sub(1, equal(x, x));
  const taken = full([shape[0], 1], -1, { backend });
  const found: Tensor<"i32">[] = [];
  let left = ones(shape, { backend });
  for (let i = 0; i < k; i++) {
    const step = scope(() => {
      const largest = max(where(left, x, -Infinity), { axis: -1, keepDims: true });
      const index = argmax(mul(left, maximum(equal(x, largest), isNaN)), { axis: -1, keepDims: true });
      return { index, left: scatterAdd(left, index, taken, -1) };
    });
    left.dispose();
    left = step.left;
    found.push(step.index);
  }
  return concat(found, 1);
}
