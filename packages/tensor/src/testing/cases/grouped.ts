import type { GroupedKernels, PackedDType, View, WeightView } from "../../contract/index.ts";
import { groupedLinear } from "../../ops/grouped.ts";
import type { ChecksOf } from "../case.ts";
import { gradientOf, inner } from "../finite-differences.ts";
import { integers, literal, numbers, unwritten } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";
import type { OpCase } from "../op-case.ts";
import { failure, gradients, op, values } from "../op-case.ts";
import type { NdArray } from "../reference/array.ts";
import { combine, generate, map } from "../reference/array.ts";
import { groupedLinear as reference } from "../reference/grouped.ts";
import { eachPackedDType, toleranceOf, weightOf } from "../packed-inputs.ts";
import { kernel } from "../write-case.ts";

const { NaN: nan } = Number;

/** Rows, layers, inputs, outputs, and how all lie. */
const shapes: readonly (readonly [number, number, number, number, LayoutKind])[] = [
  [1, 1, 1, 1, "dense"], [7, 3, 5, 4, "transposed"], [5, 9, 3, 2, "gapped"], [6, 2, 0, 3, "dense"], [0, 2, 3, 4, "dense"],
  [4, 2, 3, 0, "dense"], [40, 4, 33, 17, "offset"], [9, 2, 64, 48, "dense"], [300, 3, 20, 24, "offset"],
];

const layers: readonly OpCase[] = shapes.flatMap(([rows, count, inputs, outputs, layout]) => {
  const operands = {
    x: numbers([rows, inputs], { layout }),
    weight: numbers([count, outputs, inputs], { layout }),
    ids: integers([rows], 0, count, layout),
  };
  const name = `${rows} rows, ${count} layers of [${outputs}, ${inputs}], ${layout}`;
  return [
    op({
      name,
      inputs: { ...operands, bias: numbers([count, outputs], { layout }) },
      run: ({ x, weight, ids, bias }) => groupedLinear(x, weight, bias, ids),
      reference: ({ x, weight, ids, bias }) => reference(x, weight, ids, bias),
    }),
    op({
      name: `${name}, no bias`,
      inputs: operands,
      run: ({ x, weight, ids }) => groupedLinear(x, weight, undefined, ids),
      reference: ({ x, weight, ids }) => reference(x, weight, ids),
    }),
  ];
});

/** Layers that no row has get zero gradients, and rows of others do not spoil them. */
const apart: readonly OpCase[] = [
  op({
    name: "a layer without rows",
    inputs: { x: numbers([4, 3]), weight: numbers([3, 2, 3]), ids: literal([2, 0, 2, 0], [4], "i32"), bias: numbers([3, 2]) },
    run: ({ x, weight, ids, bias }) => groupedLinear(x, weight, bias, ids),
    reference: ({ x, weight, ids, bias }) => reference(x, weight, ids, bias),
  }),
  op({
    name: "∞ and NaN stay in their rows",
    inputs: {
      x: literal([1, Infinity, nan, 1, 2, 3, -1, 0.5], [4, 2]),
      weight: numbers([2, 3, 2]),
      ids: literal([0, 0, 1, 1], [4], "i32"),
    },
    run: ({ x, weight, ids }) => groupedLinear(x, weight, undefined, ids),
    reference: ({ x, weight, ids }) => reference(x, weight, ids),
    needs: "nan",
  }),
];

/** The gradients of a loss by finite differences, those of the layers added to what is there. */
function weightGradients({ grad, x, ids, gradWeight, gradBias }: Readonly<Record<"grad" | "x" | "ids" | "gradWeight" | "gradBias", NdArray>>) {
  const loss = (weight: NdArray, bias: NdArray): number => inner(reference(x, weight, ids, bias), grad);
  const [noWeight, noBias] = [map(gradWeight, () => 0), map(gradBias, () => 0)];
  const plus = (a: NdArray, b: NdArray): NdArray => combine((x, y) => x + y, a, b);
  return {
    gradWeight: plus(gradWeight, gradientOf((weight) => loss(weight, noBias), noWeight)),
    gradBias: plus(gradBias, gradientOf((bias) => loss(noWeight, bias), noBias)),
  };
}

/** Packed layers, and rows for the kernel of few of them and of many. */
const packed = (dtype: PackedDType): readonly OpCase[] =>
  ([[1, 2, 64, 5], [5, 3, 40, 7], [40, 2, 96, 33]] as const).map(([rows, count, inputs, outputs]) => {
    const { expected, use } = weightOf(dtype, [count, outputs, inputs]);
    return op({
      name: `${dtype}: ${rows} rows, ${count} layers of [${outputs}, ${inputs}]`,
      inputs: { x: numbers([rows, inputs]), bias: numbers([count, outputs]), ids: integers([rows], 0, count) },
      run: ({ x, bias, ids }) => use(x.backend, (weight) => groupedLinear(x, weight, bias, ids)),
      reference: ({ x, bias, ids }) => reference(x, expected, ids, bias),
      tolerance: toleranceOf(dtype),
    });
  });

const floats = (values: View): WeightView => ({ dtype: "f32", shape: values.shape, values, scales: null });

const alone = {
  grad: numbers([9, 5], { layout: "offset" }),
  x: numbers([9, 7], { layout: "offset" }),
  weight: numbers([4, 5, 7], { layout: "offset" }),
  ids: integers([9], 0, 4, "offset"),
} as const;

export const groupedChecks = {
  groupedLinear: [
    kernel({
      name: "at an odd offset",
      inputs: { ...alone, bias: numbers([4, 5], { layout: "offset" }), out: unwritten([9, 5]) },
      run: (kernels, { x, weight, bias, ids, out }) => kernels.groupedLinear({ x, weight: floats(weight), bias, ids, out }),
      expected: ({ x, weight, bias, ids }) => ({ out: reference(x, weight, ids, bias) }),
    }),
    ...[-1, 3].map((id) =>
      failure("index-out-of-range", {
        name: `the number ${id} of 3 layers`,
        message: `groupedLinear: id ${id} at position 1`,
        inputs: { x: numbers([3, 2]), weight: numbers([3, 4, 2]), ids: literal([2, id, 0], [3], "i32") },
        run: ({ x, weight, ids }) => groupedLinear(x, weight, undefined, ids),
        needs: "indexErrors",
      }),
    ),
    values(
      op({
        name: "rows of numbers outside are NaN",
        inputs: { x: numbers([4, 2]), weight: numbers([3, 4, 2]), ids: literal([2, -1, 0, 3], [4], "i32") },
        run: ({ x, weight, ids }) => groupedLinear(x, weight, undefined, ids),
        reference({ x, weight, ids }) {
          const isWithin = (row: number): boolean => ids.data[row] >= 0 && ids.data[row] < 3;
          const inside = reference(x, weight, map(ids, (id) => (id >= 0 && id < 3 ? id : 0)));
          return generate([4, 4], ([row, output]) => (isWithin(row) ? inside.data[row * 4 + output] : nan));
        },
        without: "indexErrors",
      }),
    ),
    ...[...layers, ...apart].map(values),
    ...eachPackedDType((dtype) => packed(dtype).map(values)),
  ],
  groupedLinearGradient: [
    kernel({
      name: "at an odd offset",
      inputs: { ...alone, out: unwritten([9, 7]) },
      run: (kernels, { grad, weight, ids, out }) => kernels.groupedLinearGradient({ grad, weight: floats(weight), ids, out }),
      expected: ({ grad, weight, ids, x }) => ({
        out: gradientOf((moved) => inner(reference(moved, weight, ids), grad), map(x, () => 0)),
      }),
    }),
    ...layers.map((subject) => gradients({ ...subject, name: `${subject.name}, input`, withRespectTo: ["x"] })),
    ...eachPackedDType((dtype) => packed(dtype).map(gradients)),
  ],
  groupedLinearWeightGradient: [
    kernel({
      name: "adds to what is there",
      inputs: { ...alone, gradWeight: numbers([4, 5, 7], { layout: "offset" }), gradBias: numbers([4, 5], { layout: "offset" }) },
      run: (kernels, { grad, x, ids, gradWeight, gradBias }) =>
        kernels.groupedLinearWeightGradient({ grad, x, ids, gradWeight, gradBias }),
      expected: weightGradients,
      tolerance: 2e-5,
    }),
    ...[...layers, apart[0]].map(gradients),
  ],
} satisfies ChecksOf<GroupedKernels>;
