import type { Backend, Dense, PackedView } from "../contract/index.ts";
import type { DType } from "../dtype.ts";
import { bytesPerElement } from "../dtype.ts";
import { TensorError } from "../errors.ts";
import { checkParts, checkRows, decodeParts, encodeParts } from "../packed-parts.ts";
import type { PackedParts } from "../packed-parts.ts";
import { denseStrides, formatShape, sameShape, sizeOf } from "../shape.ts";
import type { Shape } from "../shape.ts";
import { codecOf } from "../weight-codec.ts";
import { partShapes } from "../weight-format.ts";
import type { PackedDType, WeightDType } from "../weight-format.ts";
import { checkBackend, currentBackend } from "./backend.ts";
import { zeros } from "./create.ts";
import { Handle } from "./handle.ts";
import { keep } from "./scope.ts";
import type { Tensor } from "./tensor.ts";

/** A weight, as a tensor or packed. */
export type Weight = Tensor | PackedWeight;

/**
 * A weight in fewer bits than f32, for models that are not trained: a matrix `[rows, columns]`, which `linear` and
 * `embedding` take in the place of a tensor, or one for each expert, `[experts, rows, columns]`. It is written and read by
 * rows, which count through all matrices. It belongs to no scope, and lives until `dispose`.
 */
export class PackedWeight<D extends PackedDType = PackedDType> extends Handle {
  readonly dtype: D;
  readonly shape: Shape;
  /** What is stored: see `PackedView`. */
  readonly values: Tensor<"i32">;
  readonly scales: Tensor<"i32"> | undefined;

  private constructor(dtype: D, shape: Shape, values: Tensor<"i32">, scales: Tensor<"i32"> | undefined) {
    super();
    this.dtype = dtype;
    this.shape = shape;
    this.values = values;
    this.scales = scales;
  }

  /**
   * A weight of zeros, on the chosen backend unless another one is given. Throws `invalid-argument` where the backend does
   * not have the dtype.
   */
  static zeros<D extends PackedDType>(
    dtype: D, shape: Shape, options: { readonly backend?: Backend } = {},
  ): PackedWeight<D> {
    const { backend = currentBackend() } = options;
    checkBackend("PackedWeight.zeros", backend);
    if (!backend.packedDTypes.includes(dtype)) {
      const known = backend.packedDTypes.length > 0 ? backend.packedDTypes.join(", ") : "none";
      throw new TensorError(
        "invalid-argument",
        `the backend ${backend.name} stores no weights as ${dtype}; beside f32 it has: ${known}`,
      );
    }
    if (shape.length !== 2 && shape.length !== 3) {
      const expected = "[rows, columns] or [experts, rows, columns]";
      throw new TensorError("invalid-shape", `a packed weight is ${expected}, not ${formatShape(shape)}`);
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

  /**
   * A weight of the bits that parts hold, on the chosen backend unless another one is given. Its shape is `[rows, columns]`
   * unless that of experts' matrices is given.
   */
  static fromParts(
    parts: PackedParts, options: { readonly shape?: Shape; readonly backend?: Backend } = {},
  ): PackedWeight {
    const { dtype, rows, columns } = parts;
    const { shape = [rows, columns], backend } = options;
    if (dtype === "f32") {
      throw new TensorError("invalid-dtype", "PackedWeight.fromParts: f32 is not packed; encodeParts packs elements");
    }
    if (!sameShape([sizeOf(shape.slice(0, -1)), shape.at(-1) ?? 0], [rows, columns])) {
      const problem = `${rows} rows of ${columns} are no ${formatShape(shape)}`;
      throw new TensorError("invalid-shape", `PackedWeight.fromParts: ${problem}`);
    }
    const weight = PackedWeight.zeros(dtype, shape, { backend });
    try {
      weight.writeRows(0, parts);
      return weight;
    } catch (error) {
      weight.dispose();
      throw error;
    }
  }

  /** Bytes that a weight of a dtype takes: blocks are whole, and words. */
  static byteLengthOf(dtype: WeightDType, shape: Shape): number {
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

  /** Number of rows, of all matrices. */
  get rows(): number {
    return this.values.shape[0];
  }

  /** Number of columns. */
  get columns(): number {
    return this.shape[this.shape.length - 1];
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
   * Stores rows from `start` on: parts, or the elements of whole rows. Parts of its dtype keep their bits; what is of another
   * dtype is encoded, see `encodeParts`.
   */
  writeRows(start: number, rows: PackedParts | Float32Array): void {
    const { dtype, columns } = this;
    const parts = rows instanceof Float32Array ? floatParts(rows, columns) : rows;
    checkParts("PackedWeight.writeRows", parts);
    if (parts.columns !== columns) {
      const problem = `rows of ${parts.columns} columns do not fit a packed weight ${formatShape(this.shape)}`;
      throw new TensorError("invalid-shape", `PackedWeight.writeRows: ${problem}`);
    }
    checkRows("PackedWeight.writeRows", this.rows, start, parts.rows);
    if (parts.rows * columns === 0 || this.backend.isMeta) return;
    const own = parts.dtype === dtype ? parts : encodeParts(dtype, parts.rows, columns, decodeParts(parts));
    this.values.overwrite("PackedWeight.writeRows");
    this.backend.write(rowsOf(this.values, start, own.rows), own.values as Int32Array);
    if (this.scales && own.scales) this.backend.write(rowsOf(this.scales, start, own.rows), own.scales);
  }

  /** A copy of rows `[start, start + count)`, by default of all, as they are when this is called. */
  async readRows(start = 0, count = this.rows - start): Promise<PackedParts> {
    checkRows("PackedWeight.readRows", this.rows, start, count);
    const { dtype, columns, backend } = this;
    const read = async (part: Tensor<"i32">): Promise<Int32Array> =>
      count * part.shape[1] > 0 ? backend.read(rowsOf(part, start, count)) : new Int32Array();
    const [values, scales] = await Promise.all([read(this.values), this.scales ? read(this.scales) : null]);
    return { dtype, rows: count, columns, values, scales };
  }

  /** A copy of the elements that it stands for when this is called, row-major. */
  async data(): Promise<Float32Array> {
    return decodeParts(await this.readRows());
  }

  /** @internal What kernels take. */
  get view(): PackedView {
    const { dtype, shape, values, scales = null } = this;
    return { dtype, shape, values, scales, codec: codecOf(dtype) };
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

/** Elements as parts; the last row may be a part of one, which is then refused. */
function floatParts(values: Float32Array, columns: number): PackedParts {
  return { dtype: "f32", rows: Math.ceil(values.length / Math.max(columns, 1)), columns, values, scales: null };
}

/** Rows of a part of a weight. */
function rowsOf<D extends DType>({ buffer, offset, dtype, shape: [, width] }: Tensor<D>, start: number, count: number): Dense<D> {
  const shape = [count, width];
  return { buffer, dtype, shape, strides: denseStrides(shape), offset: offset + start * width };
}
