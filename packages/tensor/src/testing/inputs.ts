import type { Backend } from "../contract/index.ts";
import type { Tensor } from "../core/tensor.ts";
import type { DType } from "../dtype.ts";
import { sizeOf } from "../shape.ts";
import type { Shape } from "../shape.ts";
import { forEachUniform } from "../philox.ts";
import type { LayoutKind, Placed } from "./layout-kind.ts";
import { place } from "./layout-kind.ts";
import type { NdArray } from "./reference/array.ts";
import { array } from "./reference/array.ts";

/** What a case hands to the op or kernel. */
export interface Input<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: Shape;
  readonly layout: LayoutKind;
  /** Its values, row-major; different for each stream. */
  values(stream: number): ArrayLike<number>;
}

export type Inputs = Readonly<Record<string, Input>>;

/** Elements of the largest input. */
export function largestSize(inputs: Inputs): number {
  return Math.max(0, ...Object.values(inputs).map(({ shape }) => sizeOf(shape)));
}
export type ArraysOf<I extends Inputs> = { readonly [Name in keyof I]: NdArray };
export type TensorsOf<I extends Inputs> = {
  readonly [Name in keyof I]: I[Name] extends Input<infer D> ? Tensor<D> : never;
};

export interface NumberOptions {
  /** Default −2. */
  readonly low?: number;
  /** Default 2. */
  readonly high?: number;
  /** Keep this distance from zero: for functions that have a kink or a pole there. */
  readonly gap?: number;
  readonly layout?: LayoutKind;
}

/** Pseudo-random f32 numbers, evenly distributed. */
export function numbers(shape: Shape, options: NumberOptions = {}): Input<"f32"> {
  const { low = -2, high = 2, gap = 0, layout = "dense" } = options;
  return {
    dtype: "f32",
    shape,
    layout,
    values: (stream) =>
      draw(shape, stream, (u) => {
        const value = low + (high - low) * u;
        return Math.fround(value < 0 ? value - gap : value + gap);
      }),
  };
}

/** Pseudo-random whole numbers from `low` to below `high`, as i32 unless told otherwise. */
export function integers(shape: Shape, low: number, high: number, layout?: LayoutKind): Input<"i32">;
export function integers<D extends DType>(shape: Shape, low: number, high: number, layout: LayoutKind, dtype: D): Input<D>;
export function integers(
  shape: Shape,
  low: number,
  high: number,
  layout: LayoutKind = "dense",
  dtype: DType = "i32",
): Input {
  return {
    dtype,
    shape,
    layout,
    values: (stream) => draw(shape, stream, (u) => low + Math.floor((high - low) * u)),
  };
}

/** Given values: numbers, along one axis unless a shape is given. */
export function literal(values: readonly number[], shape?: Shape): Input<"f32">;
export function literal<D extends DType>(values: readonly number[], shape: Shape, dtype: D): Input<D>;
export function literal(values: readonly number[], shape: Shape = [values.length], dtype: DType = "f32"): Input {
  return { dtype, shape, layout: "dense", values: () => (dtype === "f32" ? Float32Array.from(values) : values) };
}

/** A tensor that a kernel is to write: NaN until then. */
export function unwritten(shape: Shape, layout?: LayoutKind): Input<"f32">;
export function unwritten<D extends DType>(shape: Shape, layout: LayoutKind, dtype: D): Input<D>;
export function unwritten(shape: Shape, layout: LayoutKind = "offset", dtype: DType = "f32"): Input {
  const filler = dtype === "f32" ? NaN : -1;
  return { dtype, shape, layout, values: () => new Float64Array(sizeOf(shape)).fill(filler) };
}

function draw(shape: Shape, stream: number, value: (uniform: number) => number): Float64Array {
  const values = new Float64Array(sizeOf(shape));
  forEachUniform({ seed: [0x5eed, 0], stream: [stream, 0] }, values.length, (i, u) => (values[i] = value(u)));
  return values;
}

/** The values of all inputs in float64. */
export function arraysOf<I extends Inputs>(inputs: I): ArraysOf<I> {
  const entries = Object.entries(inputs).map(([name, input], i) => [name, array(input.shape, input.values(i))]);
  return Object.fromEntries(entries) as ArraysOf<I>;
}

/** Inputs on a backend. */
export interface PlacedInputs<I extends Inputs> {
  readonly tensors: TensorsOf<I>;
  readonly placed: Readonly<Record<string, Placed>>;
  readonly dispose: () => void;
}

export function placeInputs<I extends Inputs>(backend: Backend, inputs: I, arrays: ArraysOf<I>): PlacedInputs<I> {
  const placed = Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, shape, layout }]) => [
      name,
      place(backend, dtype, shape, arrays[name].data, layout),
    ]),
  );
  const tensors = Object.fromEntries(Object.entries(placed).map(([name, { tensor }]) => [name, tensor]));
  return {
    tensors: tensors as unknown as TensorsOf<I>,
    placed,
    dispose() {
      for (const input of Object.values(placed)) input.dispose();
    },
  };
}
