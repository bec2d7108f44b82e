import type { Dense, GroupedKernels, MatmulKernels, WeightKernels } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import { denseStrides } from "../../../shape.ts";
import type { Shape } from "../../../shape.ts";
import { matrixOf } from "../../../weight-matrices.ts";
import type { Engine } from "../runtime/engine.ts";
import { checkIds } from "./indexing.ts";

const noEpilogue = { bias: null, activation: null, preactivation: null, residual: null } as const;

/** Products with the rows of one layer after the other, which are brought together before. */
export function grouped(engine: Engine, { linear, linearGradient }: WeightKernels, { matmul }: MatmulKernels): GroupedKernels {
  return {
    groupedLinear({ x, weight, bias, ids, out }) {
      const [layers] = weight.shape;
      checkIds(engine, "groupedLinear", ids, layers);
      const groups = groupsOf(engine.elements(ids), layers);
      throughGroups(engine, groups, x, out, (layer, x, out) => {
        const own = bias && viewAt(bias, layer * bias.shape[1], [bias.shape[1]]);
        linear({ ...noEpilogue, x, weight: matrixOf(weight, layer), bias: own, out });
      });
    },

    groupedLinearGradient({ grad, weight, ids, out }) {
      const groups = groupsOf(engine.elements(ids), weight.shape[0]);
      throughGroups(engine, groups, grad, out, (layer, grad, out) => {
        linearGradient({ grad, weight: matrixOf(weight, layer), out });
      });
    },

    groupedLinearWeightGradient({ grad, x, ids, gradWeight, gradBias }) {
      const [layers, outputs, inputs] = gradWeight.shape;
      const groups = groupsOf(engine.elements(ids), layers);
      inOrder(engine, groups.order, grad, (grads) => inOrder(engine, groups.order, x, (xs) => {
        forEachGroup(groups, (layer, start, count) => {
          const [g, values] = [rowsOf(grads, start, count), rowsOf(xs, start, count)];
          matmul({
            a: { ...g, shape: [1, outputs, count], strides: [0, 1, outputs] },
            b: { ...values, shape: [1, count, inputs], strides: [0, inputs, 1] },
            out: viewAt(gradWeight, layer * outputs * inputs, [1, outputs, inputs]),
            accumulate: true,
          });
          if (!gradBias) return;
          const [from, to] = [engine.address(g), engine.address(gradBias) + layer * outputs * bytesPerElement];
          for (let i = 0; i < count; i++) engine.wasm.add(to, from + i * outputs * bytesPerElement, to, outputs);
        });
      }));
    },
  };
}

/** The rows of each layer. */
interface Groups {
  /** All rows, those of a layer one behind the other. */
  readonly order: Int32Array;
  /** Where in it the rows of each layer begin, and the end. */
  readonly starts: Int32Array;
}

function groupsOf(ids: Int32Array, layers: number): Groups {
  const starts = new Int32Array(layers + 1);
  for (const id of ids) starts[id + 1]++;
  for (let layer = 0; layer < layers; layer++) starts[layer + 1] += starts[layer];
  const next = starts.slice();
  const order = new Int32Array(ids.length);
  ids.forEach((id, row) => (order[next[id]++] = row));
  return { order, starts };
}

function forEachGroup({ starts }: Groups, visit: (layer: number, start: number, count: number) => void): void {
  for (let layer = 0; layer + 1 < starts.length; layer++) {
    const count = starts[layer + 1] - starts[layer];
    if (count > 0) visit(layer, starts[layer], count);
  }
}

/** Computes rows of `to` from those of `from`, layer by layer. */
function throughGroups(
  engine: Engine, groups: Groups, from: Dense, to: Dense, apply: (layer: number, from: Dense, to: Dense) => void,
): void {
  const { order } = groups;
  const applyAll = (from: Dense, to: Dense): void => forEachGroup(groups, (layer, start, count) => {
    apply(layer, rowsOf(from, start, count), rowsOf(to, start, count));
  });
  if (isInOrder(order)) {
    applyAll(from, to);
    return;
  }
  inOrder(engine, order, from, (ordered) => withDense(engine, to.shape, (results) => {
    applyAll(ordered, results);
    const places = new Int32Array(order.length);
    order.forEach((row, place) => (places[row] = place));
    gather(engine, results, places, to);
  }));
}

/** Lends `use` the rows in another order. */
function inOrder(engine: Engine, order: Int32Array, x: Dense, use: (ordered: Dense) => void): void {
  if (isInOrder(order)) {
    use(x);
    return;
  }
  withDense(engine, x.shape, (ordered) => {
    gather(engine, x, order, ordered);
    use(ordered);
  });
}

function isInOrder(order: Int32Array): boolean {
  return order.every((row, place) => row === place);
}

/** `to[i] = from[rows[i]]`. */
function gather(engine: Engine, from: Dense, rows: Int32Array, to: Dense): void {
  const [count, width] = from.shape;
  engine.withScratch(rows.byteLength, (numbers) => {
    engine.elements({ buffer: numbers, offset: 0, dtype: "i32", shape: [count], strides: [1] }).set(rows);
    engine.divide(count, { time: width * 0.5 }, (start, some) => [
      "gatherRows", engine.address(from), count, width, numbers, count, start, some, engine.address(to),
    ]);
  });
}

/** Lends `use` memory for elements of a shape. */
function withDense(engine: Engine, shape: Shape, use: (view: Dense) => void): void {
  const bytes = shape.reduce((size, length) => size * length, bytesPerElement);
  engine.withScratch(bytes, (buffer) => use({ buffer, offset: 0, dtype: "f32", shape, strides: denseStrides(shape) }));
}

/** Some rows of a matrix. */
function rowsOf(x: Dense, start: number, count: number): Dense {
  return viewAt(x, start * x.shape[1], [count, x.shape[1]]);
}

function viewAt({ buffer, dtype, offset }: Dense, start: number, shape: Shape): Dense {
  return { buffer, dtype, offset: offset + start, shape, strides: denseStrides(shape) };
}
