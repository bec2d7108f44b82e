import type { IndexingKernels } from "../../contract/index.ts";
import { add } from "../../ops/elementwise.ts";
import { embedding, gather, scatterAdd } from "../../ops/indexing.ts";
import type { Shape } from "../../shape.ts";
import type { Check, ChecksOf } from "../case.ts";
import { integers, literal, numbers, unwritten } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";
import type { OpCase } from "../op-case.ts";
import { failure, gradients, op, values } from "../op-case.ts";
import { combine, generate } from "../reference/array.ts";
import * as reference from "../reference/indexing.ts";
import { range, rangeGradient, wholeRange } from "../whole-range.ts";
import { kernel } from "../write-case.ts";

const { NaN: nan } = Number;

const lookups: readonly OpCase[] = [
  op({
    name: "ids with repetitions",
    inputs: { table: numbers([5, 3]), ids: integers([2, 6], 0, 5) },
    run: ({ table, ids }) => embedding(table, ids),
    reference: ({ table, ids }) => reference.embedding(table, ids),
    tolerance: 0,
  }),
  op({
    name: "a strided table and strided ids",
    inputs: { table: numbers([7, 9], { layout: "transposed" }), ids: integers([3, 4], 0, 7, "transposed") },
    run: ({ table, ids }) => embedding(table, ids),
    reference: ({ table, ids }) => reference.embedding(table, ids),
    tolerance: 0,
  }),
  op({
    name: "a single id",
    inputs: { table: numbers([4, 5], { layout: "offset" }), ids: integers([], 0, 4) },
    run: ({ table, ids }) => embedding(table, ids),
    reference: ({ table, ids }) => reference.embedding(table, ids),
    tolerance: 0,
  }),
  op({
    name: "no ids",
    inputs: { table: numbers([4, 5]), ids: integers([0], 0, 4) },
    run: ({ table, ids }) => embedding(table, ids),
    reference: ({ table, ids }) => reference.embedding(table, ids),
    tolerance: 0,
  }),
  op({
    name: "wide rows",
    inputs: { table: numbers([6, 1031], { layout: "offset" }), ids: literal([4, 0, 5, 4, 1], [5], "i32") },
    run: ({ table, ids }) => embedding(table, ids),
    reference: ({ table, ids }) => reference.embedding(table, ids),
    tolerance: 0,
  }),
  op({
    name: "1000 ids in a table of 257 rows",
    inputs: { table: numbers([257, 65]), ids: integers([1000], 0, 257, "offset") },
    run: ({ table, ids }) => embedding(table, ids),
    reference: ({ table, ids }) => reference.embedding(table, ids),
    tolerance: 0,
  }),
];

const twoLookups = op({
  name: "two lookups in one table",
  inputs: { table: numbers([6, 4]), first: integers([5], 0, 6), second: integers([5], 0, 6) },
  run: ({ table, first, second }) => add(embedding(table, first), embedding(table, second)),
  reference: ({ table, first, second }) =>
    combine((a, b) => a + b, reference.embedding(table, first), reference.embedding(table, second)),
});

/** Shapes of what is gathered from, how many elements along which axis, and how both lie. */
const alongAxes = [
  [[7], 4, 0, "stepped"], [[3, 5], 2, 1, "transposed"], [[3, 5], 6, 0, "gapped"], [[2, 3, 4], 5, -2, "offset"], [[4, 1], 3, 1, "dense"],
  [[2, 3, 0], 2, 0, "dense"], [[2, 3], 0, 1, "dense"], [[300, 33], 5, -1, "offset"],
] as const satisfies readonly (readonly [Shape, number, number, LayoutKind])[];

const gathers = alongAxes.map(([shape, count, axis, layout]) => {
  const along = axis < 0 ? axis + shape.length : axis;
  return op({
    name: `gather ${count} along ${axis} of [${shape.join(", ")}], ${layout}`,
    inputs: { x: numbers(shape, { layout }), indices: integers((shape as Shape).with(along, count), 0, (shape as Shape)[along], layout) },
    run: ({ x, indices }) => gather(x, indices, axis),
    reference: ({ x, indices }) => reference.gather(x, indices, along),
    tolerance: 0,
  });
});

const scatters = alongAxes.map(([shape, count, axis, layout]) => {
  const along = axis < 0 ? axis + shape.length : axis;
  const taken = (shape as Shape).with(along, count);
  return op({
    name: `scatterAdd ${count} along ${axis} of [${shape.join(", ")}], ${layout}`,
    inputs: {
      x: numbers(shape, { layout }),
      indices: integers(taken, 0, (shape as Shape)[along], layout),
      source: numbers(taken, { layout }),
    },
    run: ({ x, indices, source }) => scatterAdd(x, indices, source, axis),
    reference: ({ x, indices, source }) => reference.scatterAdd(x, indices, source, along),
  });
});

/** A table of all kinds of numbers, each row of which is looked up once, in order. */
const everyRow = {
  table: literal(wholeRange, [wholeRange.length, 1]),
  ids: literal([...wholeRange.keys()], [wholeRange.length], "i32"),
};

/** `embedding` of a table of f32. */
export const floatLookups: readonly Check[] = [
  ...lookups.map(values),
  range({
    name: "embedding",
    inputs: everyRow,
    run: ({ table, ids }) => embedding(table, ids),
    truths: [({ table }) => ({ value: table })],
    bound: 0,
  }),
];

export const indexingChecks = {
  gatherRows: [
    kernel({
      name: "the rows of ids outside are NaN",
      inputs: { table: numbers([2, 4, 3]), ids: literal([-1, 2, 4, 0, 5, 3], [2, 3], "i32"), out: unwritten([2, 3, 3]) },
      run: (kernels, views) => kernels.gatherRows({ ...views, op: "gather" }),
      expected: ({ table, ids }) => ({
        out: generate([2, 3, 3], ([batch, i, column]) => {
          const id = ids.data[batch * 3 + i];
          return id >= 0 && id < 4 ? table.data[(batch * 4 + id) * 3 + column] : nan;
        }),
      }),
      without: "indexErrors",
    }),
    ...[-1, 4, 2147483647, -2147483648].map((id) =>
      failure("index-out-of-range", {
        name: `the id ${id} in a table of 4 rows`,
        message: `gather: id ${id} at position 1`,
        inputs: { x: numbers([4]), indices: literal([0, id, 1], [3], "i32") },
        run: ({ x, indices }) => gather(x, indices, 0),
        needs: "indexErrors",
      }),
    ),
    ...[-1, 3].map((id) =>
      failure("index-out-of-range", {
        name: `gather with the index ${id} along an axis of 3`,
        message: `gather: id ${id} at position 3`,
        inputs: { x: numbers([2, 3]), indices: literal([0, 2, 1, id], [2, 2], "i32") },
        run: ({ x, indices }) => gather(x, indices, 1),
        needs: "indexErrors",
      }),
    ),
    ...gathers.map(values),
  ],
  scatterAddRows: [
    kernel({
      name: "adds to what is there",
      inputs: {
        ids: integers([3, 40], 0, 5, "offset"),
        grad: numbers([3, 40, 7], { layout: "offset" }),
        out: numbers([3, 5, 7], { layout: "offset" }),
      },
      run: (kernels, views) => kernels.scatterAddRows({ ...views, op: null }),
      expected: ({ ids, grad, out }) => ({ out: reference.scatterAddRows(ids, grad, out) }),
    }),
    kernel({
      name: "drops rows of ids outside",
      inputs: {
        ids: literal([-1, 2, 4, 2147483647, -2147483648, 0, 0, -1, 4, 3, 3, 5], [2, 6], "i32"),
        grad: numbers([2, 6, 3]),
        out: numbers([2, 4, 3]),
      },
      run: (kernels, views) => kernels.scatterAddRows({ ...views, op: null }),
      expected: ({ ids, grad, out }) => ({ out: reference.scatterAddRows(ids, grad, out) }),
    }),
    ...[-1, 3].map((id) =>
      failure("index-out-of-range", {
        name: `scatterAdd with the index ${id} along an axis of 3`,
        message: `scatterAdd: id ${id} at position 1`,
        inputs: { x: numbers([3, 2]), indices: literal([0, 2, id, 1], [2, 2], "i32"), source: numbers([2, 2]) },
        run: ({ x, indices, source }) => scatterAdd(x, indices, source, 0),
        needs: "indexErrors",
      }),
    ),
    ...scatters.map(values),
    ...[...lookups, ...gathers, ...scatters].map(gradients),
    rangeGradient({
      name: "embedding",
      inputs: { ...everyRow, grad: everyRow.table },
      run: ({ table, ids }) => embedding(table, ids),
      truths: { table: [({ grad }) => ({ value: grad })] },
      bound: 0,
    }),
    values(twoLookups),
    gradients(twoLookups),
  ],
} satisfies ChecksOf<IndexingKernels>;
