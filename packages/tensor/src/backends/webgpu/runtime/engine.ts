import type { Dense, MemoryUse, View } from "../../../contract/index.ts";
import type { DataOf, DType } from "../../../dtype.ts";
import { bytesPerElement, createData } from "../../../dtype.ts";
import { TensorError } from "../../../errors.ts";
import { sizeOf } from "../../../shape.ts";
import { Batch, valuesStep } from "./batch.ts";
import { farOperand, runOnCopy } from "./far-operands.ts";
import { maxGroups } from "./grid.ts";
import { Pipelines } from "./pipelines.ts";
import type { Pipeline } from "./pipelines.ts";
import { Pool } from "./pool.ts";
import { Profiler } from "./profiler.ts";
import type { KernelTime } from "./profiler.ts";
import { labelOf, layOut } from "./program.ts";
import type { Binding, Dispatch } from "./program.ts";
import { mapModeRead, usage } from "./usage.ts";

/** Commands, and bytes of data, that are recorded before they are submitted without being asked for. */
const maxCommands = 1024;
const maxWaitingBytes = 2 ** 26;
/** Room for some rows, and for what is in front of them where a binding starts. */
const minBindingBytes = 1024;
/** Combinations of buffers that are remembered. */
const maxBindGroups = 8192;

export interface EngineOptions {
  /** The largest part of a buffer that a kernel is given, in bytes: 1024 or more. Default: what the device allows. */
  readonly maxBindingBytes?: number;
  /** Whether to take the time of each kernel, where the device can: see `WebGPUBackend.profile`. Default false. */
  readonly profile?: boolean;
}

/** What a backend has done since it was started. */
export interface GPUWork {
  /** Calls of kernels. */
  readonly calls: number;
  /** Command buffers that were submitted. */
  readonly submissions: number;
  /** Tensors that were read. */
  readonly reads: number;
}

/**
 * Records calls of kernels into batches, and submits these when something is read, or when there is a lot. Programs are
 * compiled meanwhile; a batch waits for its own, and for the batches before it. What the device finds wrong, it says
 * later; from then on every use throws it.
 */
export class Engine {
  readonly #device: GPUDevice;
  readonly #pool: Pool;
  readonly #pipelines: Pipelines;
  readonly #bindGroups = new Map<string, GPUBindGroup>();
  readonly #values: GPUBuffer;
  readonly #valuesGroup: GPUBindGroup;
  /** Elements that one binding reaches. */
  readonly maxBindingElements: number;
  readonly #profiler: Profiler | undefined;
  readonly #work = { calls: 0, submissions: 0, reads: 0 };
  #batch = new Batch(0);
  /** The last batch that was submitted; those before it were, too. */
  #submitted = -1;
  /** Batches on the way to their submission. */
  #waiting = 0;
  #tail: Promise<void> = Promise.resolve();
  #failure: TensorError | undefined;

  constructor(device: GPUDevice, options: EngineOptions = {}) {
    const { maxBindingBytes = device.limits.maxStorageBufferBindingSize, profile = false } = options;
    const allowed = device.limits.maxStorageBufferBindingSize;
    if (!(maxBindingBytes >= minBindingBytes && maxBindingBytes <= allowed)) {
      throw new TensorError(
        "invalid-argument",
        `webgpu: maxBindingBytes is ${maxBindingBytes}, not from ${minBindingBytes} to the ${allowed} that this device ` +
          "allows",
      );
    }
    this.#device = device;
    this.#profiler = profile ? new Profiler(device, maxCommands) : undefined;
    this.maxBindingElements = Math.floor(maxBindingBytes / bytesPerElement);
    this.#pool = new Pool(device);
    this.#pipelines = new Pipelines(device);
    this.#values = device.createBuffer({
      label: "values",
      size: maxCommands * valuesStep,
      usage: usage.uniform | usage.copyTarget,
    });
    this.#valuesGroup = device.createBindGroup({
      label: "values",
      layout: this.#pipelines.valuesLayout,
      entries: [{ binding: 0, resource: { buffer: this.#values, size: valuesStep } }],
    });
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#fail(errorOf(event.error));
    });
    void device.lost.then(({ reason, message }) => {
      const what = reason === "destroyed" ? "was destroyed" : `was lost (${message || "no reason was given"})`;
      this.#fail(
        new TensorError(
          "backend-failure",
          `webgpu: the device ${what}, and its tensors with it; start another backend with \`await webgpu()\``,
        ),
      );
    });
  }

  get use(): MemoryUse {
    return this.#pool.use;
  }

  /** What was done so far. */
  get work(): GPUWork {
    return { ...this.#work };
  }

  /** See `WebGPUBackend.profile`. */
  async profile(): Promise<KernelTime[]> {
    await this.flush();
    const times = await this.#profiler?.times();
    this.#check();
    return times ?? [];
  }

  /** Records a call of a kernel. */
  run(dispatch: Dispatch): void {
    this.#check();
    const [x, y = 1, z = 1] = dispatch.workgroups;
    if (x * y * z === 0) return;
    if (Math.max(x, y, z) > maxGroups) {
      throw new TensorError(
        "out-of-memory",
        `webgpu: ${dispatch.name}: ${x} × ${y} × ${z} workgroups are beyond the ${maxGroups} along an axis that ` +
          "devices run; use smaller batches or fewer tokens at once",
      );
    }
    const laid = layOut(Object.values(dispatch.operands), (buffer) => this.#bindsWhole(buffer));
    const isBeyond = laid.bindings.some(({ start, end }) => end < Infinity && end - start > this.maxBindingElements);
    const far = isBeyond ? farOperand(this, dispatch.operands) : undefined;
    if (far !== undefined) {
      runOnCopy(this, dispatch, far);
      return;
    }
    const pipeline = this.#pipelines.get(dispatch, laid);
    const bindGroup = this.#bindGroup(dispatch, pipeline, laid.bindings);
    this.#batch.add({ pipeline, bindGroup, workgroups: [x, y, z] }, laid.places, Object.values(dispatch.values));
    this.#work.calls++;
    this.#flushWhenFull();
  }

  allocate(byteLength: number): number {
    this.#check();
    const buffer = this.#pool.allocate(byteLength);
    // What is recorded keeps what was freed since. While programs compile, there is nothing to do about it.
    if (this.#pool.isOverfull && this.#waiting === 0) {
      if (!this.#batch.isEmpty) void this.flush();
      else if (this.#trim()) this.#device.queue.submit([]); // Dawn lets go of buffers when something is submitted.
    }
    return buffer;
  }

  /** After `dispose` there is nothing left to free, and nothing happens: tensors may outlive their backend. */
  free(buffer: number): void {
    if (this.#disposed) return;
    this.#pool.free(buffer);
  }

  /** Lends `use` memory for that number of f32, which is not counted as a buffer. */
  withScratch<T>(length: number, use: (view: Dense) => T): T {
    const buffer = this.allocate(length * bytesPerElement);
    try {
      return use({ buffer, offset: 0, shape: [length], strides: [1], dtype: "f32" });
    } finally {
      this.#pool.free(buffer);
    }
  }

  /** Records a copy of memory to other memory of as many elements; neither has gaps. */
  copy(from: View<DType>, to: View<DType>): void {
    const [source, target] = [this.#pool.block(from.buffer), this.#pool.block(to.buffer)];
    const [fromStart, toStart, size] = [from.offset, to.offset, sizeOf(from.shape)].map((count) => count * bytesPerElement);
    this.#copy(source.buffer, fromStart, target.buffer, toStart, size);
    source.lastBatch = target.lastBatch = this.#batch.number;
    this.#flushWhenFull();
  }

  write<D extends DType>(view: Dense<D>, data: DataOf<D>): void {
    this.#check();
    const block = this.#pool.block(view.buffer);
    const start = view.offset * bytesPerElement;
    // What was recorded and not submitted yet must not see it.
    if (block.lastBatch <= this.#submitted) {
      this.#device.queue.writeBuffer(block.buffer, start, data);
      return;
    }
    const staging = this.#device.createBuffer({
      label: "write",
      size: data.byteLength,
      usage: usage.copySource,
      mappedAtCreation: true,
    });
    new Uint8Array(staging.getMappedRange()).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    staging.unmap();
    this.#copy(staging, 0, block.buffer, start, data.byteLength);
    this.#batch.destroyAfter(staging);
    block.lastBatch = this.#batch.number;
    this.#flushWhenFull();
  }

  async read<D extends DType>(view: Dense<D>): Promise<DataOf<D>> {
    this.#check();
    this.#work.reads++;
    const block = this.#pool.block(view.buffer);
    const size = sizeOf(view.shape) * bytesPerElement;
    const staging = this.#device.createBuffer({ label: "read", size, usage: usage.mapRead | usage.copyTarget });
    this.#copy(block.buffer, view.offset * bytesPerElement, staging, 0, size);
    block.lastBatch = this.#batch.number;
    try {
      await this.flush();
      this.#check();
      await staging.mapAsync(mapModeRead);
      this.#check();
      const data = createData(view.dtype, size / bytesPerElement);
      new Uint8Array(data.buffer).set(new Uint8Array(staging.getMappedRange()));
      return data;
    } catch (cause) {
      // The reason why the device gave it up may be told in the next turn of the event loop.
      await new Promise((resolve) => setTimeout(resolve));
      this.#check();
      const problem = cause instanceof Error ? cause.message : String(cause);
      throw new TensorError("backend-failure", `webgpu: a tensor could not be read: ${problem}`, { cause });
    } finally {
      staging.destroy();
    }
  }

  /** Submits what was recorded, as soon as its programs are compiled. Never rejects: failures are thrown on use. */
  flush(): Promise<void> {
    const batch = this.#batch;
    if (batch.isEmpty) return this.#tail;
    this.#batch = new Batch(batch.number + 1);
    const compiling = batch.compiling;
    if (this.#waiting === 0 && compiling.length === 0) {
      this.#submit(batch);
      return this.#tail;
    }
    this.#waiting++;
    this.#tail = this.#tail
      .then(() => Promise.all(compiling))
      .then(() => this.#submit(batch))
      .catch((cause: unknown) => {
        const problem = cause instanceof Error ? cause.message : String(cause);
        this.#fail(new TensorError("backend-failure", `webgpu: ${problem}`, { cause }));
      })
      .finally(() => this.#waiting--);
    return this.#tail;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#failure = new TensorError("disposed", "webgpu: this backend was disposed of; start another one");
    this.#bindGroups.clear();
    this.#pool.dispose();
    this.#values.destroy();
    this.#device.destroy();
  }

  get #disposed(): boolean {
    return this.#failure?.code === "disposed";
  }

  #flushWhenFull(): void {
    if (this.#batch.length >= maxCommands || this.#batch.temporaryBytes >= maxWaitingBytes) void this.flush();
  }

  #check(): void {
    if (this.#failure) throw this.#failure;
  }

  #fail(failure: TensorError): void {
    this.#failure ??= failure;
  }

  /** Whole buffers are bound where that is possible, so that fewer groups of them are made. */
  #bindsWhole(buffer: number): boolean {
    return this.#pool.block(buffer).buffer.size <= this.maxBindingElements * bytesPerElement;
  }

  #copy(from: GPUBuffer, fromStart: number, to: GPUBuffer, toStart: number, size: number): void {
    this.#batch.addCopy((encoder) => encoder.copyBufferToBuffer(from, fromStart, to, toStart, size));
  }

  /** The group of a call's buffers; calls with the same ones share it. */
  #bindGroup({ name, operands }: Dispatch, { access, layout }: Pipeline, bindings: readonly Binding[]): GPUBindGroup {
    let key = `${name} ${access}`;
    const entries = bindings.map(({ buffer, start, end }, binding) => {
      const block = this.#pool.block(buffer);
      block.lastBatch = this.#batch.number;
      const offset = start * bytesPerElement;
      const size = Math.min(end * bytesPerElement, block.buffer.size) - offset;
      if (size > this.maxBindingElements * bytesPerElement) {
        throw new TensorError(
          "out-of-memory",
          `webgpu: ${name}: a tensor of ${size} bytes is beyond the ${this.maxBindingElements * bytesPerElement} that ` +
            "this device gives to a kernel; use smaller batches or fewer tokens at once",
        );
      }
      key += ` ${block.id}:${offset}:${size}`;
      return { binding, resource: { buffer: block.buffer, offset, size } };
    });
    let group = this.#bindGroups.get(key);
    if (!group) {
      if (this.#bindGroups.size >= maxBindGroups) this.#bindGroups.clear();
      // What the device finds wrong it tells by this label.
      group = this.#device.createBindGroup({ label: labelOf({ name, operands }), layout, entries });
      this.#bindGroups.set(key, group);
    }
    return group;
  }

  #submit(batch: Batch): void {
    if (this.#failure) return;
    batch.submit(this.#device, this.#values, this.#valuesGroup, this.#profiler);
    this.#work.submissions++;
    this.#submitted = batch.number;
    this.#pool.forget();
    this.#trim();
  }

  /** Groups of buffers that are gone are of no use any more. */
  #trim(): boolean {
    const isTrimmed = this.#pool.trim(this.#submitted);
    if (isTrimmed) this.#bindGroups.clear();
    return isTrimmed;
  }
}

/** What a device found wrong, or that it has no room left. */
function errorOf({ constructor, message }: GPUError): TensorError {
  if (constructor.name !== "GPUOutOfMemoryError") return new TensorError("backend-failure", `webgpu: ${message}`);
  return new TensorError(
    "out-of-memory",
    "webgpu: the device has no room left; use smaller batches or a smaller model, and start another backend with " +
      `\`await webgpu()\` (${message})`,
  );
}
