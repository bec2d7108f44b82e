import type { MemoryUse, View } from "../../contract/index.ts";
import type { DataOf, DType } from "../../dtype.ts";
import { createData } from "../../dtype.ts";
import { TensorError } from "../../errors.ts";
import { isDense, sizeOf } from "../../shape.ts";

/** One buffer, seen as either dtype. */
interface Block {
  readonly f32: Float32Array;
  readonly i32: Int32Array;
}

/** The buffers of one backend. A buffer's number is its index in the table; the numbers of freed ones are reused. */
export class Memory {
  readonly #blocks: (Block | undefined)[] = [];
  readonly #freed: number[] = [];
  #liveBytes = 0;
  #peakBytes = 0;
  #disposed = false;

  get use(): MemoryUse {
    return {
      liveBuffers: this.#blocks.length - this.#freed.length,
      liveBytes: this.#liveBytes,
      peakBytes: this.#peakBytes,
    };
  }

  allocate(byteLength: number): number {
    this.#checkAlive();
    const block = createBlock(byteLength);
    const buffer = this.#freed.pop() ?? this.#blocks.length;
    this.#blocks[buffer] = block;
    this.#liveBytes += block.f32.byteLength;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return buffer;
  }

  /** After `dispose` there is nothing left to free, and nothing happens: tensors may outlive their backend. */
  free(buffer: number): void {
    if (this.#disposed) return;
    this.#liveBytes -= this.#block(buffer).f32.byteLength;
    this.#blocks[buffer] = undefined;
    this.#freed.push(buffer);
  }

  dispose(): void {
    this.#disposed = true;
    this.#blocks.length = 0;
    this.#freed.length = 0;
    this.#liveBytes = 0;
  }

  /** The whole buffer of a view. */
  buffer<D extends DType>(view: View<D>): DataOf<D>;
  buffer(view: View<DType>): Float32Array | Int32Array {
    return this.#block(view.buffer)[view.dtype];
  }

  /** The elements of a dense view, to read or to write. */
  dense<D extends DType>(view: View<D>): DataOf<D>;
  dense(view: View<DType>): Float32Array | Int32Array {
    return this.buffer(view).subarray(view.offset, view.offset + sizeOf(view.shape));
  }

  /** The elements of any view, row-major, to read: the memory itself where the view is dense, else a copy. */
  elements<D extends DType>(view: View<D>): DataOf<D>;
  elements(view: View<DType>): Float32Array | Int32Array {
    if (isDense(view.shape, view.strides)) return this.dense(view);
    const source = this.buffer(view);
    const copy = createData(view.dtype, sizeOf(view.shape));
    let index = 0;
    forEachRow(view, (start, length, step) => {
      for (let i = 0; i < length; i++) copy[index++] = source[start + i * step];
    });
    return copy;
  }

  /** Writes elements in row-major order to any view, whose dtype they are rounded to. */
  store(view: View<DType>, elements: Float32Array | Float64Array | Int32Array): void {
    if (isDense(view.shape, view.strides)) {
      this.dense(view).set(elements);
      return;
    }
    const target = this.buffer(view);
    let index = 0;
    forEachRow(view, (start, length, step) => {
      for (let i = 0; i < length; i++) target[start + i * step] = elements[index++];
    });
  }

  #block(buffer: number): Block {
    this.#checkAlive();
    const block = this.#blocks[buffer];
    if (!block) throw new TensorError("invalid-argument", `cpu: buffer ${buffer} is not allocated, or was freed before`);
    return block;
  }

  #checkAlive(): void {
    if (this.#disposed) throw new TensorError("disposed", "cpu: this backend was disposed of; start another one");
  }
}

/** Calls `visit` for each row of a view (a run along its last axis), in row-major order. */
export function forEachRow(
  { shape, strides, offset }: View<DType>,
  visit: (start: number, length: number, step: number) => void,
): void {
  if (sizeOf(shape) === 0) return;
  const last = shape.length - 1;
  const visitAxis = (axis: number, start: number): void => {
    if (axis >= last) visit(start, shape[axis] ?? 1, strides[axis] ?? 0);
    else for (let i = 0; i < shape[axis]; i++) visitAxis(axis + 1, start + i * strides[axis]);
  };
  visitAxis(0, offset);
}

function createBlock(byteLength: number): Block {
  try {
    const bytes = new ArrayBuffer(byteLength);
    return { f32: new Float32Array(bytes), i32: new Int32Array(bytes) };
  } catch (cause) {
    throw new TensorError(
      "out-of-memory",
      `cpu: there is no room for a buffer of ${byteLength} bytes; use smaller batches, or free tensors by \`scope\``,
      { cause },
    );
  }
}
