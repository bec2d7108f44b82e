import { abs, add, arange, div, equal, matmul, max, maximum, mul, reshape, scope, sqrt, sum, transpose } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";

/** The coefficients of Jordan et al. (2024), who chose them for the steepest slope at 0. */
const coefficients = { a: 3.4445, b: -4.775, c: 2.0315 };
const steps = 5;
/** Sides from whose ratio on steps of the smaller Gram matrix alone are fewer products: 4n²m + 34n³ beside 20n²m + 10n³. */
const gramRatio = 1.5;

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
    const [short, long] = isTall ? [columns, rows] : [rows, columns];
    const iterate = long > gramRatio * short ? byGram : byMatrix;
    const result = iterate(div(scaled, add(norms, 1e-7)), new Polynomial(short, x));
    return isTall ? transpose(result) : result;
  });
}

/** Step by step. */
function byMatrix(x: Tensor, polynomial: Polynomial): Tensor {
  let result = x;
  for (let step = 0; step < steps; step++) {
    const before = result;
    result = scope(() => matmul(polynomial.of(gramOf(before)), before));
    before.dispose();
  }
  return result;
}

/**
 * All steps are factors on the left, polynomials of one Gram matrix G = XXᵀ, and so symmetric, in any order: each makes PGP of G.
 * Their product is taken first, and multiplied with X once.
 */
function byGram(x: Tensor, polynomial: Polynomial): Tensor {
  let gram = gramOf(x);
  let product = polynomial.of(gram);
  let factor = product;
  for (let step = 1; step < steps; step++) {
    const [before, last] = [{ gram, product }, factor];
    gram = scope(() => matmul(matmul(last, before.gram), last));
    before.gram.dispose();
    factor = polynomial.of(gram);
    product = matmul(factor, before.product);
    before.product.dispose();
    last.dispose();
  }
  return matmul(product, x);
}

/** `XXᵀ` of each matrix. */
function gramOf(x: Tensor): Tensor {
  return matmul(x, transpose(x));
}

/** What a step multiplies by: `aI + bG + cG²` of Gram matrices. */
class Polynomial {
  readonly #first: Tensor;
  readonly #second: Tensor;

  /** In a scope, which frees what it holds. */
  constructor(size: number, { backend }: Tensor) {
    const indices = arange(size, { dtype: "f32", backend });
    const identity = equal(reshape(indices, [size, 1]), indices);
    this.#first = mul(identity, coefficients.a);
    this.#second = mul(identity, coefficients.b);
  }

  of(gram: Tensor): Tensor {
    return scope(() => add(matmul(gram, add(mul(gram, coefficients.c), this.#second)), this.#first));
  }
}
