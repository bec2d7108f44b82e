import { argumentError, check, checkList } from "../arguments.ts";
import { scope } from "../core/scope.ts";
import { record } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import type { AnyTensor } from "../core/tensor.ts";
import type { View } from "../contract/index.ts";
import type { DType } from "../dtype.ts";
import { TensorError } from "../errors.ts";
import { dtypeName } from "../expectations.ts";
import { broadcastShapes, denseStrides, formatShape, reshapeStrides, sameShape, sizeOf } from "../shape.ts";
import type { Shape } from "../shape.ts";
import { broadcastView, checkOperands, denseCopy, reorder, resolveAxis, shapeError, viewOf } from "./operands.ts";
import { sumTo } from "./reduction.ts";

/** The same values in another shape; one size may be −1, to be found from the others. A view where possible. */
export function reshape<D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D> {
  checkOperands("reshape", x);
  const target = inferShape(x, shape);
  const from = x.shape;
  const strides = reshapeStrides(x.shape, x.strides, target);
  const source = strides ? x : denseCopy(x);
  const out = source.view({ shape: target, strides: strides ?? denseStrides(target), offset: source.offset });
  if (source !== x) source.dispose();
  return recordView("reshape", x, out, (grad) => reshape(grad, from));
}

/** The axes in another order: axis `i` of the result is axis `axes[i]` of `x`. A view. */
export function permute<D extends DType>(x: Tensor<D>, axes: readonly number[]): Tensor<D> {
  checkOperands("permute", x);
  checkList("permute", "axes", axes);
  return permuteFor("permute", x, axes);
}

function permuteFor<D extends DType>(op: string, x: Tensor<D>, axes: readonly number[]): Tensor<D> {
  const order = axes.map((axis) => resolveAxis(op, axis, x.rank));
  if (order.length !== x.rank || new Set(order).size !== x.rank) {
    throw argumentError(op, `[${axes.join(", ")}] does not name each of the ${x.rank} axes once`);
  }
  const out = reorder(x, order);
  const inverse = order.map((_, axis) => order.indexOf(axis));
  return recordView(op, x, out, (grad) => permute(grad, inverse));
}

/** Two axes exchanged, by default the last two. A view. */
export function transpose<D extends DType>(x: Tensor<D>, first = -2, second = -1): Tensor<D> {
  checkOperands("transpose", x);
  const axes = x.shape.map((_, axis) => axis);
  const [a, b] = [resolveAxis("transpose", first, x.rank), resolveAxis("transpose", second, x.rank)];
  [axes[a], axes[b]] = [axes[b], axes[a]];
  return permuteFor("transpose", x, axes);
}

/** The values repeated along axes of size 1, or along new axes in front, without copying them. A view. */
export function expand<D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D> {
  checkOperands("expand", x);
  checkList("expand", "shape", shape);
  const target = broadcastShapes(x.shape, shape);
  if (!target || !sameShape(target, shape)) {
    throw shapeError("expand", `${formatShape(x.shape)} does not expand to ${formatShape(shape)}`);
  }
  const from = x.shape;
  const out = x.view(broadcastView(x, target));
  return recordView("expand", x, out, (grad) => sumTo(grad, from));
}

/** Elements `start` to `end` (exclusive; negative from the end) along an axis. A view. */
export function slice<D extends DType>(x: Tensor<D>, axis: number, start: number, end?: number): Tensor<D> {
  checkOperands("slice", x);
  const along = resolveAxis("slice", axis, x.rank);
  const length = x.shape[along];
  const resolve = (index: number): number => (index < 0 ? index + length : index);
  const [from, to] = [resolve(start), resolve(end ?? length)];
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || from > to || to > length) {
    throw argumentError("slice", `${start} to ${end ?? length} is not within axis ${axis} of ${formatShape(x.shape)}`);
  }
  const shape = x.shape.with(along, to - from);
  const out = x.view({ shape, strides: x.strides, offset: x.offset + from * x.strides[along] });
  const full = x.shape;
  return recordView("slice", x, out, (grad) => {
    const whole = Tensor.allocate(grad.backend, "f32", full);
    const { kernels } = whole.backend;
    if (whole.size > 0) kernels.fill({ value: 0, out: whole });
    if (grad.size > 0) kernels.copy({ x: grad, out: part(whole, along, from, to) });
    return whole;
  });
}

/** Tensors joined along an existing axis; all other sizes are equal. */
export function concat<D extends DType>(tensors: readonly Tensor<D>[], axis: number): Tensor<D> {
  checkList("concat", "tensors", tensors);
  if (tensors.length === 0) throw argumentError("concat", "there are no tensors to join");
  checkOperands("concat", ...tensors);
  const [first] = tensors;
  const along = resolveAxis("concat", axis, first.rank);
  for (const tensor of tensors) {
    if (tensor.rank !== first.rank || !sameShape(tensor.shape.with(along, 0), first.shape.with(along, 0))) {
      throw shapeError(
        "concat",
        `${formatShape(first.shape)} and ${formatShape(tensor.shape)} differ in more than axis ${axis}`,
      );
    }
    if (tensor.dtype !== first.dtype) throw new TensorError("invalid-dtype", "concat: dtypes differ");
  }
  const total = tensors.reduce((length, tensor) => length + tensor.shape[along], 0);
  const out = Tensor.allocate(first.backend, first.dtype, first.shape.with(along, total));
  const bounds: [number, number][] = [];
  let start = 0;
  for (const tensor of tensors) {
    const end = start + tensor.shape[along];
    if (tensor.size > 0) out.backend.kernels.copy({ x: tensor, out: part(out, along, start, end) });
    bounds.push([start, end]);
    start = end;
  }
  if (isFloat(out)) {
    record("concat", tensors, out, [], ({ grad }) => bounds.map(([from, to]) => slice(grad, along, from, to)));
  }
  return out;
}

/**
 * Parts of a tensor along an axis, one behind the other, as `torch.split`: of the given sizes, or all of one size but for the
 * last one, which may be smaller. Views.
 *
 * ```ts
 * const [gate, up] = split(x, [h, h], -1);
 * ```
 */
export function split<D extends DType>(x: Tensor<D>, sizes: number | readonly number[], axis: number): Tensor<D>[] {
  checkOperands("split", x);
  const length = x.shape[resolveAxis("split", axis, x.rank)];
  if (typeof sizes !== "number") checkList("split", "sizes", sizes);
  const all = typeof sizes === "number" ? equalSizes(length, sizes) : sizes;
  const total = all.reduce((sum, size) => sum + size, 0);
  if (total !== length || !all.every((size) => Number.isInteger(size) && size >= 0)) {
    throw argumentError("split", `the sizes [${all.join(", ")}] do not cover axis ${axis} of ${formatShape(x.shape)}`);
  }
  let end = 0;
  return all.map((size) => slice(x, axis, end, (end += size)));
}

function equalSizes(length: number, size: number): number[] {
  if (!Number.isInteger(size) || size < 1) throw argumentError("split", `the size ${size} must be a whole number from 1`);
  return Array.from({ length: Math.ceil(length / size) }, (_, i) => Math.min(size, length - i * size));
}

/** Tensors of one shape, joined along a new axis. */
export function stack<D extends DType>(tensors: readonly Tensor<D>[], axis: number): Tensor<D> {
  checkList("stack", "tensors", tensors);
  if (tensors.length === 0) throw argumentError("stack", "there are no tensors to join");
  checkOperands("stack", ...tensors);
  const [{ shape, rank, dtype }] = tensors;
  const along = resolveAxis("stack", axis, rank + 1);
  for (const tensor of tensors) {
    if (!sameShape(tensor.shape, shape)) {
      throw shapeError("stack", `${formatShape(shape)} and ${formatShape(tensor.shape)} differ`);
    }
    if (tensor.dtype !== dtype) throw new TensorError("invalid-dtype", "stack: dtypes differ");
  }
  return scope(() => concat(tensors.map((tensor) => reshape(tensor, shape.toSpliced(along, 0, 1))), along));
}

/** The values row-major without gaps: `x` itself where they lie so, else a copy. */
export function contiguous<D extends DType>(x: Tensor<D>): Tensor<D> {
  checkOperands("contiguous", x);
  if (x.isDense) return x;
  return recordView("contiguous", x, denseCopy(x), (grad) => grad);
}

/**
 * The values as another dtype. f32 → i32 truncates; what is beyond i32 becomes its nearest number, and NaN 0. The result
 * has no gradient.
 */
export function cast<D extends DType>(x: AnyTensor, dtype: D): Tensor<D> {
  checkOperands("cast", x);
  check("cast", "dtype", dtype, dtypeName);
  const out = Tensor.allocate(x.backend, dtype, x.shape);
  if (out.size > 0) out.backend.kernels.copy({ x, out });
  return out;
}

/**
 * Overwrites `target` with the values of `source`, of the same shape, in place. Both may be views of one tensor. Not
 * differentiable: throws `overwritten` where `target` is a result of an op through which a gradient flows.
 */
export function copyInto<D extends DType>(target: Tensor<D>, source: Tensor<D>): void {
  checkOperands("copyInto", target, source);
  if (!sameShape(target.shape, source.shape)) {
    throw shapeError("copyInto", `the target is ${formatShape(target.shape)}, the source ${formatShape(source.shape)}`);
  }
  if (target.dtype !== source.dtype) throw new TensorError("invalid-dtype", "copyInto: dtypes differ");
  if (target.size > 0 && target.shape.some((length, axis) => length > 1 && target.strides[axis] === 0)) {
    throw argumentError("copyInto", "the target was expanded: several of its elements share one place in memory");
  }
  target.overwrite("copyInto");
  scope(() => {
    // The kernel's operands do not overlap.
    const x = source.storage === target.storage ? denseCopy(source) : source;
    if (target.size > 0) target.backend.kernels.copy({ x, out: target });
  });
}

function isFloat(x: AnyTensor): x is Tensor {
  return x.dtype === "f32";
}

function recordView<D extends DType>(
  op: string,
  x: Tensor<D>,
  out: Tensor<D>,
  gradient: (grad: Tensor) => Tensor,
): Tensor<D> {
  if (isFloat(out)) record(op, [x], out, [], ({ grad }) => [gradient(grad)]);
  return out;
}

/** A window of `x` along one axis, for kernels. */
function part<D extends DType>(x: Tensor<D>, axis: number, start: number, end: number): View<D> {
  const { strides } = x;
  return viewOf(x, { shape: x.shape.with(axis, end - start), strides, offset: x.offset + start * strides[axis] });
}

function inferShape(x: AnyTensor, shape: Shape): Shape {
  checkList("reshape", "shape", shape);
  const unknown = shape.indexOf(-1);
  const known = sizeOf(shape.filter((size) => size !== -1));
  const inferred = unknown >= 0 && known > 0 ? shape.with(unknown, x.size / known) : shape;
  if (sizeOf(inferred) !== x.size || inferred.some((size) => !Number.isSafeInteger(size) || size < 0)) {
    throw shapeError(
      "reshape",
      `${formatShape(x.shape)} has ${x.size} elements, which do not fit ${formatShape(shape)}`,
    );
  }
  return inferred;
}
