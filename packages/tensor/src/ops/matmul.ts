import type { View } from "../contract/index.ts";
import { scope } from "../core/scope.ts";
import { record } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import { broadcastShapes, formatShape, sizeOf } from "../shape.ts";
import type { Shape } from "../shape.ts";
import { expand, reshape, transpose } from "./movement.ts";
import { checkInputs, shapeError, viewAs, viewOf } from "./operands.ts";
import { sumTo } from "./reduction.ts";

/**
 * The matrix product over the last two axes, `[…, rows, inner] × […, inner, columns]`; the axes before are broadcast.
 * Transposed operands are read as they are, without a copy. Sums are in f32: where the sizes of an element's products add up
 * to more than f32 has, it may become ±∞ or NaN.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  checkInputs("matmul", [a, b]);
  const shapes = `${formatShape(a.shape)} × ${formatShape(b.shape)}`;
  if (a.rank < 2 || b.rank < 2) throw shapeError("matmul", `${shapes}: both need at least two axes`);
  const [rows, inner] = a.shape.slice(-2);
  const [others, columns] = b.shape.slice(-2);
  if (inner !== others) throw shapeError("matmul", `${shapes}: inner sizes ${inner} and ${others} differ`);
  const lead = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (!lead) throw shapeError("matmul", `${shapes}: the leading axes do not broadcast`);
  const [aShape, bShape] = [a.shape, b.shape];
  return scope(() => {
    const out = Tensor.allocate(a.backend, "f32", [...lead, rows, columns]);
    multiply(batches(a, lead), batches(b, lead), out);
    return record("matmul", [a, b], out, [a, b], ({ grad, saved: [a, b], needs }) => [
      needs(0) ? sumTo(matmul(grad, transpose(b)), aShape) : undefined,
      needs(1) ? sumTo(matmul(transpose(a), grad), bShape) : undefined,
    ]);
  });
}

/** `out = a · b`, or `out += a · b`, of matrices, off the tape; `out` is dense. */
export function multiplyInto(out: Tensor, a: Tensor, b: Tensor, accumulate = false): void {
  multiply(batches(a, []), batches(b, []), out, accumulate);
}

/** Calls the kernel for `out = a · b`, or `out += a · b`. */
function multiply(a: View, b: View, out: Tensor, accumulate = false): void {
  if (out.size === 0) return;
  const [rows, columns] = out.shape.slice(-2);
  out.backend.kernels.matmul({ a, b, out: viewAs(out, a.shape[0], rows, columns), accumulate });
}

/** Matrices as `[batch, rows, columns]`, broadcast over `lead`; copied only where the leading axes do not merge. */
function batches(x: Tensor, lead: Shape): View {
  const [rows, columns] = x.shape.slice(-2);
  const merged = reshape(expand(x.detach(), [...lead, rows, columns]), [sizeOf(lead), rows, columns]);
  return viewOf(merged, merged);
}
