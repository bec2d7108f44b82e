import type { BinaryOp, UnaryOp } from "../../contract/index.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Shape } from "../../shape.ts";
import type { Input, NumberOptions } from "../inputs.ts";
import { integers, literal, numbers } from "../inputs.ts";
import type { Layout } from "../layout.ts";
import type { OpCase } from "../op-case.ts";
import { op } from "../op-case.ts";
import { array } from "../reference/array.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** Where random arguments lie, and what the op gives at special ones. */
export interface Domain<Row extends readonly number[]> extends NumberOptions {
  readonly special: readonly Row[];
  /** Draw whole numbers, so that pairs are often equal; such ops have no gradient. */
  readonly whole?: boolean;
}

/** Rows of argument and value. */
export const unaryDomains: { readonly [Op in UnaryOp]: Domain<readonly [x: number, y: number]> } = {
  abs: { gap: 0.1, special: [[-0, 0], [-inf, inf], [nan, nan]] },
  cos: { special: [[0, 1], [inf, nan], [nan, nan]] },
  exp: { special: [[0, 1], [inf, inf], [-inf, 0], [89, inf], [-110, 0], [nan, nan]] },
  gelu: { special: [[0, 0], [inf, inf], [50, 50], [-50, 0], [1e10, 1e10], [-1e10, 0], [nan, nan]] },
  log: { low: 0.1, high: 3, special: [[0, -inf], [1, 0], [inf, inf], [-1, nan], [nan, nan]] },
  relu: { gap: 0.1, special: [[-0, 0], [inf, inf], [-inf, 0], [nan, nan]] },
  sigmoid: { special: [[0, 0.5], [inf, 1], [-inf, 0], [1000, 1], [-1000, 0], [nan, nan]] },
  sign: { gap: 0.1, special: [[0, 0], [inf, 1], [-inf, -1], [1e-30, 1], [nan, nan]] },
  sin: { special: [[0, 0], [inf, nan], [nan, nan]] },
  sqrt: { low: 0.1, high: 3, special: [[0, 0], [inf, inf], [-1, nan], [nan, nan]] },
  tanh: { special: [[0, 0], [inf, 1], [-inf, -1], [50, 1], [-50, -1], [nan, nan]] },
};

/** Rows of both arguments and the value. */
export const binaryDomains: { readonly [Op in BinaryOp]: Domain<readonly [a: number, b: number, y: number]> } = {
  add: { special: [[3e38, 3e38, inf], [inf, 1, inf], [inf, -inf, nan], [nan, 1, nan]] },
  sub: { special: [[-3e38, 3e38, -inf], [1, inf, -inf], [inf, inf, nan], [1, nan, nan]] },
  mul: { special: [[1e30, -1e30, -inf], [2, inf, inf], [0, inf, nan], [nan, 0, nan]] },
  div: { gap: 0.5, special: [[1, 0, inf], [-1, 0, -inf], [1, -0, -inf], [1, inf, 0], [0, 0, nan], [inf, inf, nan]] },
  pow: {
    low: 0.5,
    special: [[0, 0, 1], [-2, 3, -8], [0, -1, inf], [10, 39, inf], [2, -inf, 0], [-2, 0.5, nan], [nan, 1, nan]],
  },
  maximum: { special: [[1, 1, 1], [-inf, inf, inf], [nan, 1, nan], [1, nan, nan]] },
  minimum: { special: [[1, 1, 1], [-inf, inf, -inf], [nan, 1, nan], [1, nan, nan]] },
  equal: { whole: true, special: [[1, 1, 1], [inf, inf, 1], [0, -0, 1], [inf, -inf, 0], [nan, nan, 0]] },
  less: { whole: true, special: [[1, 1, 0], [-inf, inf, 1], [-0, 0, 0], [nan, 1, 0], [1, nan, 0]] },
};

/** An op at all of its special arguments; those with NaN apart, for backends that lose it. */
export function specialCases<Row extends readonly number[]>(
  name: string,
  rows: readonly Row[],
  run: (...columns: Tensor[]) => Tensor,
): OpCase[] {
  const parts = [rows.filter((row) => !row.some(Number.isNaN)), rows.filter((row) => row.some(Number.isNaN))];
  return parts.flatMap((part, i) => {
    if (part.length === 0) return [];
    const column = (index: number): number[] => part.map((row) => row[index]);
    const inputs = part[0].slice(0, -1).map((_, index) => [`x${index}`, literal(column(index))] as const);
    const expected = column(inputs.length);
    return op({
      name: `${name}: ${i === 0 ? "special values" : "NaN"}`,
      inputs: Object.fromEntries(inputs),
      run: (tensors) => run(...Object.values(tensors)),
      reference: () => array([expected.length], expected),
      needs: i === 0 ? undefined : "nan",
    });
  });
}

/** Random arguments for an op. */
export function draw(domain: Domain<readonly number[]>, shape: Shape, layout: Layout): Input<"f32"> {
  return domain.whole ? integers(shape, -2, 3, layout, "f32") : numbers(shape, { ...domain, layout });
}
