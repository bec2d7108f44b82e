import type { Dense, MemoryUse, View } from "../../../contract/index.ts";
import type { DataOf, DType } from "../../../dtype.ts";
import { bytesPerElement } from "../../../dtype.ts";
import { TensorError } from "../../../errors.ts";
import { denseStrides, isDense, sizeOf } from "../../../shape.ts";
import type { Shape, Strides } from "../../../shape.ts";
import { Allocator } from "./allocator.ts";
import type { StartedKernels, ThreadKernels } from "./build.ts";
import { copyElements } from "../kernels/copy.ts";
import type { ProductProvider } from "./provider.ts";
import type { KernelCall, ThreadPool } from "./thread-pool.ts";

/** Memory is given out in cache lines. */
const unitBytes = 64;
const pageBytes = 65_536;
/** 4 GiB: what 32-bit addresses reach. */
const maxUnits = 2 ** 32 / unitBytes;

/** Nanoseconds of a part of work that make up for giving it to another thread. */
const worthwhilePart = 20_000;
/** Parts of work for each thread, so that one which is held up takes fewer. */
const partsOfThread = 4;

/** Bytes that the backend can hold, whatever the machine has: what 32 bits address. */
export const maxBytes = 2 ** 32;

/** A memory that starts small and can grow to 4 GiB. Throws `out-of-memory`. */
export function createMemory(shared: boolean): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: 16, maximum: maxBytes / pageBytes, shared });
  } catch (cause) {
    throw new TensorError(
      "out-of-memory",
      "wasm: there are no addresses left for another memory of up to 4 GiB; dispose of backends that are not needed",
      { cause },
    );
  }
}

/** How work can be divided among threads. */
export interface Division {
  /** About how long one thread takes for an item, in nanoseconds. */
  readonly time: number;
  /** Parts begin at multiples of it. Default 1. */
  readonly multiple?: number;
  /** See `Engine.run`. */
  readonly threadStep?: number;
}

export interface EngineOptions {
  /** How small work may be that is divided among threads, in nanoseconds of a part. Default: what makes up for it. */
  readonly minPart?: number;
  /** See `WasmOptions.revectorized`. */
  readonly revectorized?: boolean;
  /** What computes products in place of the kernels here. Default: nothing. */
  readonly products?: ProductProvider;
}

/** What an engine works with, until it is disposed of. */
interface Running {
  readonly wasm: ThreadKernels;
  readonly memory: WebAssembly.Memory;
  /** None where there is one thread. */
  readonly pool: ThreadPool | undefined;
}

/** The compiled kernels, their memory, and the threads that run them. A buffer's number is its address. */
export class Engine {
  #running: Running | undefined;
  readonly #allocator: Allocator;
  readonly #minPart: number;
  /** Whether the JavaScript engine fuses pairs of vectors. */
  readonly revectorized: boolean;
  readonly products: ProductProvider | undefined;
  #f32: Float32Array;
  #i32: Int32Array;
  #liveBuffers = 0;
  #liveBytes = 0;
  #peakBytes = 0;

  constructor({ exports, memory }: StartedKernels, pool?: ThreadPool, options: EngineOptions = {}) {
    const { minPart = worthwhilePart, revectorized = false, products } = options;
    this.#running = { wasm: exports, memory, pool };
    const start = Math.ceil((pool?.end ?? Number(exports.heapBase.value)) / unitBytes);
    this.#minPart = minPart;
    this.revectorized = revectorized;
    this.products = products;
    this.#allocator = new Allocator(start);
    // The last unit is left out: kernels may read up to a vector past the end of an operand.
    this.#allocator.extend(memory.buffer.byteLength / unitBytes - start - 1);
    this.#f32 = new Float32Array(memory.buffer);
    this.#i32 = new Int32Array(memory.buffer);
  }

  /** The kernels, to be called on this thread alone. */
  get wasm(): ThreadKernels {
    const { wasm, pool } = this.#alive();
    pool?.check();
    return wasm;
  }

  get threads(): number {
    return this.#running?.pool?.threads ?? 1;
  }

  /**
   * Makes calls that do not depend on one another and take about `nanoseconds` together, on all threads where
   * that is faster. `threadStep` is added to the last argument on the second thread, twice that on the third, …: their
   * parts of `withThreadScratch`.
   */
  run(calls: readonly KernelCall[], nanoseconds: number, threadStep = 0): void {
    const { pool } = this.#alive();
    if (pool && calls.length > 1 && this.shares(nanoseconds)) pool.run(calls, threadStep);
    else for (const call of calls) this.#call(call);
  }

  /** Whether threads share calls that take so many nanoseconds together. */
  shares(nanoseconds: number): boolean {
    return this.threads > 1 && nanoseconds >= 2 * this.#minPart;
  }

  /**
   * Makes a call for all of `length` items, `part(0, length)`, or for parts of them, `[start, start + count)`, on all
   * threads where that is faster. How the items are divided must not change the result.
   */
  divide(length: number, division: Division, part: (start: number, count: number) => KernelCall): void {
    const { time, multiple = 1, threadStep } = division;
    const parts = Math.min(this.threads * partsOfThread, this.partsOf(length * time));
    if (parts < 2) {
      this.#call(part(0, length));
      return;
    }
    const step = Math.ceil(length / parts / multiple) * multiple;
    const calls: KernelCall[] = [];
    for (let start = 0; start < length; start += step) calls.push(part(start, Math.min(step, length - start)));
    this.run(calls, length * time, threadStep);
  }

  /** The most parts that work of so many nanoseconds can be divided into so that other threads are worth their part. */
  partsOf(nanoseconds: number): number {
    return this.threads === 1 ? 1 : Math.floor(nanoseconds / this.#minPart);
  }

  get use(): MemoryUse {
    return { liveBuffers: this.#liveBuffers, liveBytes: this.#liveBytes, peakBytes: this.#peakBytes, maxBytes };
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

  /** Lends `use` memory for each thread: `step` bytes, the first one's at `address`. For calls see `run`. */
  withThreadScratch<T>(byteLength: number, use: (address: number, step: number) => T): T {
    const step = unitsOf(byteLength) * unitBytes;
    return this.withScratch(step * this.threads, (address) => use(address, step));
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
    copyElements(this, shape, from, fromStrides, to, toStrides);
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
    this.#running?.pool?.dispose();
    this.#running = undefined;
    this.#f32 = new Float32Array();
    this.#i32 = new Int32Array();
    this.#liveBuffers = 0;
    this.#liveBytes = 0;
  }

  #call([name, ...values]: KernelCall): void {
    (this.wasm[name] as (...values: readonly (number | boolean)[]) => void)(...values);
  }

  #alive(): Running {
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
