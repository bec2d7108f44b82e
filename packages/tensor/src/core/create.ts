import { argumentError, check, checkOptions } from "../arguments.ts";
import type { Backend } from "../contract/index.ts";
import type { DataOf, DType } from "../dtype.ts";
import { TensorError } from "../errors.ts";
import { dtypeName, number, optional, philoxKey, seed } from "../expectations.ts";
import type { PhiloxKey } from "../philox.ts";
import { forEachUniform, uniformAt } from "../philox.ts";
import { quote } from "@gpt/common";
import type { Shape } from "../shape.ts";
import { formatShape, sizeOf } from "../shape.ts";
import { checkBackend, currentBackend } from "./backend.ts";
import { keyOfSeed, nextKey } from "./generator.ts";
import { Tensor } from "./tensor.ts";

/** What a tensor is made of, and where. */
export interface CreateOptions<D extends DType = DType> {
  /** Default `f32`; an `Int32Array` makes `i32`. */
  readonly dtype?: D;
  /** Default: the backend chosen by `useBackend`. */
  readonly backend?: Backend;
  /** Whether `backward` accumulates a gradient for it. f32 only. */
  readonly requiresGrad?: boolean;
}

/** Numbers in nested arrays, all of one shape. */
export type Nested = number | readonly Nested[];

/**
 * A tensor with the given values: a number, nested arrays, or a typed array (with `shape`, or one axis).
 *
 * ```ts
 * const x = tensor([[1, 2], [3, 4]]); // [2, 2]
 * ```
 */
export function tensor(data: Int32Array, options?: CreateOptions<"i32"> & { shape?: Shape }): Tensor<"i32">;
/** A tensor with the given values: a number, nested arrays, or a `Float32Array` (with `shape`, or one axis). */
export function tensor<D extends DType = "f32">(
  data: Nested | Float32Array,
  options?: CreateOptions<D> & { shape?: Shape },
): Tensor<D>;
export function tensor(
  data: Nested | Float32Array | Int32Array,
  options: CreateOptions & { shape?: Shape } = {},
): Tensor<DType> {
  checkOptions("tensor", options);
  const typed = data instanceof Float32Array || data instanceof Int32Array;
  const dtype = options.dtype ?? (data instanceof Int32Array ? "i32" : "f32");
  const inferred = typed ? [data.length] : nestedShape(data);
  const shape = options.shape ?? inferred;
  checkShape("tensor", shape);
  if (sizeOf(shape) !== sizeOf(inferred)) {
    throw new TensorError(
      "invalid-shape",
      `tensor: ${sizeOf(inferred)} values do not fill the shape ${formatShape(shape)} (${sizeOf(shape)} elements)`,
    );
  }
  const flat: ArrayLike<number> = typed ? data : flatten(data, inferred);
  const values = dtype === "i32" ? integersOf(flat) : Float32Array.from(flat);
  const out = empty("tensor", dtype, shape, options);
  if (values.length > 0) out.backend.write(out, values);
  return out;
}

function integersOf(values: ArrayLike<number>): Int32Array {
  const integers = Int32Array.from(values);
  const wrong = integers.findIndex((value, i) => value !== values[i]);
  if (wrong >= 0) {
    throw argumentError("tensor", `${values[wrong]} is no i32, a whole number from -2^31 to 2^31 - 1; make an f32 tensor, or cast one`);
  }
  return integers;
}

/** A tensor of this shape in which every element is `value`. */
export function full<D extends DType = "f32">(shape: Shape, value: number, options: CreateOptions<D> = {}): Tensor<D> {
  return filled("full", shape, value, options);
}

/** A tensor of this shape in which every element is 0. */
export function zeros<D extends DType = "f32">(shape: Shape, options: CreateOptions<D> = {}): Tensor<D> {
  return filled("zeros", shape, 0, options);
}

/** A tensor of this shape in which every element is 1. */
export function ones<D extends DType = "f32">(shape: Shape, options: CreateOptions<D> = {}): Tensor<D> {
  return filled("ones", shape, 1, options);
}

function filled<D extends DType>(op: string, shape: Shape, value: number, options: CreateOptions<D>): Tensor<D> {
  checkOptions(op, options);
  check(op, "the value", value, number);
  const out = empty(op, options.dtype ?? ("f32" as D), shape, options);
  if (out.size > 0) out.backend.kernels.fill({ value, out });
  return out;
}

/** `[0, 1, …, length − 1]`, i32 by default. */
export function arange<D extends DType = "i32">(length: number, options: CreateOptions<D> = {}): Tensor<D> {
  checkOptions("arange", options);
  const out = empty("arange", options.dtype ?? ("i32" as D), [length], options);
  if (length === 0) return out;
  const values = out.dtype === "f32" ? new Float32Array(length) : new Int32Array(length);
  out.backend.write(out, values.map((_, i) => i) as DataOf<D>);
  return out;
}

/** Where random numbers come from. */
export interface RandomOptions extends CreateOptions<"f32"> {
  /** The same seed gives the same numbers, on every backend. Default: numbers that the generator of `manualSeed` has next. */
  readonly seed?: number;
  /** A key of `RandomKeys`, in the place of a seed. */
  readonly key?: PhiloxKey;
}

/** The mean and the standard deviation of normally distributed numbers. */
export interface NormalOptions {
  /** Default 0. */
  readonly mean?: number;
  /** Default 1. */
  readonly std?: number;
}

/**
 * Uniform numbers in [0, 1), 24 bits each, the same on every backend.
 *
 * ```ts
 * const x = rand([2, 3], { seed: 1 });
 * ```
 */
export function rand(shape: Shape, options: RandomOptions = {}): Tensor {
  const key = keyOf("rand", options);
  const out = empty("rand", "f32", shape, options);
  if (out.size > 0) out.backend.kernels.uniform({ key, out });
  return out;
}

/**
 * Normally distributed numbers of mean 0 and std 1, or those given. They are made of uniform ones on the host (Box & Muller
 * 1958), so that they are the same on every backend.
 *
 * ```ts
 * const x = randn([2, 3], { seed: 1 });
 * ```
 */
export function randn(shape: Shape, options: RandomOptions & NormalOptions = {}): Tensor {
  const key = keyOf("randn", options);
  checkOptions("randn", options, normalExpected);
  const out = empty("randn", "f32", shape, options); // First of all, since it refuses what does not fit into memory.
  if (out.size === 0 || out.backend.isMeta) return out;
  out.backend.write(out, toNormal(uniformOnHost(out, key), key, options));
  return out;
}

const normalExpected = { mean: optional(number), std: optional(number) };
const randomExpected = { seed: optional(seed), key: optional(philoxKey) };

function keyOf(op: string, options: RandomOptions): PhiloxKey {
  checkOptions(op, options, randomExpected);
  if (options.seed !== undefined && options.key) throw argumentError(op, "give a seed or a key, not both");
  return options.key ?? (options.seed === undefined ? nextKey() : keyOfSeed(options.seed));
}

/**
 * The first `length` numbers of `randn` by this key, without a tensor.
 * @internal
 */
export function normalValues(length: number, key: PhiloxKey, options: NormalOptions = {}): Float32Array {
  checkOptions("normalValues", options, normalExpected);
  return toNormal(uniformsOf("normalValues", length, key), key, options);
}

/** Makes numbers of `rand` normally distributed ones, in place. */
function toNormal(values: Float32Array, key: PhiloxKey, { mean = 0, std = 1 }: NormalOptions): Float32Array {
  for (let i = 0; i < values.length; i += 2) {
    // 1 − u lies in (0, 1], so that the logarithm is finite.
    const radius = std * Math.sqrt(-2 * Math.log(1 - values[i]));
    const angle = 2 * Math.PI * (i + 1 < values.length ? values[i + 1] : uniformAt(key, i + 1));
    values[i] = mean + radius * Math.cos(angle);
    if (i + 1 < values.length) values[i + 1] = mean + radius * Math.sin(angle);
  }
  return values;
}

/** The numbers of `rand`: from the backend, which is fast, where it can be read at once. `out` may be overwritten. */
function uniformOnHost(out: Tensor, key: PhiloxKey): Float32Array {
  if (out.backend.readSync) {
    out.backend.kernels.uniform({ key, out });
    return out.backend.readSync(out);
  }
  return uniformsOf("randn", out.size, key);
}

/**
 * The first `length` numbers of `rand` by this key, without a tensor.
 * @internal
 */
export function uniformValues(length: number, key: PhiloxKey): Float32Array {
  return uniformsOf("uniformValues", length, key);
}

function uniformsOf(op: string, length: number, key: PhiloxKey): Float32Array {
  checkShape(op, [length]);
  check(op, "the key", key, philoxKey);
  const values = new Float32Array(length);
  forEachUniform(key, length, (i, u) => (values[i] = u));
  return values;
}

function empty<D extends DType>(op: string, dtype: D, shape: Shape, options: CreateOptions): Tensor<D> {
  checkShape(op, shape);
  check(op, "dtype", dtype, dtypeName);
  if (options.requiresGrad && dtype !== "f32") {
    throw new TensorError("invalid-dtype", `${op}: requiresGrad: only f32 tensors have gradients, this one is ${dtype}`);
  }
  if (options.backend !== undefined) checkBackend(op, options.backend);
  const out = Tensor.allocate(options.backend ?? currentBackend(), dtype, [...shape]);
  out.requiresGrad = options.requiresGrad ?? false;
  return out;
}

function checkShape(op: string, shape: Shape): void {
  if (!Array.isArray(shape) || shape.some((length) => !Number.isSafeInteger(length) || length < 0)) {
    throw new TensorError("invalid-shape", `${op}: ${formatShape(shape)} is not a shape: a list of whole numbers from 0`);
  }
}

/** Ends the search for the shape of an array that contains itself. */
const maxRank = 64;

function nestedShape(data: Nested): number[] {
  const shape: number[] = [];
  for (let level = data; typeof level !== "number"; level = level[0]) {
    checkList(level);
    shape.push(level.length);
    if (level.length === 0 || shape.length > maxRank) break;
  }
  return shape;
}

function checkList(data: Nested): asserts data is readonly Nested[] {
  if (Array.isArray(data) || (ArrayBuffer.isView(data) && "length" in data)) return;
  throw argumentError("tensor", `expected numbers in nested arrays, got ${quote(data)} among them`);
}

function flatten(data: Nested, shape: Shape): number[] {
  const flat: number[] = [];
  const visit = (level: Nested, axis: number): void => {
    if (typeof level === "number") {
      if (axis !== shape.length) throw ragged(shape);
      flat.push(level);
      return;
    }
    checkList(level);
    if (axis >= shape.length || level.length !== shape[axis]) throw ragged(shape);
    for (const item of level) visit(item, axis + 1);
  };
  visit(data, 0);
  return flat;
}

function ragged(shape: Shape): TensorError {
  return new TensorError(
    "invalid-shape",
    `tensor: the nested arrays are ragged; by their first elements the shape would be ${formatShape(shape)}`,
  );
}
