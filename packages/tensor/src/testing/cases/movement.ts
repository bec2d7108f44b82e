import type { ElementwiseKernels } from "../../contract/index.ts";
import { full, ones, tensor } from "../../core/create.ts";
import { scope } from "../../core/scope.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul } from "../../ops/elementwise.ts";
import * as ops from "../../ops/movement.ts";
import type { Shape } from "../../shape.ts";
import type { ChecksOf } from "../case.ts";
import { integers, literal, numbers, unwritten } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";
import type { OpCase } from "../op-case.ts";
import { gradients, op, values } from "../op-case.ts";
import { reads } from "../read-case.ts";
import { array, broadcastTo, combine, generate, map, reshape } from "../reference/array.ts";
import { concat, permute, slice, split, stack } from "../reference/movement.ts";
import { range, wholeRange } from "../whole-range.ts";
import { inPlace, kernel } from "../write-case.ts";

const reshapes = ([
  [[6], "offset", [2, 3]],
  [[2, 3, 4], "transposed", [6, 4]],
  [[2, 3, 4], "gapped", [2, 12]],
  [[2, 3, 4], "gapped", [2, 1, 3, 4, 1]],
  [[4, 6], "transposed", [2, 2, 3, 2]],
  [[1, 5, 1], "stepped", [5]],
  [[1], "offset", []],
  [[0, 3], "dense", [3, 0, 2]],
  [[2, 0, 3], "transposed", [0, 5]],
] as const).map(([from, layout, to]) =>
  op({
    name: `reshape [${from.join(", ")}] ${layout} to [${to.join(", ")}]`,
    inputs: { x: numbers(from, { layout }) },
    run: ({ x }) => ops.reshape(x, to),
    reference: ({ x }) => reshape(x, to),
    tolerance: 0,
  }),
);

const permutations = ([
  [[2, 3, 4], [2, 0, 1]],
  [[2, 3, 4], [-1, 1, 0]],
  [[3, 1, 2, 2], [3, 1, 0, 2]],
  [[5], [0]],
  [[], []],
  [[2, 0, 3], [1, 2, 0]],
] as const).map(([shape, axes]) =>
  op({
    name: `permute [${shape.join(", ")}] by [${axes.join(", ")}]`,
    inputs: { x: numbers(shape, { layout: "gapped" }) },
    run: ({ x }) => ops.permute(x, axes),
    reference: ({ x }) => permute(x, axes.map((axis) => (axis < 0 ? axis + shape.length : axis))),
    tolerance: 0,
  }),
);

const expansions = ([
  [[1, 3], [4, 3]],
  [[3, 1], [2, 3, 5]],
  [[], [2, 2]],
  [[1], [0]],
  [[2, 3], [2, 3]],
] as const).map(([from, to]) =>
  op({
    name: `expand [${from.join(", ")}] to [${to.join(", ")}]`,
    inputs: { x: numbers(from, { layout: "offset" }) },
    run: ({ x }) => ops.expand(x, to),
    reference: ({ x }) => broadcastTo(x, to),
    tolerance: 0,
  }),
);

const slices = ([
  [[7], 0, 2, 5, "stepped"],
  [[3, 8], 1, 1, 8, "transposed"],
  [[4, 3, 2], 0, 3, 4, "gapped"],
  [[4, 3], 1, 0, 0, "dense"],
  [[5, 3], 0, 0, 5, "dense"],
] as const).map(([shape, axis, start, end, layout]) =>
  op({
    name: `slice [${shape.join(", ")}] ${layout}, axis ${axis}, ${start} to ${end}`,
    inputs: { x: numbers(shape, { layout }) },
    run: ({ x }) => ops.slice(x, axis, start, end),
    reference: ({ x }) => slice(x, axis, start, end),
    tolerance: 0,
  }),
);

const concatenations = ([0, 1, -1] as const).map((axis) =>
  op({
    name: `concat along ${axis}`,
    inputs: {
      a: numbers([2, 3, 4], { layout: "transposed" }),
      b: numbers([2, 3, 4].with(axis, 1), { layout: "gapped" }),
      c: numbers([2, 3, 4].with(axis, 0)),
    },
    run: ({ a, b, c }) => ops.concat([a, b, c, a], axis),
    reference: ({ a, b, c }) => concat([a, b, c, a], axis < 0 ? axis + 3 : axis),
    tolerance: 0,
    gradientTolerance: 1e-5,
  }),
);

/** Parts in another order, so that each of them counts. */
const splits = ([
  [[7], "stepped", [2, 0, 5], 0],
  [[3, 8], "transposed", [3, 3, 2], -1],
  [[3, 8], "gapped", 3, 1],
  [[2, 3, 4], "offset", 2, -3],
  [[0, 3], "dense", 2, 1],
] as const).map(([shape, layout, sizes, axis]) => {
  const along = axis < 0 ? axis + shape.length : axis;
  const length = (shape as Shape)[along];
  const all = typeof sizes === "number" ? Array.from({ length: Math.ceil(length / sizes) }, (_, i) => Math.min(sizes, length - i * sizes)) : sizes;
  return op({
    name: `split [${shape.join(", ")}] ${layout} along ${axis} by ${typeof sizes === "number" ? sizes : `[${sizes.join(", ")}]`}`,
    inputs: { x: numbers(shape, { layout }) },
    run: ({ x }) => ops.concat(ops.split(x, sizes, axis).reverse(), along),
    reference: ({ x }) => concat(split(x, all, along).reverse(), along),
    tolerance: 0,
  });
});

const stacks = ([0, 1, -1] as const).map((axis) =>
  op({
    name: `stack along ${axis}`,
    inputs: { a: numbers([2, 3], { layout: "transposed" }), b: numbers([2, 3], { layout: "gapped" }) },
    run: ({ a, b }) => ops.stack([a, b, a], axis),
    reference: ({ a, b }) => stack([a, b, a], axis < 0 ? axis + 3 : axis),
    tolerance: 0,
    gradientTolerance: 1e-5,
  }),
);

const chains: readonly OpCase[] = [
  op({
    name: "slices of slices of a transposed tensor, expanded and reshaped",
    inputs: { x: numbers([6, 5], { layout: "gapped" }) },
    run: ({ x }) => {
      const part = ops.slice(ops.slice(ops.transpose(x), 0, 1, 4), 1, -5, -2);
      return ops.reshape(ops.expand(ops.reshape(part, [3, 1, 3]), [3, 2, 3]), [6, 3]);
    },
    reference: ({ x }) => {
      const part = slice(slice(permute(x, [1, 0]), 0, 1, 4), 1, 1, 4);
      return reshape(broadcastTo(reshape(part, [3, 1, 3]), [3, 2, 3]), [6, 3]);
    },
    tolerance: 0,
  }),
  op({
    name: "contiguous of a view, and of what is dense already",
    inputs: { x: numbers([3, 4]), y: numbers([4, 3]) },
    run: ({ x, y }) => ops.concat([ops.contiguous(ops.transpose(x)), ops.contiguous(y)], 1),
    reference: ({ x, y }) => concat([permute(x, [1, 0]), y], 1),
    tolerance: 0,
  }),
  op({
    name: "a view in several places",
    inputs: { x: numbers([3, 3], { layout: "offset" }) },
    run: ({ x }) => {
      const turned = ops.transpose(x);
      return add(mul(turned, x), ops.expand(ops.slice(turned, 0, 1, 2), [3, 3]));
    },
    reference: ({ x }) => {
      const turned = permute(x, [1, 0]);
      const row = broadcastTo(slice(turned, 0, 1, 2), [3, 3]);
      return combine((a, b, c) => a * b + c, turned, x, row);
    },
  }),
];

const unchecked: readonly OpCase[] = [
  op({
    name: "cast to i32 truncates",
    inputs: { x: literal([1.9, -1.9, 0.5, -7, 100.5, -0.1], [2, 3]) },
    run: ({ x }) => ops.cast(ops.transpose(x), "i32"),
    reference: () => array([3, 2], [1, -7, -1, 100, 0, 0]),
    tolerance: 0,
  }),
  op({
    name: "cast to f32",
    inputs: { x: integers([3, 4], -9, 9, "transposed") },
    run: ({ x }) => ops.cast(x, "f32"),
    reference: ({ x }) => x,
    tolerance: 0,
  }),
  op({
    name: "i32 moved",
    inputs: { x: integers([3, 4], -9, 9) },
    run: ({ x }) => ops.concat([ops.transpose(x), ops.reshape(ops.transpose(x), [4, 3])], 0),
    reference: ({ x }) => concat([permute(x, [1, 0]), permute(x, [1, 0])], 0),
    tolerance: 0,
  }),
];

const moving: readonly [OpCase, ...OpCase[]] = [
  chains[0],
  ...[...chains.slice(1), ...reshapes, ...permutations, ...expansions, ...slices, ...concatenations, ...splits, ...stacks],
];

const fills = op({
  name: "full, i32 and f32",
  inputs: { like: numbers([]) },
  run: ({ like: { backend } }) =>
    add(full([2, 3], 0.5, { backend }), ops.cast(full([2, 3], -7, { backend, dtype: "i32" }), "f32")),
  reference: () => generate([2, 3], () => -6.5),
  tolerance: 0,
});

const filledOnes = op({
  name: "ones of nothing",
  inputs: { like: numbers([]) },
  run: ({ like: { backend } }) => ones([2, 0], { backend }),
  reference: () => generate([2, 0], () => 1),
});

/** Shapes and layouts of copies, from and to. */
const copies: readonly (readonly [Shape, LayoutKind, LayoutKind])[] = [
  [[], "offset", "offset"],
  [[1], "dense", "stepped"],
  [[9], "stepped", "dense"],
  [[3, 5], "transposed", "dense"],
  [[3, 5], "dense", "transposed"],
  [[4, 6], "transposed", "transposed"],
  [[2, 1, 4], "gapped", "transposed"],
  [[2, 3, 2, 3, 2], "stepped", "gapped"],
  [[65, 129], "transposed", "offset"],
  [[5, 1031], "offset", "gapped"],
];

/** Two kernels, and the ops that stand on them. */
/** Tensors that are dense, that are copied to be read, and of one element. */
const reading = ([
  ["a dense tensor", [1, 2, 3], (x: Tensor) => x.data()],
  ["a transposed tensor", [1, 2, 3], (x: Tensor) => readOnce(ops.transpose(x), (view) => view.data())],
  ["one element", [2], (x: Tensor) => readOnce(ops.slice(x, 1, 1, 2), async (view) => [await view.item()])],
] as const).map(([name, values, read]) =>
  reads(name, array([values.length], values), (backend) => {
    const x = tensor([[1, 2, 3]], { backend });
    return {
      read: () => read(x),
      overwrite: () => scope(() => ops.copyInto(x, tensor([[4, 5, 6]], { backend }))),
      dispose: () => x.dispose(),
    };
  }),
);

/** Reads a view, and frees it before the read ends. */
function readOnce<T>(view: Tensor, read: (view: Tensor) => Promise<T>): Promise<T> {
  const reading = read(view);
  view.dispose();
  return reading;
}

export const movementChecks = {
  copy: [
    inPlace({
      name: "copyInto a view",
      inputs: { source: numbers([3, 4], { layout: "transposed" }), target: unwritten([4, 3], "gapped") },
      run: ({ source, target }) => ops.copyInto(target, ops.transpose(source)),
      expected: ({ source }) => ({ target: permute(source, [1, 0]) }),
      tolerance: 0,
    }),
    inPlace({
      name: "copyInto where source and target overlap",
      inputs: { x: numbers([7], { layout: "offset" }), square: numbers([4, 4], { layout: "offset" }) },
      run({ x, square }) {
        ops.copyInto(ops.slice(x, 0, 1, 7), ops.slice(x, 0, 0, 6));
        ops.copyInto(square, ops.transpose(square));
      },
      expected: ({ x, square }) => ({
        x: concat([slice(x, 0, 0, 1), slice(x, 0, 0, 6)], 0),
        square: permute(square, [1, 0]),
      }),
      tolerance: 0,
    }),
    kernel({
      name: "i32 to i32",
      inputs: { x: integers([3, 5], -9, 9, "transposed"), out: unwritten([3, 5], "offset", "i32") },
      run: (kernels, { x, out }) => kernels.copy({ x, out }),
      expected: ({ x }) => ({ out: x }),
      tolerance: 0,
    }),
    kernel({
      name: "f32 to i32 truncates",
      inputs: { x: literal([1.9, -1.9, 0.5, -0.5, 2147483520, -7], [2, 3]), out: unwritten([2, 3], "gapped", "i32") },
      run: (kernels, { x, out }) => kernels.copy({ x, out }),
      expected: () => ({ out: array([2, 3], [1, -1, 0, 0, 2147483520, -7]) }),
      tolerance: 0,
    }),
    range({
      name: "f32 to i32",
      inputs: { x: literal([...wholeRange, 1.9, -1.9, 0.5, -0.5, 2147483520, -2147483904]) },
      run: ({ x }) => ops.cast(x, "i32"),
      truths: [({ x }) => ({ value: map(x, (value) => Math.trunc(Math.min(Math.max(value || 0, -(2 ** 31)), 2 ** 31 - 1))) })],
      bound: 0,
    }),
    range({
      name: "copies",
      inputs: { x: { ...literal([...wholeRange, ...wholeRange], [wholeRange.length, 2]), layout: "stepped" } },
      run: ({ x }) => ops.contiguous(x),
      truths: [({ x }) => ({ value: x })],
      bound: 0,
    }),
    kernel({
      name: "i32 to f32 rounds to the nearest",
      inputs: { x: literal([-7, 16777217, 16777219, 2147483647], [4], "i32"), out: unwritten([4], "stepped") },
      run: (kernels, { x, out }) => kernels.copy({ x, out }),
      expected: () => ({ out: array([4], [-7, 16777216, 16777220, 2147483648]) }),
      tolerance: 0,
    }),
    ...copies.map(([shape, from, to]) =>
      kernel({
        name: `[${shape.join(", ")}], ${from} to ${to}`,
        inputs: { x: numbers(shape, { layout: from }), out: unwritten(shape, to) },
        run: (kernels, { x, out }) => kernels.copy({ x, out }),
        expected: ({ x }) => ({ out: x }),
        tolerance: 0,
      }),
    ),
    ...reading,
    ...moving.flatMap((subject) => [values(subject), gradients(subject)]),
    ...unchecked.map(values),
  ],
  fill: [
    kernel({
      name: "i32",
      inputs: { out: unwritten([3, 5], "transposed", "i32") },
      run: (kernels, { out }) => kernels.fill({ value: -2147483648, out }),
      expected: ({ out }) => ({ out: map(out, () => -2147483648) }),
      tolerance: 0,
    }),
    ...copies.map(([shape, , layout]) =>
      kernel({
        name: `[${shape.join(", ")}], ${layout}`,
        inputs: { out: unwritten(shape, layout) },
        run: (kernels, { out }) => kernels.fill({ value: 0.1, out }),
        expected: ({ out }) => ({ out: map(out, () => Math.fround(0.1)) }),
        tolerance: 0,
      }),
    ),
    values(fills),
    values(filledOnes),
    range({
      name: "full",
      inputs: { x: literal(wholeRange) },
      run: ({ x: { backend } }) => ops.concat(wholeRange.map((value) => full([1], value, { backend })), 0),
      truths: [({ x }) => ({ value: x })],
      bound: 0,
    }),
  ],
} satisfies ChecksOf<Pick<ElementwiseKernels, "copy" | "fill">>;
