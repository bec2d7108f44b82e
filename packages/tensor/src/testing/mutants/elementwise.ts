import type { Activation, ActivationKernels, BinaryOp, ElementwiseKernels, UnaryOp, View } from "../../contract/index.ts";
import { isDense, sizeOf } from "../../shape.ts";
import { activationNames, binaryNames, unaryNames } from "../reference/elementwise.ts";
import { alter, clear, denseAt, slightly } from "./mutation.ts";
import type { MutantsOf, Mutation } from "./mutation.ts";

const slightlyWrongUnary = unaryNames.map((op): [string, Mutation<ElementwiseKernels["unary"]>] => [
  `${op} slightly wrong`,
  (kernel, memory) => (call) => {
    kernel(call);
    if (call.op === op) alter(memory, call.out, slightly);
  },
]);

const slightlyWrongBinary = binaryNames.map((op): [string, Mutation<ElementwiseKernels["binary"]>] => [
  `${op} slightly wrong`,
  (kernel, memory) => (call) => {
    kernel(call);
    if (call.op === op) alter(memory, call.out, slightly);
  },
]);

/** One function of one element replaced by another one. */
const unaryAs =
  (op: UnaryOp, change: (x: number, y: number) => number): Mutation<ElementwiseKernels["unary"]> =>
  (kernel, memory) =>
  (call) => {
    const x = isPlain(call.x) ? memory.read(call.x) : undefined;
    kernel(call);
    if (call.op === op && x) alter(memory, call.out, (y, i) => change(x[i], y));
  };

const binaryAs =
  (op: BinaryOp, change: (a: number, b: number, y: number) => number): Mutation<ElementwiseKernels["binary"]> =>
  (kernel, memory) =>
  (call) => {
    const [a, b] = isPlain(call.a) && isPlain(call.b) ? [memory.read(call.a), memory.read(call.b)] : [];
    kernel(call);
    if (call.op === op && a && b) alter(memory, call.out, (y, i) => change(a[i], b[i], y));
  };

const gradientAs =
  (of: Activation, change: (x: number, grad: number, y: number) => number): Mutation<ActivationKernels["activationGradient"]> =>
  (kernel, memory) =>
  (call) => {
    const [x, grad] = [memory.read(call.x), memory.read(call.grad)];
    kernel(call);
    if (call.activation === of) alter(memory, call.out, (y, i) => change(x[i], grad[i], y));
  };

/** Whether mutations can read a view. */
function isPlain(view: View): boolean {
  return isDense(view.shape, view.strides);
}

const isSubnormal = (x: number): boolean => x !== 0 && Math.abs(x) < 2 ** -126;

const slightlyWrongGradients = activationNames
  .filter((activation) => activation !== "relu") // Its gradients are those that come in, or 0.
  .map((activation): [string, Mutation<ActivationKernels["activationGradient"]>] => [
    `${activation} slightly wrong`,
    (kernel, memory) => (call) => {
      kernel(call);
      if (call.activation === activation) alter(memory, call.out, slightly);
    },
  ]);

export const elementwiseMutants: MutantsOf<ElementwiseKernels & ActivationKernels> = {
  unary: {
    ...Object.fromEntries(slightlyWrongUnary),
    "strides ignored": (kernel) => (call) => kernel({ ...call, x: denseAt(call.x) }),
    "offset ignored": (kernel) => (call) => kernel({ ...call, x: { ...call.x, offset: 0 } }),
    "not in place": (kernel, memory) => (call) => {
      clear(memory, call.out, call.x);
      kernel(call);
    },
    "tanh by way of 1 − 2 / (e²ˣ + 1) in f32": (kernel, memory) => (call) => {
      kernel(call);
      if (call.op !== "tanh") return;
      alter(memory, call.out, (y) => Math.fround(1 - Math.fround(2 / Math.fround(Math.exp(2 * Math.atanh(y)) + 1))));
    },
    "NaN lost in relu": unaryAs("relu", (_, y) => (Number.isNaN(y) ? 0 : y)),
    "sin reduced by a rounded π": unaryAs("sin", (x) => Math.sin(x - Math.round(x / Math.PI / 2) * 2 * Math.fround(Math.PI))),
    "cos not reduced right from 2⁸⁹ to 2⁹⁶": unaryAs("cos", (x, y) => (Math.abs(x) > 2 ** 89 && Math.abs(x) < 2 ** 96 ? 0.5 : y)),
    "erfc as 1 − erf": unaryAs("erfc", (x, y) => (x > 3 ? Math.fround(1 - Math.fround(1 - y)) : y)),
    "erfc by the rounded square": unaryAs("erfc", (x, y) => (x > 2 ? y * Math.exp(x * x - Math.fround(x * x)) : y)),
    "exp without subnormal results": unaryAs("exp", (_, y) => (isSubnormal(y) ? 0 : y)),
    "exp that overflows at 88": unaryAs("exp", (x, y) => (x > 88 ? Infinity : y)),
    "log of a subnormal number as of 0": unaryAs("log", (x, y) => (isSubnormal(x) ? -Infinity : y)),
    "sign of a subnormal number as of 0": unaryAs("sign", (x, y) => (isSubnormal(x) ? 0 : y)),
    "gelu of −∞ as a product with 0": unaryAs("gelu", (x, y) => (x === -Infinity ? NaN : y)),
    "gelu by way of 1 + tanh": unaryAs("gelu", (x, y) => (x < -5 ? 0 : y)),
    "silu of −∞ as a product with 0": unaryAs("silu", (x, y) => (x === -Infinity ? NaN : y)),
    "silu by way of e⁻ˣ, which overflows": unaryAs("silu", (x, y) => (x < -88.8 ? 0 : y)),
    "silu as a product with a subnormal sigmoid": unaryAs("silu", (x, y) => (x < -88 ? x * Math.fround(Math.exp(x)) : y)),
    "rsqrt of a subnormal number as of 0": unaryAs("rsqrt", (x, y) => (isSubnormal(x) ? Infinity : y)),
    "rsqrt of −0 as of 0": unaryAs("rsqrt", (x, y) => (x === 0 ? Infinity : y)),
    "sqrt of an infinity as a product with its inverse root": unaryAs("sqrt", (x, y) => (x === Infinity ? NaN : y)),
    "tanh of a large argument as ∞ / ∞": unaryAs("tanh", (x, y) => (x > 45 ? NaN : y)),
    "sigmoid of a large argument as 1 / (1 + ∞)": unaryAs("sigmoid", (x, y) => (x < -88 ? 0 : y)),
  },
  binary: {
    ...Object.fromEntries(slightlyWrongBinary),
    "operands exchanged": (kernel) => (call) => kernel({ ...call, a: call.b, b: call.a }),
    "strides of a ignored": (kernel) => (call) => kernel({ ...call, a: denseAt(call.a) }),
    "strides of b ignored": (kernel) => (call) => kernel({ ...call, b: denseAt(call.b) }),
    "not in place": (kernel, memory) => (call) => {
      clear(memory, call.out, call.a, call.b);
      kernel(call);
    },
    "NaN lost in maximum": binaryAs("maximum", (a, b, y) => (Number.isNaN(y) ? 1 : y)),
    "NaN lost in minimum": binaryAs("minimum", (a, b, y) => (Number.isNaN(b) ? a : y)),
    "div as a product with the reciprocal": binaryAs("div", (a, b) => a * Math.fround(1 / b)),
    "pow as ECMAScript has it": binaryAs("pow", (a, b) => a ** b),
    "pow by way of log in f32": binaryAs("pow", (a, b, y) => (a > 0 ? Math.exp(b * Math.fround(Math.log(a))) : y)),
    "pow that takes a large exponent for an even one": binaryAs("pow", (a, b, y) => (Math.abs(b) > 2 ** 20 ? Math.abs(y) : y)),
    "less that lets subnormal numbers be equal": binaryAs("less", (a, b, y) => (isSubnormal(a - b) ? 0 : y)),
    "equal of infinities by their difference": binaryAs("equal", (a, b) => Number(a - b === 0)),
  },
  affine: {
    "shift dropped": (kernel) => (call) => kernel({ ...call, shift: 0 }),
    "strides ignored": (kernel) => (call) => kernel({ ...call, x: denseAt(call.x) }),
    "not in place": (kernel, memory) => (call) => {
      clear(memory, call.out, call.x);
      kernel(call);
    },
    "0 · x is 0": (kernel, memory) => (call) => {
      kernel(call);
      if (call.scale === 0) alter(memory, call.out, () => call.shift);
    },
    "numbers not rounded to f32": (kernel, memory) => (call) => {
      const { x, scale, shift } = call;
      if (!isPlain(x)) return kernel(call);
      memory.write(call.out, memory.read(x).map((value) => value * scale + shift));
    },
    "subnormals flushed": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.out, (y) => (Math.abs(y) < 2 ** -126 ? 0 : y));
    },
  },
  select: {
    "by a product with a mask": (kernel, memory) => (call) => {
      kernel(call);
      if (!isPlain(call.condition) || !isPlain(call.a) || !isPlain(call.b)) return;
      const [condition, a, b] = [call.condition, call.a, call.b].map((view) => memory.read(view));
      alter(memory, call.out, (_, i) => a[i] * Number(condition[i] !== 0) + b[i] * Number(condition[i] === 0));
    },
    "a and b exchanged": (kernel) => (call) => kernel({ ...call, a: call.b, b: call.a }),
    "the condition's strides ignored": (kernel) => (call) => kernel({ ...call, condition: denseAt(call.condition) }),
    "a condition above 0": (kernel, memory) => (call) => {
      const size = sizeOf(call.out.shape);
      // The condition is replaced by its sign where it can be, for the time of the call.
      if (sizeOf(call.condition.shape) !== size || call.condition.strides.includes(0)) return kernel(call);
      const before = memory.read(call.condition);
      memory.write(call.condition, before.map((c) => (c > 0 ? 1 : 0)));
      kernel(call);
      memory.write(call.condition, before);
    },
  },
  activationGradient: {
    ...Object.fromEntries(slightlyWrongGradients),
    "gelu by way of e⁻²ᵘ, which overflows": gradientAs("gelu", (x, _, y) => (Math.abs(x) > 7e12 ? NaN : y)),
    "gelu without its tail": gradientAs("gelu", (x, _, y) => (x < -3 ? 0 : y)),
    "silu by a subnormal sigmoid": gradientAs("silu", (x, grad, y) => (x < -88 ? grad * (1 + x) * Math.fround(Math.exp(x)) : y)),
    "silu by a product that overflows": gradientAs("silu", (x, grad, y) => {
      const first = Math.fround(grad * (1 + x / (1 + Math.exp(x))));
      return Number.isFinite(grad) && !Number.isFinite(first) ? first : y;
    }),
    "silu of an infinity as a product with 0": gradientAs("silu", (x, _, y) => (Math.abs(x) === Infinity ? NaN : y)),
    "relu as a product with a mask": gradientAs("relu", (x, grad) => grad * Number(x > 0)),
    "relu that hides NaN": gradientAs("relu", (x, _, y) => (Number.isNaN(x) ? 0 : y)),
    "the gradient not multiplied": (kernel, memory) => (call) => {
      const grad = memory.read(call.grad);
      kernel(call);
      alter(memory, call.out, (y, i) => (grad[i] === 0 ? y : y / grad[i]));
    },
    "not in place": (kernel, memory) => (call) => {
      clear(memory, call.out, call.grad);
      kernel(call);
    },
    "gelu for every activation": (kernel) => (call) => kernel({ ...call, activation: "gelu" }),
  },
  copy: {
    "strides of x ignored": (kernel) => (call) => kernel({ ...call, x: denseAt(call.x) }),
    "strides of out ignored": (kernel) => (call) => kernel({ ...call, out: denseAt(call.out) }),
    "beyond i32 as remainders": (kernel, { read, write }) => ({ x, out }) => {
      if (x.dtype !== "f32" || out.dtype !== "i32" || !isDense(x.shape, x.strides)) return kernel({ x, out });
      write(out, Int32Array.from(read(x as View)) as never);
    },
    "NaN as the least i32": (kernel, { read, write }) => ({ x, out }) => {
      if (x.dtype !== "f32" || out.dtype !== "i32" || !isDense(x.shape, x.strides)) return kernel({ x, out });
      kernel({ x, out });
      const values = read(x as View);
      write(out, read(out).map((y, i) => (Number.isNaN(values[i]) ? -(2 ** 31) : y)) as never);
    },
    "bits instead of values": (kernel) => (call) => kernel({ x: call.x, out: { ...call.out, dtype: call.x.dtype } }),
    "the last row left out": (kernel) => (call) => {
      const [rows, ...rest] = call.x.shape;
      if (rest.length !== 1 || rows < 2) return kernel(call);
      kernel({ x: { ...call.x, shape: [rows - 1, ...rest] }, out: { ...call.out, shape: [rows - 1, ...rest] } });
    },
  },
  fill: {
    "strides ignored": (kernel) => (call) => kernel({ ...call, out: denseAt(call.out) }),
    "one too many": (kernel) => ({ value, out }) => {
      kernel({ value, out });
      const { shape } = out;
      if (shape.length === 1) kernel({ value, out: { ...out, shape: [shape[0] + 1] } });
    },
    "always f32": (kernel) => ({ value, out }) => kernel({ value, out: { ...out, dtype: "f32" } }),
  },
};
