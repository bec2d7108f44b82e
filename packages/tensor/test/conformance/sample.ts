import type { ConformanceCase } from "../../src/testing/index.ts";

/**
 * Which cases of each kernel to run alone, where the suite runs in full in another place that differs little: the first one; the
 * one with the largest input that is not too large to be cut into many parts, or with the smallest where all are; or about an eighth
 * of them, which notices every wrong kernel in `testing/mutants`.
 */
export type Sample = "first" | "large" | "eighth";

/** The cases of a sample, of those about one kernel. */
export function sampleOf(cases: readonly ConformanceCase[], sample: Sample): readonly ConformanceCase[] {
  switch (sample) {
    case "first":
      return cases.slice(0, 1);
    case "large":
      return cases.toSorted((a, b) => sizeInSample(b) - sizeInSample(a)).slice(0, 1);
    case "eighth":
      return cases.filter(({ kernel, name }, index) => index === 0 || isInEighth(name) || noticing[kernel]?.includes(name));
  }
}

/** Whether a name is one of about an eighth of all names: of cases in a row that differ by one setting, not every eighth one. */
function isInEighth(name: string): boolean {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return ((hash >>> 16) & 7) === 0;
}

/** Elements of the largest input of a sample: eight times what a binding of 1024 bytes holds. */
const maxInSample = 2048;

/** What is too large comes after all others, the largest last. */
function sizeInSample({ size = 0 }: ConformanceCase): number {
  return size > maxInSample ? -size : size;
}

/** Cases that notice a wrong kernel in `testing/mutants` which an eighth by name would miss. A test there says what to add. */
export const noticing: { readonly [Kernel in ConformanceCase["kernel"]]?: readonly string[] } = {
  unary: [
    "tanh near zero", "relu, over the whole range", "cos, over the whole range", "erfc, over the whole range",
    "exp, over the whole range", "sign, over the whole range", "gelu, over the whole range", "silu, over the whole range",
    "sqrt, over the whole range", "tanh, over the whole range", "sigmoid, over the whole range", "rsqrt, over the whole range",
    "sin near zero", "sin, over the whole range",
  ],
  binary: ["minimum: scalars", "minimum, over the whole range", "pow, over the whole range", "less, over the whole range"],
  affine: ["0x + 0, over the whole range", "1e-30x + -1e+39, over the whole range", "-1x + 0, over the whole range"],
  activationGradient: ["silu, gradient over the whole range", "relu, gradient over the whole range"],
  copy: ["f32 to i32 truncates", "f32 to i32, over the whole range"],
  reduce: ["sum of 200,000 equal elements", "sum of 5, over the whole range"],
  argmax: ["NaN is the largest"],
  matmul: ["many rows, 65 products, over the whole range"],
  gatherRows: ["gather 2 along 1 of [3, 5], transposed", "gather 4 along 0 of [7], stepped"],
  layerNormGradient: ["layerNorm of width 2, epsilon 0.00001, gradient over the whole range"],
  softmaxGradient: ["logSoftmax of width 3, gradient over the whole range"],
  gated: ["gated, silu, over the whole range"],
  gatedGradient: ["gated, alpha 0.5, limit 0.75, gradient over the whole range"],
  topK: ["NaN is the largest"],
  crossEntropy: ["linear: a target outside in the third chunk", "statistics of rows in which one class takes almost all", "the target -1 of 5 classes"],
  groupedLinear: ["the number -1 of 3 layers"],
  attentionGradient: ["all scores of 3 queries shifted by 1024"],
  append: ["bf16: ties go to the even one", "f16: ties go to the even one"],
  adamw: ["step 1, learning rate 0.01, gradients scaled by 1, over the whole range"],
  dropout: [
    "keeps a number equal to the probability", "compares with the probability itself, not rounded to f32",
    "many elements and probabilities, over the whole range",
  ],
  sample: [
    "[1, 3, 2, 0, -1], minP 0.3", "[1, 3, 2, 0, -1], temperature 0.5", "[1, 3, 2, 0, -1], temperature 3, minP 0.5",
    "the temperature 0 in one setting for all rows", "each row by its own options",
    "rows with NaN, with ∞, of −∞ give one of their indices",
  ],
  linear: ["mxfp4: 1 rows by every code with every scale"],
  linearGradient: ["int8: [1, 9] × [9, 40]", "mxfp4: [1, 9] × [9, 40]", "mxfp4: every code with every scale, gradient over the whole range"],
  gather: [
    "int8: ids [2, 5] of [6, 33], transposed",
    "f16: ids [2, 5] of [6, 33], transposed", "bf16: ids [2, 5] of [6, 33], transposed",
    "mxfp4: every code with every scale, over the whole range",
  ],
};
