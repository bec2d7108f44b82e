import { argumentError } from "../arguments.ts";
import type { ReduceOp } from "../contract/index.ts";
import { scope } from "../core/scope.ts";
import { Tensor } from "../core/tensor.ts";
import { sameShape, sizeOf } from "../shape.ts";
import type { Shape } from "../shape.ts";
import { dense, reorder, resolveAxis, viewAs } from "./operands.ts";

/** A reduction over any axes, brought to the form of the kernel: over the middle axis of three. */
export interface Reduction {
  /** The order of axes in which the reduced ones are adjacent. */
  readonly order: readonly number[];
  /** Elements before, along and behind the reduced axes in that order. */
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  /** The result's shape without the reduced axes. */
  readonly shape: Shape;
  /** The same with reduced axes of size 1. */
  readonly keptShape: Shape;
}

/** Plans the reduction of `shape` over `axes`, negative from the end; undefined is all of them. */
export function planReduction(op: string, shape: Shape, axes: readonly number[] | undefined): Reduction {
  const all = shape.map((_, axis) => axis);
  const reduced = new Set(axes === undefined ? all : axes.map((axis) => resolveAxis(op, axis, shape.length)));
  if (axes && reduced.size !== axes.length) throw argumentError(op, `an axis is named twice in [${axes.join(", ")}]`);
  const kept = all.filter((axis) => !reduced.has(axis));
  const first = Math.min(...reduced, shape.length);
  const adjacent = reduced.size === 0 || Math.max(...reduced) - first + 1 === reduced.size;
  const sizeAlong = (chosen: readonly number[]): number => sizeOf(chosen.map((axis) => shape[axis]));
  return {
    order: adjacent ? all : [...kept, ...reduced],
    outer: sizeAlong(adjacent ? kept.filter((axis) => axis < first) : kept),
    length: sizeAlong([...reduced]),
    inner: sizeAlong(adjacent ? kept.filter((axis) => axis > first) : []),
    shape: kept.map((axis) => shape[axis]),
    keptShape: shape.map((size, axis) => (reduced.has(axis) ? 1 : size)),
  };
}

/** Reduces off the tape. The result has the reduction's `shape`. */
export function reduceBy(op: ReduceOp, x: Tensor, { order, outer, length, inner, shape }: Reduction): Tensor {
  return scope(() => {
    const out = Tensor.allocate(x.backend, "f32", shape);
    if (out.size > 0) {
      const kernelX = viewAs(dense(reorder(x, order)), outer, length, inner);
      out.backend.kernels.reduce({ op, x: kernelX, out: viewAs(out, outer, inner) });
    }
    return out;
  });
}

/** Sums a gradient over the axes along which an operand of `shape` was broadcast. Off the tape. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.rank - shape.length;
  const axes = x.shape.flatMap((size, axis) =>
    axis < lead || (shape[axis - lead] === 1 && size !== 1) ? [axis] : [],
  );
  return scope(() => {
    const out = reduceBy("sum", x, planReduction("sum", x.shape, axes));
    return out.view({ ...viewAs(out, ...shape) });
  });
}
