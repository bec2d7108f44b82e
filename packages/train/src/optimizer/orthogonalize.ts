import { abs, add, div, matmul, max, maximum, mul, reshape, scope, sqrt, sum, transpose } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";

/** The coefficients of Jordan et al. (2024), who chose them for the steepest slope at 0. */
const coefficients = { a: 3.4445, b: -4.775, c: 2.0315 };
const steps = 5;

/**
 * Matrices `[count, rows, columns]` whose singular values are replaced by numbers near 1: each becomes about U Vᵀ, by five
 * Newton–Schulz steps `X ← aX + b(XXᵀ)X + c(XXᵀ)²X` from `X / ‖X‖` (Jordan et al. 2024). A matrix of zeros stays as it is.
 * Unlike there, the norm's 10⁻⁷ is relative to the largest element, so that the scale of a matrix makes no difference.
 */
export function orthogonalize(x: Tensor): Tensor {
  const [count, rows, columns] = x.shape;
  return scope(() => {
    const isTall = rows > columns;
    const leastNormal = 2 ** -126;
    const largest = maximum(max(reshape(abs(x), [count, rows * columns]), { axis: 1 }), leastNormal);
    const scaled = div(isTall ? transpose(x) : x, reshape(largest, [count, 1, 1])); // The products are of the shorter side.
    const norms = sqrt(sum(mul(scaled, scaled), { axis: [1, 2], keepDims: true }));
    let result = div(scaled, add(norms, 1e-7));
    const { a, b, c } = coefficients;
    for (let step = 0; step < steps; step++) {
      const before = result;
      result = scope(() => {
        const gram = matmul(before, transpose(before));
        const polynomial = add(mul(gram, b), mul(matmul(gram, gram), c));
        return add(mul(before, a), matmul(polynomial, before));
      });
      before.dispose();
    }
    return isTall ? transpose(result) : result;
  });
}
