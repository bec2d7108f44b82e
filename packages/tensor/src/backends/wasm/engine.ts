import type { Dense, MemoryUse, View } from "../../contract/index.ts";
import type { DataOf, DType } from "../../dtype.ts";
import { bytesPerElement } from "../../dtype.ts";
import { TensorError } from "../../errors.ts";
import type { WasmExports } from "../../generated/wasm-exports.ts";
import { denseStrides, isDense, sizeOf } from "../../shape.ts";
import type { Shape, Strides } from "../../shape.ts";
import { Allocator } from "./allocator.ts";

/** Memory is given out in cache lines. */
const unitBytes = 64;
const pageBytes = 65_536;
/** 4 GiB: what 32-bit addresses reach. */
const maxUnits = 2 ** 32 / unitBytes;

/** A memory that starts small and can grow to 4 GiB. Throws `out-of-memory`. */
export function createMemory(): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: 16, maximum: 2 ** 32 / pageBytes });
  } catch (cause) {
    throw new TensorError(
      "out-of-memory",
      "wasm: there are no addresses left for another memory of up to 4 GiB; dispose of backends that are not needed",
      { cause },
    );
  }
}

/** The compiled kernels and their memory. A buffer's number is its address. */
export class Engine {
  #running: { readonly wasm: WasmExports; readonly memory: WebAssembly.Memory } | undefined;
  readonly #allocator: Allocator;
  #f32: Float32Array;
  #i32: Int32Array;
  #liveBuffers = 0;
  #liveBytes = 0;
  #peakBytes = 0;

  constructor(wasm: WasmExports, memory: WebAssembly.Memory) {
    this.#running = { wasm, memory };
    const start = Math.ceil(Number(wasm.heapBase.value) / unitBytes);
    this.#allocator = new Allocator(start);
    // The last unit is left out: kernels may read up to a vector past the end of an operand.
    this.#allocator.extend(memory.buffer.byteLength / unitBytes - start - 1);
    this.#f32 = new Float32Array(memory.buffer);
    this.#i32 = new Int32Array(memory.buffer);
  }

  /** The kernels. */
  get wasm(): WasmExports {
    return this.#alive().wasm;
  }

  get use(): MemoryUse {
    return { liveBuffers: this.#liveBuffers, liveBytes: this.#liveBytes, peakBytes: this.#peakBytes };
  }

  allocate(byteLength: number): number {
    const units = unitsOf(byteLength);
    const address = this.#allocateUnits(units);
    this.#liveBuffers++;
    this.#liveBytes += units * unitBytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return address;
  }

  /** After `dispose` there is nothing left to free, and nothing happens: tensors may outlive their backend. */
  free(buffer: number): void {
    if (!this.#running) return;
    const units = this.#allocator.free(buffer / unitBytes);
    if (units === undefined) {
      throw new TensorError("invalid-argument", `wasm: buffer ${buffer} is not allocated, or was freed before`);
    }
    this.#liveBuffers--;
    this.#liveBytes -= units * unitBytes;
  }

  /** Lends `use` some memory, which is not counted as a buffer. */
  withScratch<T>(byteLength: number, use: (address: number) => T): T {
    const address = this.#allocateUnits(unitsOf(byteLength));
    try {
      return use(address);
    } finally {
      this.#allocator.free(address / unitBytes);
    }
  }

  /** The address of the first element of a view. */
  address(view: View<DType>): number {
    return view.buffer + view.offset * bytesPerElement;
  }

  /** Calls `use` with the address of the elements of a view, row-major: its own where it is dense, else of a copy. */
  withDense(view: View<DType>, use: (address: number) => void): void {
    if (isDense(view.shape, view.strides)) {
      use(this.address(view));
      return;
    }
    this.withScratch(sizeOf(view.shape) * bytesPerElement, (copy) => {
      this.gather(view, copy);
      use(copy);
    });
  }

  /** Copies the elements of a view to an address, row-major. */
  gather(view: View<DType>, to: number): void {
    this.copy(view.shape, this.address(view), view.strides, to, denseStrides(view.shape));
  }

  /** Copies row-major elements at an address to a view. */
  scatter(from: number, view: View<DType>): void {
    this.copy(view.shape, from, denseStrides(view.shape), this.address(view), view.strides);
  }

  /** Copies between any two layouts of one shape; a stride of 0 in the source repeats an element. */
  copy(shape: Shape, from: number, fromStrides: Strides, to: number, toStrides: Strides): void {
    if (sizeOf(shape) === 0) return;
    const axes = mergeAxes(shape, fromStrides, toStrides);
    while (axes.length < 3) axes.unshift({ length: 1, fromStep: 0, toStep: 0 });
    const { wasm } = this;
    const copyAxes = (axis: number, source: number, target: number): void => {
      if (axis + 3 < axes.length) {
        const { length, fromStep, toStep } = axes[axis];
        for (let i = 0; i < length; i++) copyAxes(axis + 1, source + i * fromStep, target + i * toStep);
        return;
      }
      const [a, b, c] = axes.slice(axis);
      wasm.copyStrided(
        source, a.fromStep, b.fromStep, c.fromStep, target, a.toStep, b.toStep, c.toStep, a.length, b.length, c.length,
      );
    };
    copyAxes(0, from, to);
  }

  /** Makes every element of a view `value`. */
  fill(value: number, view: View<DType>): void {
    const { dtype, shape, strides } = view;
    this.withScratch(bytesPerElement, (source) => {
      this.#data(dtype)[source / bytesPerElement] = value;
      this.copy(shape, source, shape.map(() => 0), this.address(view), strides);
    });
  }

  write<D extends DType>(view: Dense<D>, data: DataOf<D>): void {
    this.elements(view).set(data);
  }

  read<D extends DType>(view: Dense<D>): DataOf<D> {
    return this.elements(view).slice() as DataOf<D>;
  }

  /** The elements of a dense view, until memory grows. */
  elements<D extends DType>(view: Dense<D>): DataOf<D>;
  elements(view: Dense<DType>): Float32Array | Int32Array {
    const start = this.address(view) / bytesPerElement;
    return this.#data(view.dtype).subarray(start, start + sizeOf(view.shape));
  }

  dispose(): void {
    this.#running = undefined;
    this.#f32 = new Float32Array();
    this.#i32 = new Int32Array();
    this.#liveBuffers = 0;
    this.#liveBytes = 0;
  }

  #alive(): { readonly wasm: WasmExports; readonly memory: WebAssembly.Memory } {
    if (!this.#running) {
      throw new TensorError("disposed", "wasm: this backend was disposed of; start another one");
    }
    return this.#running;
  }

  #data(dtype: DType): Float32Array | Int32Array {
    const { buffer } = this.#alive().memory;
    if (this.#f32.buffer !== buffer) {
      this.#f32 = new Float32Array(buffer);
      this.#i32 = new Int32Array(buffer);
    }
    return dtype === "f32" ? this.#f32 : this.#i32;
  }

  #allocateUnits(units: number): number {
    this.#alive();
    if (units > maxUnits) throw this.#outOfMemory(units);
    let start = this.#allocator.allocate(units);
    if (start === undefined) {
      this.#grow(units);
      start = this.#allocator.allocate(units);
    }
    if (start === undefined) throw this.#outOfMemory(units);
    return start * unitBytes;
  }

  /** Grows the memory so that `units` fit at its end, where it can by an eighth of what there is. */
  #grow(units: number): void {
    const { memory } = this.#alive();
    const needed = Math.ceil(((units - this.#allocator.freeAtEnd) * unitBytes) / pageBytes);
    const ample = Math.ceil(memory.buffer.byteLength / 8 / pageBytes);
    for (const pages of [Math.max(needed, ample), needed]) {
      try {
        memory.grow(pages);
      } catch {
        continue;
      }
      this.#allocator.extend((pages * pageBytes) / unitBytes);
      return;
    }
    throw this.#outOfMemory(units);
  }

  #outOfMemory(units: number): TensorError {
    return new TensorError(
      "out-of-memory",
      `wasm: there is no room for a buffer of ${units * unitBytes} bytes beside the ${this.#liveBytes} in use ` +
        "(WebAssembly ends at 4 GiB); use smaller batches, or free tensors by `scope`",
    );
  }
}

function unitsOf(byteLength: number): number {
  return Math.max(1, Math.ceil(byteLength / unitBytes));
}

/** An axis of a copy, steps in bytes. */
interface CopyAxis {
  length: number;
  fromStep: number;
  toStep: number;
}

/** The axes of a copy, without those of length 1, and with neighbours joined where both sides allow it. */
function mergeAxes(shape: Shape, fromStrides: Strides, toStrides: Strides): CopyAxis[] {
  const axes: CopyAxis[] = [];
  for (let axis = 0; axis < shape.length; axis++) {
    const length = shape[axis];
    if (length === 1) continue;
    const fromStep = fromStrides[axis] * bytesPerElement;
    const toStep = toStrides[axis] * bytesPerElement;
    const outer = axes.at(-1);
    if (outer && outer.fromStep === fromStep * length && outer.toStep === toStep * length) {
      outer.length *= length;
      outer.fromStep = fromStep;
      outer.toStep = toStep;
    } else {
      axes.push({ length, fromStep, toStep });
    }
  }
  return axes;
}
