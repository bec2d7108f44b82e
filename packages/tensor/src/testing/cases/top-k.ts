import type { TopKKernels } from "../../contract/index.ts";
import { cast } from "../../ops/movement.ts";
import { add, mul } from "../../ops/elementwise.ts";
import { topK } from "../../ops/top-k.ts";
import type { Shape } from "../../shape.ts";
import type { ChecksOf } from "../case.ts";
import type { Input } from "../inputs.ts";
import { integers, literal, numbers, unwritten } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";
import type { OpCase } from "../op-case.ts";
import { failure, gradients, op, values } from "../op-case.ts";
import type { NdArray } from "../reference/array.ts";
import { gather } from "../reference/indexing.ts";
import { topK as reference } from "../reference/top-k.ts";
import { range, wholeRange } from "../whole-range.ts";
import { kernel } from "../write-case.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const shapes: readonly (readonly [Shape, number, LayoutKind])[] = [
  [[1], 1, "offset"], [[7], 3, "stepped"], [[3, 5], 5, "transposed"], [[2, 3, 4], 2, "gapped"], [[0, 3], 2, "dense"],
  [[5, 32], 4, "offset"], [[3, 1030], 7, "dense"], [[300, 17], 2, "offset"],
];

const indicesOf = (name: string, x: Input<"f32">, k: number, needs?: "nan"): OpCase =>
  op({
    name,
    inputs: { x },
    needs,
    run: ({ x }) => topK(x, k).indices,
    reference: ({ x }) => reference(x, k),
    tolerance: 0,
  });

/** Of equal elements the first ones; of −∞ those that were not taken. */
const ties: readonly OpCase[] = [
  indicesOf("whole numbers, many of them equal", integers([40, 9], -2, 3, "offset", "f32"), 6),
  indicesOf("±0 are equal", literal([0, -0, 0, -1, -0, 0], [2, 3]), 3),
  indicesOf("nothing but −∞", literal([-inf, -inf, -inf, -inf, 1, -inf], [2, 3]), 3),
  indicesOf("infinities", literal([1, inf, -inf, inf, 0, 2, -3e38, -inf], [2, 4]), 4),
  indicesOf("NaN is the largest", literal([1, nan, inf, nan, nan, -inf, -inf, nan], [2, 4]), 4, "nan"),
];

const found = shapes.map(([shape, k, layout]) => {
  const x = numbers(shape, { layout });
  return {
    indices: indicesOf(`${k} of [${shape.join(", ")}], ${layout}`, x, k),
    values: op({
      name: `the values of ${k} of [${shape.join(", ")}], ${layout}`,
      inputs: { x },
      run: ({ x }) => topK(x, k).values,
      reference: ({ x }) => gather(x, reference(x, k), shape.length - 1),
      tolerance: 0,
    }),
  };
});

const both = op({
  name: "values and indices together",
  inputs: { x: numbers([6, 8]) },
  run: ({ x }) => {
    const { values, indices } = topK(x, 3);
    return add(mul(values, values), cast(indices, "f32"));
  },
  reference: ({ x }) => {
    const indices = reference(x, 3);
    const taken: NdArray = gather(x, indices, 1);
    return { shape: [6, 3], data: taken.data.map((value, i) => value * value + indices.data[i]) };
  },
});

export const topKChecks = {
  topK: [
    kernel({
      name: "rows without a gap, at an odd offset",
      inputs: { x: numbers([5, 13], { layout: "offset" }), out: unwritten([5, 4], "offset", "i32") },
      run: (kernels, views) => kernels.topK(views),
      expected: ({ x }) => ({ out: reference(x, 4) }),
      tolerance: 0,
    }),
    ...[0, 4, 1.5, nan].map((k) =>
      failure("invalid-argument", {
        name: `${k} of 3`,
        inputs: { x: numbers([2, 3]) },
        run: ({ x }) => topK(x, k).values,
        message: `topK: k is ${k}`,
      }),
    ),
    ...ties.map(values),
    range({
      name: "the largest of a number and 1",
      inputs: { x: literal(wholeRange.flatMap((value) => [1, value]), [wholeRange.length, 2]) },
      run: ({ x }) => topK(x, 1).values,
      truths: [({ x }) => ({ value: gather(x, reference(x, 1), 1) })],
      bound: 0,
    }),
    ...found.flatMap((subject) => [values(subject.indices), values(subject.values), gradients(subject.values)]),
    values(both),
    gradients(both),
  ],
} satisfies ChecksOf<TopKKernels>;
