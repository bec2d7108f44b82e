import type { Backend } from "../contract/index.ts";
import { scope } from "../core/scope.ts";
import type { AnyTensor, Tensor } from "../core/tensor.ts";
import { isGptError } from "@gpt/common";
import type { TensorErrorCode } from "../errors.ts";
import { formatShape, sameShape } from "../shape.ts";
import type { Capabilities, Check } from "./case.ts";
import { compare, compareBits } from "./compare.ts";
import { derivativeAlong, gradientOf, inner } from "./finite-differences.ts";
import type { ArraysOf, Inputs, PlacedInputs, TensorsOf } from "./inputs.ts";
import { arraysOf, largestSize, numbers, placeInputs } from "./inputs.ts";
import type { LayoutKind } from "./layout-kind.ts";
import { place } from "./layout-kind.ts";
import type { NdArray } from "./reference/array.ts";
import { array, generate, map } from "./reference/array.ts";

/** An op with its inputs, called through the public functions, and what it should give. */
export interface OpCase<I extends Inputs = Inputs> {
  readonly name: string;
  readonly inputs: I;
  run(tensors: TensorsOf<I>): AnyTensor;
  /** The same in float64. */
  reference(arrays: ArraysOf<I>): NdArray;
  /** In norm, for values; default 2e-6. 0 asks for equal bits. */
  readonly tolerance?: number;
  /** In norm, for gradients; default 2e-5. */
  readonly gradientTolerance?: number;
  /** What the gradients are where the output's is 1: for kinks, where finite differences say nothing. */
  readonly gradients?: { readonly [Name in keyof I]?: readonly number[] };
  /** The inputs that have a gradient; default all f32 ones. */
  readonly withRespectTo?: readonly (keyof I & string)[];
  readonly needs?: keyof Capabilities;
  readonly without?: keyof Capabilities;
}

const defaultTolerance = 2e-6;
const defaultGradientTolerance = 2e-5;

/** Inputs up to this size are differentiated element by element, larger ones along random directions. */
const elementwiseLimit = 64;
const directions = 2;

/** Streams of random numbers that no input uses. */
const cotangentStream = 1000;
const directionStream = 2000;

/** Checks the type of a case's functions against its inputs. */
export function op<const I extends Inputs>(subject: OpCase<I>): OpCase {
  return subject;
}

/** Checks an op's result against the reference; that its inputs are unchanged; that a second run gives equal bits. */
export function values(subject: OpCase): Check {
  const { name, needs, without, tolerance = defaultTolerance } = subject;
  return {
    name,
    needs,
    without,
    size: largestSize(subject.inputs),
    async run(backend) {
      const arrays = arraysOf(subject.inputs);
      const expected = subject.reference(arrays);
      const first = await evaluate(subject, backend, arrays, expected);
      compare("result", first, expected, tolerance);
      compareBits("result", first, await evaluate(subject, backend, arrays, expected), expected.shape);
    },
  };
}

async function evaluate(
  subject: OpCase,
  backend: Backend,
  arrays: ArraysOf<Inputs>,
  { shape }: NdArray,
): Promise<ArrayLike<number>> {
  const inputs = placeInputs(backend, subject.inputs, arrays);
  let result: AnyTensor | undefined;
  try {
    result = scope(() => subject.run(inputs.tensors));
    if (!sameShape(result.shape, shape)) {
      throw new Error(`result: expected the shape ${formatShape(shape)}, got ${formatShape(result.shape)}`);
    }
    const data = await result.data();
    await checkUnchanged(inputs);
    return data;
  } finally {
    result?.dispose();
    inputs.dispose();
  }
}

async function checkUnchanged(inputs: PlacedInputs<Inputs>): Promise<void> {
  for (const [name, { initial, read }] of Object.entries(inputs.placed)) {
    const now = await read();
    const changed = now.findIndex((value, i) => !Object.is(value, initial[i]));
    if (changed >= 0) {
      const change = `buffer element ${changed}: ${initial[changed]} → ${now[changed]}`;
      throw new Error(`the input ${name} was changed: ${change}`);
    }
  }
}

/**
 * Checks the gradient of every f32 input against finite differences of the reference; that a second backward pass, with
 * a strided gradient, adds to it; that one input alone gets the same; that a fresh run gives equal bits.
 */
export function gradients(subject: OpCase): Check {
  const { name, needs, without } = subject;
  return {
    name: `${name}, gradient`,
    needs,
    without,
    size: largestSize(subject.inputs),
    async run(backend) {
      const arrays = arraysOf(subject.inputs);
      const { shape } = subject.reference(arrays);
      const drawn = numbers(shape).values(cotangentStream);
      const cotangent = subject.gradients ? generate(shape, () => 1) : array(shape, drawn);
      const floats = Object.keys(subject.inputs).filter((input) => subject.inputs[input].dtype === "f32");
      const names = subject.withRespectTo ?? floats;
      const gradientsOf = (inputs: readonly string[], ...layouts: readonly LayoutKind[]): Promise<Gradients[]> =>
        differentiate(subject, backend, arrays, cotangent, inputs, layouts);

      const [once, twice] = await gradientsOf(names, "dense", "transposed");
      const [again] = await gradientsOf(names, "dense");
      for (const input of names) {
        const gradient = array(arrays[input].shape, once[input]);
        checkGradient(subject, arrays, cotangent, input, gradient);
        compare(`${input}.grad after a second pass`, twice[input], map(gradient, (g) => 2 * g), 1e-5);
        compareBits(`${input}.grad`, once[input], again[input], gradient.shape);
        if (names.length === 1) continue;
        const [alone] = await gradientsOf([input], "dense");
        compare(`${input}.grad where no other input has one`, alone[input], gradient, 1e-6);
      }
    },
  };
}

type Gradients = Readonly<Record<string, Float32Array>>;

/** The inputs' gradients after each of several passes, one for each layout of the output's gradient. */
async function differentiate(
  subject: OpCase,
  backend: Backend,
  arrays: ArraysOf<Inputs>,
  cotangent: NdArray,
  names: readonly string[],
  layouts: readonly LayoutKind[],
): Promise<Gradients[]> {
  const inputs = placeInputs(backend, subject.inputs, arrays);
  const leaves = inputs.tensors as Readonly<Record<string, Tensor>>;
  for (const name of names) leaves[name].requiresGrad = true;
  try {
    const passes: Gradients[] = [];
    for (const layout of layouts) {
      const seed = place(backend, "f32", cotangent.shape, cotangent.data, layout);
      try {
        scope(() => (subject.run(inputs.tensors) as Tensor).backward(seed.tensor));
      } finally {
        seed.dispose();
      }
      const found: Record<string, Float32Array> = {};
      for (const name of names) {
        const { grad, shape } = leaves[name];
        if (!grad || !sameShape(grad.shape, shape)) {
          const got = grad ? formatShape(grad.shape) : "none";
          throw new Error(`${name}.grad: expected the shape ${formatShape(shape)}, got ${got}`);
        }
        found[name] = await grad.data();
      }
      passes.push(found);
    }
    await checkUnchanged(inputs);
    return passes;
  } finally {
    inputs.dispose();
  }
}

function checkGradient(
  subject: OpCase,
  arrays: ArraysOf<Inputs>,
  cotangent: NdArray,
  input: string,
  gradient: NdArray,
): void {
  const { gradientTolerance: tolerance = defaultGradientTolerance } = subject;
  const x = arrays[input];
  const given = subject.gradients?.[input];
  const scalar = (moved: NdArray): number => inner(subject.reference({ ...arrays, [input]: moved }), cotangent);
  if (given || x.data.length <= elementwiseLimit) {
    const expected = given ? array(x.shape, given) : gradientOf(scalar, x);
    compare(`${input}.grad`, gradient.data, expected, tolerance);
    return;
  }
  const norm = Math.sqrt(inner(gradient, gradient));
  for (let i = 0; i < directions; i++) {
    const direction = array(x.shape, numbers(x.shape, { low: -1, high: 1 }).values(directionStream + i));
    const expected = derivativeAlong(scalar, x, direction.data);
    const actual = inner(gradient, direction);
    if (!(Math.abs(actual - expected) <= tolerance * norm + 1e-7)) {
      throw new Error(
        `${input}.grad along random direction ${i}: expected ${expected}, got ${actual}; ` +
          `error in norm ${(Math.abs(actual - expected) / norm).toExponential(2)}, tolerance ${tolerance}`,
      );
    }
  }
}

/** Checks that an op refuses its inputs with an error of this code, and of a message with this part. */
export function failure<const I extends Inputs>(
  code: TensorErrorCode,
  { name, needs, message = "", ...subject }: Pick<OpCase<I>, "name" | "inputs" | "run" | "needs"> & { message?: string },
): Check {
  return {
    name,
    needs,
    async run(backend) {
      const inputs = placeInputs(backend, subject.inputs, arraysOf(subject.inputs));
      try {
        scope(() => void subject.run(inputs.tensors));
      } catch (error) {
        if (isGptError(error) && error.code === code && error.message.includes(message)) return;
        throw error;
      } finally {
        inputs.dispose();
      }
      throw new Error(`expected the error ${code}, but nothing was thrown`);
    },
  };
}
