import { argumentError } from "../arguments.ts";
import type { View } from "../contract/index.ts";
import type { Layout, AnyTensor } from "../core/tensor.ts";
import { Tensor } from "../core/tensor.ts";
import type { DType } from "../dtype.ts";
import { TensorError } from "../errors.ts";
import { quote } from "@gpt/common";
import { broadcastStrides, denseStrides, formatShape } from "../shape.ts";
import type { Shape } from "../shape.ts";

/** Refuses operands that are no tensors, that were freed, or that live on different backends. */
export function checkOperands(op: string, ...operands: readonly AnyTensor[]): void {
  const [first] = operands;
  for (const operand of operands) {
    checkTensor(op, operand);
    if (operand.backend !== first.backend) {
      throw new TensorError(
        "backend-mismatch",
        `${op}: one operand is on the backend ${first.backend.name}, another on ${operand.backend.name}` +
          (first.backend.name === operand.backend.name ? " (two instances)" : "") +
          "; create both on the same one",
      );
    }
  }
}

export function checkTensor(op: string, x: AnyTensor): void {
  if (!(x instanceof Tensor)) throw argumentError(op, `expected a tensor, got ${quote(x)}; make one with tensor(…)`);
  x.checkAlive(op);
}

/** Refuses operands that are no tensors, that were freed, or that have another dtype. */
export function checkDType<D extends DType>(op: string, x: AnyTensor, dtype: D): asserts x is Tensor<D> {
  checkTensor(op, x);
  if (x.dtype !== dtype) {
    throw new TensorError(
      "invalid-dtype",
      `${op}: expected ${dtype}, got ${x.dtype} ${formatShape(x.shape)}; convert it with cast(x, "${dtype}")`,
    );
  }
}

/** Refuses what is not f32 among the first ones, or i32 among the others, and tensors of different backends. */
export function checkInputs(op: string, floats: readonly AnyTensor[], integers: readonly AnyTensor[] = []): void {
  for (const x of floats) checkDType(op, x, "f32");
  for (const x of integers) checkDType(op, x, "i32");
  checkOperands(op, ...floats, ...integers);
}

export function shapeError(op: string, problem: string): TensorError {
  return new TensorError("invalid-shape", `${op}: ${problem}`);
}

/** A negative axis counts from the end. */
export function resolveAxis(op: string, axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) {
    throw argumentError(op, `axis ${axis} does not exist in a tensor of ${rank} axes`);
  }
  return resolved;
}

/** A window of a tensor for a kernel. It is no handle: it owns nothing and lives for one call. */
export function viewOf<D extends DType>(x: Tensor<D>, { shape, strides, offset }: Layout): View<D> {
  return { buffer: x.buffer, dtype: x.dtype, shape, strides, offset };
}

/** A dense tensor seen in another shape of the same size. */
export function viewAs<D extends DType>(x: Tensor<D>, ...shape: Shape): View<D> {
  return viewOf(x, { shape, strides: denseStrides(shape), offset: x.offset });
}

/** A tensor seen in a shape to which it broadcasts. */
export function broadcastView<D extends DType>(x: Tensor<D>, shape: Shape): View<D> {
  return viewOf(x, { shape, strides: broadcastStrides(x.shape, x.strides, shape), offset: x.offset });
}

/** The tensor itself where it is dense, else a dense copy that belongs to the running scope, off the tape. */
export function dense<D extends DType>(x: Tensor<D>): Tensor<D> {
  return x.isDense ? x : denseCopy(x);
}

/** A view of the values with axes in another order, off the tape: axis `i` is axis `order[i]` of `x`. */
export function reorder<D extends DType>(x: Tensor<D>, order: readonly number[]): Tensor<D> {
  const pick = (values: readonly number[]): number[] => order.map((axis) => values[axis]);
  return x.view({ shape: pick(x.shape), strides: pick(x.strides), offset: x.offset });
}

/** Zeros in the shape of `x`, off the tape. */
export function zerosLike(x: Tensor): Tensor {
  const out = x.allocateLike();
  if (out.size > 0) out.backend.kernels.fill({ value: 0, out });
  return out;
}

/** A dense copy, off the tape. */
export function denseCopy<D extends DType>(x: Tensor<D>): Tensor<D> {
  const out = Tensor.allocate(x.backend, x.dtype, x.shape);
  if (out.size > 0) out.backend.kernels.copy({ x, out });
  return out;
}
