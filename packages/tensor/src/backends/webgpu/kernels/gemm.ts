import type { View } from "../../../contract/index.ts";
import { split } from "../runtime/split-bindings.ts";
import type { AxesOf, Reach, SteppedAxis, Views } from "../runtime/split-bindings.ts";
import { noEpilogue } from "./epilogue.ts";
import type { Epilogue } from "./epilogue.ts";

/** `[batch, rows, inner]` times a right operand, of any strides, but that neighbours along a row of `out` touch. */
export interface Products extends Epilogue {
  readonly a: View;
  readonly out: View;
}

export type ProductAxis = "batch" | "rows" | "inner" | "columns";

/** Products and their right operand. */
export interface ProductsPart<Right extends Views> {
  readonly products: Products;
  readonly right: Right;
}

/**
 * Products in parts, to be made in this order, whose operands one binding reaches: mostly there is one part. Where the right
 * operand cannot be cut everywhere along an axis, `steps` says how many rows or columns there are between such places.
 */
export function fitting<Right extends Views>(
  engine: Reach,
  { a, out, accumulate, bias, activation, preactivation, residual }: Products,
  right: Right,
  rightAxes: AxesOf<Right, ProductAxis>,
  steps: Partial<Record<ProductAxis, number>> = {},
): ProductsPart<Right>[] {
  const axis = (name: ProductAxis): SteppedAxis<ProductAxis> => ({ axis: name, step: steps[name] ?? 1 });
  const ofOut = [axis("batch"), axis("rows"), axis("columns")];
  const axes = {
    a: [axis("batch"), axis("rows"), axis("inner")],
    out: ofOut,
    bias: [axis("columns")],
    preactivation: ofOut,
    residual: ofOut,
  };
  const views = { a, out, bias, preactivation, residual };
  return split<Views, ProductAxis>(engine, { ...views, ...right }, { ...axes, ...rightAxes }, ["out", "preactivation"]).map(({ operands, starts }) => {
    const part = operands as typeof views;
    const start = starts.inner * axis("inner").step;
    const isLast = start + part.a.shape[2] === a.shape[2];
    return {
      products: {
        ...(isLast ? { ...part, activation } : { ...noEpilogue, a: part.a, out: part.out }),
        accumulate: accumulate || start > 0,
      },
      right: Object.fromEntries(Object.keys(right).map((name) => [name, operands[name]])) as Right,
    };
  });
}
