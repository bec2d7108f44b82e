import type { View } from "../contract/index.ts";
import { zeros } from "../core/create.ts";
import { scope } from "../core/scope.ts";
import type { Weight } from "../core/packed-weight.ts";
import { record } from "../core/tape.ts";
import type { AnyTensor } from "../core/tensor.ts";
import { Tensor } from "../core/tensor.ts";
import type { DType } from "../dtype.ts";
import { formatShape, sameShape, sizeOf } from "../shape.ts";
import { fused } from "./fused.ts";
import { checkDType, checkInputs, checkOperands, dense, denseCopy, reorder, resolveAxis, shapeError, viewAs } from "./operands.ts";
import { weightOperand } from "./weights.ts";
import type { WeightOperand } from "./weights.ts";

/**
 * Rows of a table by id: `table` is `[entries, width]`, `ids` of any shape, the result `[…ids.shape, width]`. An id
 * outside the table throws where the backend can see it in time (cpu, wasm); elsewhere its row is NaN. A packed table has
 * no gradient.
 */
export function embedding(table: Weight, ids: Tensor<"i32">): Tensor {
  checkDType("embedding", ids, "i32");
  const operand = weightOperand("embedding", table);
  checkOperands("embedding", ...operand.tensors, ids);
  const { shape } = table;
  if (shape.length !== 2) throw shapeError("embedding", `the table is ${formatShape(shape)}, not [entries, width]`);
  const [entries, width] = shape;
  return scope(() => {
    const flat = dense(ids);
    const out = lookUp(operand, flat, width);
    return record("embedding", operand.inputs, out, [flat], ({ grad, saved: [ids], accumulator }) => {
      const existing = accumulator(0);
      const target = existing ?? Tensor.allocate(grad.backend, "f32", [entries, width]);
      const { kernels } = grad.backend;
      existing?.overwrite("embedding");
      if (!existing && target.size > 0) kernels.fill({ value: 0, out: target });
      if (grad.size > 0) {
        kernels.scatterAddRows({
          op: null,
          ids: viewAs(ids, 1, ids.size),
          grad: viewAs(dense(grad), 1, ids.size, width),
          out: viewAs(target, 1, entries, width),
        });
      }
      return [existing ? undefined : target];
    });
  });
}

/** `embedding`, off the tape. */
function lookUp(table: WeightOperand, ids: Tensor<"i32">, width: number): Tensor {
  const kernels = fused(ids.backend, "gather");
  if (!kernels) return rowsOfTable("embedding", table.elements(table.tensors), ids);
  const out = Tensor.allocate(ids.backend, "f32", [...ids.shape, width]);
  if (out.size > 0) {
    kernels.gather({
      weight: table.view(table.tensors.map(dense)),
      ids: viewAs(ids, ids.size),
      out: viewAs(out, ids.size, width),
    });
  }
  return out;
}

/** The row of a table for each id, off the tape. `op` is what was called, for messages. */
export function rowsOfTable(op: string, table: Tensor, ids: Tensor<"i32">): Tensor {
  const [entries, width] = table.shape;
  return scope(() => {
    const out = Tensor.allocate(table.backend, "f32", [...ids.shape, width]);
    if (out.size > 0) {
      out.backend.kernels.gatherRows({
        op,
        table: viewAs(dense(table), 1, entries, width),
        ids: viewAs(dense(ids), 1, ids.size),
        out: viewAs(out, 1, ids.size, width),
      });
    }
    return out;
  });
}

/**
 * Elements of `x` by their places along an axis, as `torch.gather`: of two axes, along the last one,
 * `out[i, j] = x[i, indices[i, j]]`. `indices` has the shape of `x` but for the length of the axis; the result has its shape.
 * An index outside the axis throws where the backend can see it in time (cpu, wasm); elsewhere its element is NaN.
 */
export function gather(x: Tensor, indices: Tensor<"i32">, axis: number): Tensor {
  const along = checkIndices("gather", x, indices, axis);
  return scope(() => {
    const [source, ids] = [dense(axisToEnd(x, along)), dense(axisToEnd(indices, along))];
    const found = Tensor.allocate(x.backend, "f32", ids.shape);
    const { shape } = source;
    if (found.size > 0) {
      x.backend.kernels.gatherRows({ op: "gather", table: rowsOf(source), ids: idsOf(ids), out: rowsOf(found) });
    }
    return record("gather", [x], axisFromEnd(found, along), [ids], ({ grad, saved: [ids] }) => {
      const sums = zeros(shape, { backend: grad.backend });
      if (grad.size > 0) addRows(null, sums, ids, axisToEnd(grad, along));
      return [axisFromEnd(sums, along)];
    });
  });
}

/**
 * `x` with elements added to it by their places along an axis, as `torch.scatter_add`: of two axes, along the last one,
 * `out[i, indices[i, j]] += source[i, j]`, in the order of `j`. `indices` and `source` have the shape of `x` but for the
 * length of the axis. An index outside the axis throws where the backend can see it in time (cpu, wasm); elsewhere its
 * element is dropped, and has the gradient NaN.
 */
export function scatterAdd(x: Tensor, indices: Tensor<"i32">, source: Tensor, axis: number): Tensor {
  const along = checkIndices("scatterAdd", x, indices, axis);
  checkInputs("scatterAdd", [x, source]);
  if (!sameShape(source.shape, indices.shape)) {
    throw shapeError("scatterAdd", `indices ${formatShape(indices.shape)} and source ${formatShape(source.shape)} differ`);
  }
  return scope(() => {
    const sums = denseCopy(axisToEnd(x, along));
    if (source.size > 0) addRows("scatterAdd", sums, dense(axisToEnd(indices, along)), axisToEnd(source, along));
    return record("scatterAdd", [x, source], axisFromEnd(sums, along), [indices], ({ grad, saved: [indices], needs }) => [
      grad,
      needs(1) ? gather(grad, indices, along) : undefined,
    ]);
  });
}

function checkIndices(op: string, x: Tensor, indices: Tensor<"i32">, axis: number): number {
  checkInputs(op, [x], [indices]);
  const along = resolveAxis(op, axis, x.rank);
  if (indices.rank !== x.rank || !sameShape(indices.shape.with(along, 0), x.shape.with(along, 0))) {
    throw shapeError(
      op,
      `x ${formatShape(x.shape)} and indices ${formatShape(indices.shape)} must have one shape but for axis ${axis}`,
    );
  }
  return along;
}

/** `sums[b, ids[b, i]] += source[b, i]` along the last axis. */
function addRows(op: string | null, sums: Tensor, ids: Tensor<"i32">, source: Tensor): void {
  sums.backend.kernels.scatterAddRows({ op, ids: idsOf(ids), grad: rowsOf(dense(source)), out: rowsOf(sums) });
}

/** Dense elements as rows of one each, and dense ids, for kernels: the axes before the last one are one batch. */
function rowsOf(x: Tensor): View {
  return viewAs(x, sizeOf(x.shape.slice(0, -1)), x.shape[x.rank - 1], 1);
}

function idsOf(ids: Tensor<"i32">): View<"i32"> {
  return viewAs(ids, sizeOf(ids.shape.slice(0, -1)), ids.shape[ids.rank - 1]);
}

/** Views with an axis moved to the end, and back again. */
function axisToEnd<D extends DType>(x: Tensor<D>, axis: number): Tensor<D> {
  return reorder(x, axesWithLast(x, axis));
}

function axisFromEnd(x: Tensor, axis: number): Tensor {
  const order = axesWithLast(x, axis);
  return reorder(x, order.map((_, i) => order.indexOf(i)));
}

function axesWithLast(x: AnyTensor, axis: number): number[] {
  return [...x.shape.keys()].filter((other) => other !== axis).concat(axis);
}
