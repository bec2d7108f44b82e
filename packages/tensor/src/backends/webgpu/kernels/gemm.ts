import type { Dense, View } from "../../../contract/index.ts";
import { split } from "../runtime/split-bindings.ts";
import type { Axes, AxesOf, Reach, SteppedAxis, Views } from "../runtime/split-bindings.ts";
import { noEpilogue } from "./epilogue.ts";
import type { Epilogue } from "./epilogue.ts";

/** `[batch, rows, inner]` times a right operand, of any strides, but that neighbours along a row of `out` touch. */
export interface Products extends Epilogue {
  readonly a: View;
  readonly out: View;
  /** Which matrix on the right each product takes. Default: its own. */
  readonly choice?: Choice | null;
  /** Which lines of `a` each product has. Default: all. */
  readonly groups?: Groups | null;
}

/** A matrix for each product of a batch: number `ids[i] - first`, none where that is outside. */
export interface Choice {
  readonly ids: View<"i32">;
  readonly first: number;
}

/** A group of lines for each product of a batch. One binding reaches all lines. */
export interface Groups {
  /** Whether the lines are rows, of `out` too, or what is summed over. */
  readonly along: "rows" | "inner";
  /** The lines, those of a group one behind the other. */
  readonly members: Dense<"i32">;
  /** `[batch, 2]`: where in it those of a group begin and end. */
  readonly bounds: View<"i32">;
}

export type ProductAxis = "batch" | "rows" | "inner" | "columns" | "matrices";

/** The axis of the matrices on the right. */
export const matrixAxis = ({ choice }: Products): "batch" | "matrices" => (choice ? "matrices" : "batch");

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
  products: Products,
  right: Right,
  rightAxes: AxesOf<Right, ProductAxis>,
  steps: Partial<Record<ProductAxis, number>> = {},
): ProductsPart<Right>[] {
  const { a, out, accumulate, bias, activation, preactivation, residual, choice, groups } = products;
  const axis = (name: ProductAxis): SteppedAxis<ProductAxis> => ({ axis: name, step: steps[name] ?? 1 });
  const ofOut = [axis("batch"), axis("rows"), axis("columns")];
  const views = { a, out, bias, preactivation, residual, ids: choice?.ids ?? null, bounds: groups?.bounds ?? null };
  const axes: Record<keyof typeof views, Axes<ProductAxis>> = {
    a: [axis("batch"), axis("rows"), axis("inner")],
    out: ofOut,
    bias: [matrixAxis(products), axis("columns")],
    preactivation: ofOut,
    residual: ofOut,
    ids: ["batch"],
    bounds: ["batch", null],
  };
  const parts = split<Views, ProductAxis>(
    engine, { ...views, ...right }, { ...axes, ...rightAxes }, ["out", "preactivation"],
  );
  return parts.map(({ operands, starts }) => {
    const { ids, bounds, ...part } = operands as typeof views;
    const start = starts.inner * axis("inner").step;
    const isLast = start + part.a.shape[2] === a.shape[2];
    return {
      products: {
        ...part,
        ...(isLast ? { activation } : noEpilogue),
        accumulate: accumulate || start > 0,
        choice: ids && { ids, first: starts.matrices },
        groups: groups && bounds && { ...groups, bounds },
      },
      right: Object.fromEntries(Object.keys(right).map((name) => [name, operands[name]])) as Right,
    };
  });
}
