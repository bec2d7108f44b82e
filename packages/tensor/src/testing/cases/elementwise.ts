import type { Activation, ActivationKernels, BinaryOp, ElementwiseKernels, UnaryOp } from "../../contract/index.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Operand } from "../../ops/elementwise.ts";
import type { Shape } from "../../shape.ts";
import type { Check, ChecksOf } from "../case.ts";
import { derivativeAlong } from "../finite-differences.ts";
import type { Input } from "../inputs.ts";
import { integers, literal, numbers, unwritten } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";
import type { OpCase } from "../op-case.ts";
import { gradients, op, values } from "../op-case.ts";
import { elementwise as ops } from "../ops.ts";
import type { NdArray } from "../reference/array.ts";
import { array, combine, map } from "../reference/array.ts";
import { activationNames, activations, binary, binaryNames, unary, unaryNames } from "../reference/elementwise.ts";
import { kernel } from "../write-case.ts";
import { binaryDomains, draw, unaryDomains } from "./elementwise-domains.ts";
import { activationRange, affineRange, binaryRange, selectRange, unaryRange } from "./elementwise-range.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const layouts: readonly (readonly [Shape, LayoutKind])[] = [
  [[], "offset"], [[0], "dense"], [[1], "dense"], [[7], "offset"], [[3, 5], "transposed"], [[2, 3, 4], "gapped"],
  [[9], "stepped"], [[5, 0, 2], "dense"], [[3, 1030], "transposed"],
];

const unaryCases = (name: UnaryOp): OpCase[] =>
  layouts.map(([shape, layout]) =>
    op({
      name: `${name} of [${shape.join(", ")}], ${layout}`,
      inputs: { x: numbers(shape, { ...unaryDomains[name], layout }) },
      run: ({ x }) => ops[name](x),
      reference: ({ x }) => map(x, unary[name]),
    }),
  );

/** Near zero, where a formula by way of exp would cancel. */
const smallArguments = (["sin", "tanh", "gelu", "sigmoid", "silu"] as const).map((name) =>
  op({
    name: `${name} near zero`,
    inputs: { x: literal([1e-3, -1e-4, 3e-5, -1e-6, 1e-7]) },
    run: ({ x }) => ops[name](x),
    reference: ({ x }) => map(x, unary[name]),
  }),
);

const pairs: readonly (readonly [name: string, a: readonly [Shape, LayoutKind], b: readonly [Shape, LayoutKind]])[] = [
  ["scalars", [[], "dense"], [[], "offset"]],
  ["vectors", [[7], "offset"], [[7], "dense"]],
  ["both transposed", [[4, 6], "transposed"], [[4, 6], "transposed"]],
  ["stepped and gapped", [[5, 6], "stepped"], [[5, 6], "gapped"]],
  ["a row to a matrix", [[3, 5], "dense"], [[5], "offset"]],
  ["a column and a row", [[3, 1], "dense"], [[1, 5], "stepped"]],
  ["a matrix to three axes", [[2, 3, 4], "gapped"], [[3, 1], "dense"]],
  ["a scalar to a vector", [[], "dense"], [[4], "dense"]],
  ["nothing and a row", [[0, 3], "dense"], [[3], "dense"]],
  ["one element to none", [[1], "dense"], [[0], "dense"]],
  ["large", [[3, 1030], "offset"], [[1030], "dense"]],
];

const pairCases = (name: BinaryOp): OpCase[] =>
  pairs.map(([title, [aShape, aLayout], [bShape, bLayout]]) =>
    op({
      name: `${name}: ${title}`,
      inputs: { a: draw(binaryDomains[name], aShape, aLayout), b: draw(binaryDomains[name], bShape, bLayout) },
      run: ({ a, b }) => ops[name](a, b),
      reference: ({ a, b }) => combine(binary[name], a, b),
    }),
  );

const numberOperands = (name: BinaryOp): OpCase[] => {
  const apply = (a: Operand, b: Operand): Tensor => ops[name](a, b);
  const x = draw(binaryDomains[name], [3, 5], "transposed");
  return [
    op({
      name: `${name} of a tensor and a number`,
      inputs: { x },
      run: ({ x }) => apply(x, 1.5),
      reference: ({ x }) => map(x, (value) => binary[name](value, 1.5)),
    }),
    op({
      name: `${name} of a number and a tensor`,
      inputs: { x },
      run: ({ x }) => apply(1.5, x),
      reference: ({ x }) => map(x, (value) => binary[name](1.5, value)),
    }),
  ];
};

/** add, sub and mul of a number are calls of the kernel `affine`. */
const affineNames: readonly BinaryOp[] = ["add", "sub", "mul"];
const differentiable = binaryNames.filter((name) => !binaryDomains[name].whole);

/** Gradients at kinks and poles, where a choice was made: PyTorch's. */
const kinks: readonly OpCase[] = [
  op({
    name: "relu and abs at 0",
    inputs: { x: literal([0, 2, -3]) },
    run: ({ x }) => ops.add(ops.relu(x), ops.abs(x)),
    reference: ({ x }) => map(x, (value) => Math.max(value, 0) + Math.abs(value)),
    gradients: { x: [0, 2, -1] },
  }),
];

const pairKinks: readonly OpCase[] = [
  op({
    name: "maximum of equal elements",
    inputs: { a: literal([1, 1, 3]), b: literal([1, 2, 2]) },
    run: ({ a, b }) => ops.maximum(a, b),
    reference: ({ a, b }) => combine(Math.max, a, b),
    gradients: { a: [0.5, 0, 1], b: [0.5, 1, 0] },
  }),
  op({
    name: "minimum of equal elements",
    inputs: { a: literal([1, 1, 3]), b: literal([1, 2, 2]) },
    run: ({ a, b }) => ops.minimum(a, b),
    reference: ({ a, b }) => combine(Math.min, a, b),
    gradients: { a: [0.5, 1, 0], b: [0.5, 0, 1] },
  }),
  op({
    name: "pow of 0",
    inputs: { a: literal([0, 0, 0, 2]), b: literal([0, 1, 2, 0]) },
    run: ({ a, b }) => ops.pow(a, b),
    reference: ({ a, b }) => combine(Math.pow, a, b),
    gradients: { a: [0, 1, 0, 0], b: [0, 0, 0, Math.log(2)] },
  }),
];

const whole = (shape: Shape, layout: LayoutKind): Input<"f32"> => integers(shape, -2, 3, layout, "f32");

/** A call of `less` with its operands exchanged. */
const comparisons: readonly OpCase[] = [
  op({
    name: "greater of a column and a row",
    inputs: { a: whole([3, 1], "offset"), b: whole([1, 5], "stepped") },
    run: ({ a, b }) => ops.greater(a, b),
    reference: ({ a, b }) => combine((x, y) => Number(x > y), a, b),
  }),
  op({
    name: "greater than a number, and a number that is greater",
    inputs: { x: whole([4, 5], "transposed") },
    run: ({ x }) => ops.sub(ops.greater(x, 1), ops.greater(1, x)),
    reference: ({ x }) => map(x, (value) => Number(value > 1) - Number(1 > value)),
  }),
  op({
    name: "greater of what is unordered",
    inputs: { a: literal([nan, 1, nan, inf, -inf, 0]), b: literal([1, nan, nan, 1, inf, -0]) },
    run: ({ a, b }) => ops.greater(a, b),
    reference: ({ a, b }) => combine((x, y) => Number(x > y), a, b),
    needs: "nan",
  }),
];

const selections: readonly OpCase[] = [
  op({
    name: "where, all of one shape",
    inputs: {
      condition: integers([3, 7], -1, 2, "dense", "f32"),
      a: numbers([3, 7]),
      b: numbers([3, 7], { layout: "transposed" }),
    },
    withRespectTo: ["a", "b"],
    run: ({ condition, a, b }) => ops.where(condition, a, b),
    reference: ({ condition, a, b }) => combine(choose, condition, a, b),
  }),
  op({
    name: "where, all broadcast",
    inputs: {
      condition: integers([4, 1], 0, 2, "stepped", "f32"),
      a: numbers([5]),
      b: numbers([3, 1, 5], { layout: "gapped" }),
    },
    withRespectTo: ["a", "b"],
    run: ({ condition, a, b }) => ops.where(condition, a, b),
    reference: ({ condition, a, b }) => combine(choose, condition, a, b),
  }),
  op({
    name: "where with a number",
    inputs: { condition: integers([2, 4], 0, 2, "dense", "f32"), a: numbers([4]) },
    withRespectTo: ["a"],
    run: ({ condition, a }) => ops.where(condition, a, -1),
    reference: ({ condition, a }) => combine((c, x) => choose(c, x, -1), condition, a),
  }),
  op({
    name: "where of nothing",
    inputs: { condition: integers([1], 0, 2, "dense", "f32"), a: numbers([0, 2]), b: numbers([2]) },
    withRespectTo: ["a", "b"],
    run: ({ condition, a, b }) => ops.where(condition, a, b),
    reference: ({ condition, a, b }) => combine(choose, condition, a, b),
  }),
  op({
    name: "where, large",
    inputs: { condition: integers([2, 1030], 0, 2, "offset", "f32"), a: numbers([2, 1030]), b: numbers([1030]) },
    withRespectTo: ["a", "b"],
    run: ({ condition, a, b }) => ops.where(condition, a, b),
    reference: ({ condition, a, b }) => combine(choose, condition, a, b),
  }),
];

function choose(condition: number, a: number, b: number): number {
  return condition === 0 ? b : a;
}

/** `grad · activation′(x)` by the kernel itself, also into `grad`. */
const activationGradients = (activation: Activation): Check[] => {
  const inputs = (size: number) => ({
    x: numbers([size], { low: -4, high: 4, gap: 0.1, layout: "offset" }),
    grad: numbers([size], { layout: "offset" }),
  });
  const expected = ({ x, grad }: { x: NdArray; grad: NdArray }): NdArray => {
    const slopes = map(x, (at) => derivative(activations[activation], at));
    return combine((g, slope) => g * slope, grad, slopes);
  };
  return [
    kernel({
      name: `of ${activation}`,
      inputs: { ...inputs(1031), out: unwritten([1031]) },
      run: (kernels, { x, grad, out }) => kernels.activationGradient({ activation, x, grad, out }),
      expected: (arrays) => ({ out: expected(arrays) }),
    }),
    kernel({
      name: `of ${activation}, into the gradient`,
      inputs: inputs(37),
      run: (kernels, { x, grad }) => kernels.activationGradient({ activation, x, grad, out: grad }),
      expected: (arrays) => ({ grad: expected(arrays) }),
    }),
  ];
};

function derivative(f: (x: number) => number, at: number): number {
  return derivativeAlong(({ data }) => f(data[0]), array([1], [at]), Float64Array.of(1));
}

const arithmetic: readonly OpCase[] = [
  op({
    name: "−x, x + 2 and 2 − x",
    inputs: { x: numbers([2, 3, 5], { layout: "transposed" }) },
    run: ({ x }) => ops.add(ops.mul(ops.neg(x), ops.add(x, 2)), ops.sub(2, x)),
    reference: ({ x }) => map(x, (value) => -value * (value + 2) + 2 - value),
  }),
  op({
    name: "a number on the left",
    inputs: { x: numbers([9], { layout: "stepped" }) },
    run: ({ x }) => ops.add(0.25, ops.mul(-3, x)),
    reference: ({ x }) => map(x, (value) => 0.25 - 3 * value),
  }),
  op({
    name: "a scalar",
    inputs: { x: numbers([]) },
    run: ({ x }) => ops.sub(x, 1.5),
    reference: ({ x }) => map(x, (value) => value - 1.5),
  }),
  op({
    name: "nothing",
    inputs: { x: numbers([3, 0]) },
    run: ({ x }) => ops.affine(x, 2, 1),
    reference: ({ x }) => x,
  }),
  op({
    name: "large",
    inputs: { x: numbers([3, 1030], { layout: "gapped" }) },
    run: ({ x }) => ops.affine(x, 2, 1),
    reference: ({ x }) => map(x, (value) => 2 * value + 1),
  }),
];

/** What the arithmetic of a backend does that lacks a capability. */
function lacks(without: "nan" | "subnormals", name: string, { x, scale, result }: Record<"x" | "scale" | "result", number>) {
  return kernel({
    name,
    without,
    inputs: { x: literal([x]), out: unwritten([1]) },
    run: (kernels, { x, out }) => kernels.affine({ x, scale, shift: 0, out }),
    expected: () => ({ out: array([1], [result]) }),
    tolerance: 0,
  });
}

export const elementwiseChecks = {
  unary: [
    kernel({
      name: "in place",
      inputs: { x: numbers([37], { layout: "offset" }) },
      run: (kernels, { x }) => kernels.unary({ op: "tanh", x, out: x }),
      expected: ({ x }) => ({ x: map(x, Math.tanh) }),
    }),
    ...smallArguments.map(values),
    ...unaryNames.flatMap(unaryCases).flatMap((subject) => [values(subject), gradients(subject)]),
    ...kinks.map(gradients),
    ...unaryRange,
  ],
  binary: [
    kernel({
      name: "into the first operand",
      inputs: { a: numbers([37], { layout: "offset" }), b: numbers([37]) },
      run: (kernels, { a, b }) => kernels.binary({ op: "sub", a, b, out: a }),
      expected: ({ a, b }) => ({ a: combine(binary.sub, a, b) }),
    }),
    kernel({
      name: "into the second operand",
      inputs: { a: numbers([5, 7], { layout: "transposed" }), b: numbers([5, 7], { layout: "offset" }) },
      run: (kernels, { a, b }) => kernels.binary({ op: "sub", a, b, out: b }),
      expected: ({ a, b }) => ({ b: combine(binary.sub, a, b) }),
    }),
    ...binaryNames.flatMap(pairCases).map(values),
    ...differentiable.flatMap(pairCases).map(gradients),
    ...binaryNames.filter((name) => !affineNames.includes(name)).flatMap(numberOperands).map(values),
    ...differentiable.filter((name) => !affineNames.includes(name)).flatMap(numberOperands).map(gradients),
    ...comparisons.map(values),
    ...pairKinks.map(gradients),
    ...binaryRange,
  ],
  affine: [
    kernel({
      name: "in place",
      inputs: { x: numbers([37], { layout: "offset" }) },
      run: (kernels, { x }) => kernels.affine({ x, scale: -2, shift: 0.5, out: x }),
      expected: ({ x }) => ({ x: map(x, (value) => -2 * value + 0.5) }),
    }),
    lacks("subnormals", "a subnormal number is flushed", { x: 2 ** -127, scale: 0.5, result: 0 }),
    lacks("nan", "NaN is lost", { x: inf, scale: 0, result: 0 }),
    ...affineRange,
    ...affineNames.flatMap(numberOperands).flatMap((subject) => [values(subject), gradients(subject)]),
    ...arithmetic.flatMap((subject) => [values(subject), gradients(subject)]),
  ],
  select: [
    ...selectRange,
    ...selections.flatMap((subject) => [values(subject), gradients(subject)]),
  ],
  activationGradient: [activationRange[0], ...activationRange.slice(1), ...activationNames.flatMap(activationGradients)],
} satisfies ChecksOf<Omit<ElementwiseKernels, "copy" | "fill"> & ActivationKernels>;
