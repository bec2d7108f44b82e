import { quote } from "@gpt/common";

/** Sizes of the axes, outermost first. `[]` is a scalar. */
export type Shape = readonly number[];

/** Steps between neighbours along each axis, in elements. */
export type Strides = readonly number[];

/** Number of elements: the product of the sizes. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const length of shape) size *= length;
  return size;
}

/** Row-major strides without gaps. */
export function denseStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

/** Whether strides are row-major without gaps. Axes of size 1 may have any stride; empty shapes are dense. */
export function isDense(shape: Shape, strides: Strides): boolean {
  if (shape.includes(0)) return true;
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1) {
      if (strides[axis] !== step) return false;
      step *= shape[axis];
    }
  }
  return true;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

/**
 * The common shape of two operands under NumPy's rule (axes aligned at the end, sizes equal or 1),
 * or undefined where there is none.
 */
export function broadcastShapes(a: Shape, b: Shape): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return undefined;
    shape[axis] = left === 1 ? right : left;
  }
  return shape;
}

/** Strides by which a view of `shape` reads as `target`: 0 along every broadcast axis. */
export function broadcastStrides(shape: Shape, strides: Strides, target: Shape): number[] {
  const lead = target.length - shape.length;
  return target.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : strides[axis - lead]));
}

/** Strides of a view after reshaping without a copy, or undefined where the layout needs one. */
export function reshapeStrides(shape: Shape, strides: Strides, target: Shape): number[] | undefined {
  if (isDense(shape, strides)) return denseStrides(target);
  const result = new Array<number>(target.length);
  // Axes of size 1 stand for nothing, and their strides say nothing.
  const axes = shape.flatMap((length, axis) => (length === 1 ? [] : [{ length, stride: strides[axis] }]));
  let from = axes.length - 1;
  let to = target.length - 1;
  while (from >= 0 || to >= 0) {
    if (to >= 0 && target[to] === 1) {
      result[to--] = 1;
      continue;
    }
    // One run of source axes that lie behind one another covers one run of target axes.
    let { length: covered, stride: inner } = axes[from];
    let needed = target[to];
    const last = to;
    while (covered !== needed) {
      if (covered < needed) {
        const { length, stride } = axes[from];
        from--;
        if (axes[from].stride !== stride * length) return undefined;
        covered *= axes[from].length;
      } else {
        to--;
        needed *= target[to];
      }
    }
    for (let axis = last; axis >= to; axis--) {
      result[axis] = inner;
      inner *= target[axis];
    }
    from--;
    to--;
  }
  return result;
}

/** `[2, 3]` as people read it, or what was given instead of a shape. */
export function formatShape(shape: Shape): string {
  return Array.isArray(shape) ? `[${shape.join(", ")}]` : quote(shape);
}
