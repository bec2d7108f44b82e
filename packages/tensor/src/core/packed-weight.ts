import type { Backend, PackedView, PackedDType } from "../contract/index.ts";
import { bytesPerElement } from "../dtype.ts";
import { TensorError } from "../errors.ts";
import { formatShape, sizeOf } from "../shape.ts";
import type { Shape } from "../shape.ts";
import { decodeRows, encodeWeight, partShapes } from "../weight-format.ts";
import { checkBackend, currentBackend } from "./backend.ts";
import { zeros } from "./create.ts";
import { Handle } from "./handle.ts";
import { keep } from "./scope.ts";
import type { Tensor } from "./tensor.ts";

/** A matrix of weights, as a tensor or stored in fewer bits. */
export type Weight = Tensor | PackedWeight;

/**
 * A matrix of weights `[rows, columns]` in fewer bits than f32, for models that are not trained: `linear` and `embedding`
 * take it in the place of a tensor. It belongs to no scope, and lives until `dispose`.
 */
export class PackedWeight extends Handle {
  readonly dtype: PackedDType;
  readonly shape: Shape;
  /** What is stored: see `PackedView`. */
  readonly values: Tensor<"i32">;
  readonly scales: Tensor<"i32"> | undefined;

  private constructor(dtype: PackedDType, shape: Shape, values: Tensor<"i32">, scales: Tensor<"i32"> | undefined) {
    super();
    this.dtype = dtype;
    this.shape = shape;
    this.values = values;
    this.scales = scales;
  }

  /**
   * A matrix of zeros, on the chosen backend unless another one is given. Throws `invalid-argument` where the backend
   * does not have the format.
   */
  static zeros(dtype: PackedDType, shape: Shape, options: { readonly backend?: Backend } = {}): PackedWeight {
    const { backend = currentBackend() } = options;
    checkBackend("PackedWeight.zeros", backend);
    if (!backend.packedDTypes.includes(dtype)) {
      const known = backend.packedDTypes.length > 0 ? backend.packedDTypes.join(", ") : "none";
      throw new TensorError(
        "invalid-argument",
        `the backend ${backend.name} stores no weights as ${dtype}; beside f32 it has: ${known}`,
      );
    }
    if (shape.length !== 2) {
      throw new TensorError("invalid-shape", `a packed weight is [rows, columns], not ${formatShape(shape)}`);
    }
    const parts = partShapes(dtype, shape);
    const zerosOf = (shape: Shape): Tensor<"i32"> => keep(zeros(shape, { dtype: "i32", backend }));
    const values = zerosOf(parts.values);
    try {
      const scales = parts.scales && zerosOf(parts.scales);
      return new PackedWeight(dtype, shape, values, scales);
    } catch (error) {
      values.dispose();
      throw error;
    }
  }

  /** Bytes that a matrix takes in a format: blocks are whole, and words. */
  static byteLengthOf(dtype: PackedDType, shape: Shape): number {
    const { values, scales } = partShapes(dtype, shape);
    return bytesPerElement * (sizeOf(values) + (scales ? sizeOf(scales) : 0));
  }

  /** Where it lives. */
  get backend(): Backend {
    return this.values.backend;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Bytes that it takes. */
  get byteLength(): number {
    return PackedWeight.byteLengthOf(this.dtype, this.shape);
  }

  /** Whether it was freed. */
  get disposed(): boolean {
    return this.values.disposed;
  }

  /**
   * Stores elements, row-major: rounds them to the nearest number of the format; `int8` and `int4` choose a step for each
   * block of 32. Throws `invalid-argument` where the format cannot hold one.
   */
  write(elements: Float32Array): void {
    if (elements.length !== this.size) {
      throw new TensorError(
        "invalid-shape",
        `${elements.length} elements do not fill a packed weight ${formatShape(this.shape)} (${this.size})`,
      );
    }
    if (this.size === 0 || this.backend.isMeta) return;
    const { values, scales } = encodeWeight(this.dtype, this.shape, elements);
    this.values.overwrite("PackedWeight.write");
    this.backend.write(this.values, values);
    if (this.scales && scales) this.backend.write(this.scales, scales);
  }

  /** A copy of the elements that it stands for when this is called, row-major. */
  async data(): Promise<Float32Array> {
    const [values, scales] = await Promise.all([this.values.data(), this.scales?.data()]);
    const out = new Float32Array(this.size);
    decodeRows(this.dtype, this.shape[1], values, scales, out);
    return out;
  }

  /** @internal What kernels take. */
  get view(): PackedView {
    return { dtype: this.dtype, shape: this.shape, values: this.values, scales: this.scales ?? null };
  }

  /** Frees the memory. */
  dispose(): void {
    this.values.dispose();
    this.scales?.dispose();
  }

  override toString(): string {
    return `PackedWeight(${formatShape(this.shape)}, ${this.dtype}, ${this.backend.name}${this.disposed ? ", freed" : ""})`;
  }
}
