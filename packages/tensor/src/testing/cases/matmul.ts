import type { MatmulKernels } from "../../contract/index.ts";
import { matmul } from "../../ops/matmul.ts";
import type { Shape } from "../../shape.ts";
import type { ChecksOf } from "../case.ts";
import { literal, numbers, unwritten } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";
import type { OpCase } from "../op-case.ts";
import { gradients, op, values } from "../op-case.ts";
import { array, combine } from "../reference/array.ts";
import * as reference from "../reference/matmul.ts";
import { kernel } from "../write-case.ts";
import { matmulRange } from "./matmul-range.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** Operands of `matmul`: plain and odd sizes, batches that broadcast, layouts, nothing. */
const products: readonly (readonly [a: Shape, LayoutKind, b: Shape, LayoutKind])[] = [
  [[1, 1], "dense", [1, 1], "offset"],
  [[3, 4], "dense", [4, 5], "dense"],
  [[7, 9], "transposed", [9, 6], "offset"],
  [[5, 8], "offset", [8, 7], "transposed"],
  [[4, 3], "transposed", [3, 4], "transposed"],
  [[1, 17], "gapped", [17, 33], "gapped"],
  [[33, 1], "dense", [1, 19], "stepped"],
  [[2, 3, 4], "dense", [2, 4, 5], "transposed"],
  [[2, 3, 4], "gapped", [4, 5], "dense"],
  [[3, 4], "transposed", [2, 4, 5], "gapped"],
  [[2, 1, 3, 4], "dense", [5, 4, 2], "dense"],
  [[2, 3, 2, 4], "stepped", [1, 3, 4, 2], "transposed"],
  [[3, 0], "dense", [0, 2], "dense"],
  [[0, 3], "dense", [3, 2], "dense"],
  [[2, 3], "dense", [3, 0], "dense"],
  [[0, 2, 3], "dense", [3, 4], "dense"],
  [[64, 64], "dense", [64, 64], "dense"],
  [[129, 257], "dense", [257, 65], "dense"],
  [[65, 131], "transposed", [131, 67], "transposed"],
  // Many matrices: enough for tiles of all sizes to be worth it.
  [[128, 65, 5], "dense", [128, 5, 66], "transposed"],
  [[128, 68, 8], "dense", [128, 8, 72], "dense"],
  [[128, 36, 20], "dense", [128, 20, 44], "transposed"],
];

const productCases = products.map(([aShape, aLayout, bShape, bLayout]) =>
  op({
    name: `[${aShape.join(", ")}] ${aLayout} × [${bShape.join(", ")}] ${bLayout}`,
    inputs: { a: numbers(aShape, { layout: aLayout }), b: numbers(bShape, { layout: bLayout }) },
    run: ({ a, b }) => matmul(a, b),
    reference: ({ a, b }) => reference.matmul(a, b),
  }),
);

/** Larger than any cache level's block in all directions. */
const large = op({
  name: "[300, 1030] × [1030, 70]",
  inputs: { a: numbers([300, 1030]), b: numbers([1030, 70], { layout: "offset" }) },
  run: ({ a, b }) => matmul(a, b),
  reference: ({ a, b }) => reference.matmul(a, b),
});

/** A tensor that meets itself: its gradient has two parts. */
const squared = op({
  name: "x · x",
  inputs: { x: numbers([5, 5], { layout: "transposed" }) },
  run: ({ x }) => matmul(x, x),
  reference: ({ x }) => reference.matmul(x, x),
});

const accumulations = ([[2, 5, 7, 6], [1, 33, 1, 17], [1, 65, 130, 19], [2, 3, 0, 4]] as const).map(
  ([batch, rows, inner, columns]) =>
    kernel({
      name: `adds ${batch} × [${rows}, ${inner}] × [${inner}, ${columns}] to what is there`,
      inputs: {
        a: numbers([batch, rows, inner], { layout: "transposed" }),
        b: numbers([batch, inner, columns], { layout: "gapped" }),
        out: numbers([batch, rows, columns], { layout: "offset" }),
      },
      run: (kernels, views) => kernels.matmul({ ...views, accumulate: true }),
      expected: ({ a, b, out }) => ({ out: combine((x, y) => x + y, out, reference.matmul(a, b)) }),
    }),
);

/** Only its own row and column may be touched by a NaN or an infinity. */
const contained = (name: string, value: number, needs?: "nan") =>
  kernel({
    name: `${name} stays in its row and column`,
    inputs: {
      a: literal([1, 2, 3, 4, value, 6, 7, 8, 9], [1, 3, 3]),
      b: literal([1, 1, 1, 2, 2, 2, 3, 3, 3], [1, 3, 3]),
      out: unwritten([1, 3, 3]),
    },
    run: (kernels, views) => kernels.matmul({ ...views, accumulate: false }),
    expected: () => ({ out: array([1, 3, 3], [14, 14, 14, value, value, value, 50, 50, 50]) }),
    needs,
  });

const all: readonly OpCase[] = [...productCases, squared];

export const matmulChecks = {
  matmul: [
    kernel({
      name: "one matrix for the whole batch, by a stride of 0",
      inputs: { a: numbers([3, 4, 5]), b: numbers([5, 6], { layout: "transposed" }), out: unwritten([3, 4, 6]) },
      run: (kernels, { a, b, out }) =>
        kernels.matmul({ a, b: { ...b, shape: [3, 5, 6], strides: [0, ...b.strides] }, out, accumulate: false }),
      expected: ({ a, b }) => ({ out: reference.matmul(a, b) }),
    }),
    contained("an infinity", inf),
    contained("NaN", nan, "nan"),
    ...accumulations,
    ...all.flatMap((subject) => [values(subject), gradients(subject)]),
    values(large),
    ...matmulRange,
  ],
} satisfies ChecksOf<MatmulKernels>;
