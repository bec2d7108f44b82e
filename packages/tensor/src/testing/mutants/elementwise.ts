import type { BinaryOp, ElementwiseKernels, UnaryOp } from "../../contract/index.ts";
import { sizeOf } from "../../shape.ts";
import { alter, clear, denseAt, slightly } from "./mutation.ts";
import type { MutantsOf, Mutation } from "./mutation.ts";

const unaryOps: readonly UnaryOp[] = [
  "abs", "cos", "exp", "gelu", "log", "relu", "sigmoid", "sign", "sin", "sqrt", "tanh",
];
const binaryOps: readonly BinaryOp[] = ["add", "sub", "mul", "div", "pow", "maximum", "minimum", "equal", "less"];

const slightlyWrongUnary = unaryOps.map((op): [string, Mutation<ElementwiseKernels["unary"]>] => [
  `${op} slightly wrong`,
  (kernel, memory) => (call) => {
    kernel(call);
    if (call.op === op) alter(memory, call.out, slightly);
  },
]);

const slightlyWrongBinary = binaryOps.map((op): [string, Mutation<ElementwiseKernels["binary"]>] => [
  `${op} slightly wrong`,
  (kernel, memory) => (call) => {
    kernel(call);
    if (call.op === op) alter(memory, call.out, slightly);
  },
]);

const lostNaN = (op: "maximum" | "minimum"): Mutation<ElementwiseKernels["binary"]> => (kernel, memory) => (call) => {
  kernel(call);
  if (call.op === op) alter(memory, call.out, (value) => (Number.isNaN(value) ? 1 : value));
};

export const elementwiseMutants: MutantsOf<ElementwiseKernels> = {
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
    "NaN lost in relu": (kernel, memory) => (call) => {
      kernel(call);
      if (call.op === "relu") alter(memory, call.out, (y) => (Number.isNaN(y) ? 0 : y));
    },
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
    "NaN lost in maximum": lostNaN("maximum"),
    "NaN lost in minimum": lostNaN("minimum"),
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
    "subnormals flushed": (kernel, memory) => (call) => {
      kernel(call);
      alter(memory, call.out, (y) => (Math.abs(y) < 2 ** -126 ? 0 : y));
    },
  },
  select: {
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
    "gelu slightly wrong": (kernel, memory) => (call) => {
      kernel(call);
      if (call.activation === "gelu") alter(memory, call.out, slightly);
    },
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
