import type { IndexingKernels } from "../../contract/index.ts";
import { add } from "../../ops/elementwise.ts";
import { embedding } from "../../ops/indexing.ts";
import type { ChecksOf } from "../case.ts";
import { integers, literal, numbers, unwritten } from "../inputs.ts";
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

/** A table of all kinds of numbers, each row of which is looked up once, in order. */
const everyRow = {
  table: literal(wholeRange, [wholeRange.length, 1]),
  ids: literal([...wholeRange.keys()], [wholeRange.length], "i32"),
};

export const indexingChecks = {
  gatherRows: [
    kernel({
      name: "the rows of ids outside are NaN",
      inputs: { table: numbers([4, 3]), ids: literal([-1, 2, 4], [3], "i32"), out: unwritten([3, 3]) },
      run: (kernels, views) => kernels.gatherRows(views),
      expected: ({ table }) => ({
        out: generate([3, 3], ([row, column]) => (row === 1 ? table.data[2 * 3 + column] : nan)),
      }),
      without: "indexErrors",
    }),
    ...[-1, 4, 2147483647, -2147483648].map((id) =>
      failure("index-out-of-range", {
        name: `the id ${id} in a table of 4 rows`,
        inputs: { table: numbers([4, 3]), ids: literal([0, id, 1], [3], "i32") },
        run: ({ table, ids }) => embedding(table, ids),
        needs: "indexErrors",
      }),
    ),
    ...lookups.map(values),
    range({
      name: "embedding",
      inputs: everyRow,
      run: ({ table, ids }) => embedding(table, ids),
      truths: [({ table }) => ({ value: table })],
      bound: 0,
    }),
  ],
  scatterAddRows: [
    kernel({
      name: "adds to what is there",
      inputs: {
        ids: integers([40], 0, 5, "offset"),
        grad: numbers([40, 7], { layout: "offset" }),
        out: numbers([5, 7], { layout: "offset" }),
      },
      run: (kernels, views) => kernels.scatterAddRows(views),
      expected: ({ ids, grad, out }) => ({ out: reference.scatterAddRows(ids, grad, out) }),
    }),
    kernel({
      name: "drops rows of ids outside",
      inputs: {
        ids: literal([-1, 2, 4, 2147483647, -2147483648, 0], [6], "i32"),
        grad: numbers([6, 3]),
        out: literal([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3], [4, 3]),
      },
      run: (kernels, views) => kernels.scatterAddRows(views),
      expected: ({ ids, grad, out }) => ({ out: reference.scatterAddRows(ids, grad, out) }),
    }),
    ...lookups.map(gradients),
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
