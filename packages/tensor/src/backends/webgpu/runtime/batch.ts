import type { Pipeline } from "./pipelines.ts";
import type { Profiler } from "./profiler.ts";
import type { Value } from "./program.ts";

/** Bytes between the values of two calls: devices ask for a multiple of at most this. */
export const valuesStep = 256;
const valuesWords = valuesStep / Uint32Array.BYTES_PER_ELEMENT;

/** A recorded call of a kernel. */
export interface DispatchCall {
  readonly pipeline: Pipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

type Copy = (encoder: GPUCommandEncoder) => void;

/** Commands that are submitted together, in the order in which they were recorded. */
export class Batch {
  /** Batches are numbered in their order. */
  readonly number: number;
  readonly #commands: (DispatchCall | Copy)[] = [];
  readonly #temporaries: GPUBuffer[] = [];
  #temporaryBytes = 0;
  #calls = 0;
  #words = new Uint32Array(64 * valuesWords);
  #floats = new Float32Array(this.#words.buffer);

  constructor(number: number) {
    this.number = number;
  }

  get isEmpty(): boolean {
    return this.#commands.length === 0;
  }

  /** How many commands there are: calls of kernels and copies. */
  get length(): number {
    return this.#commands.length;
  }

  /** Bytes of the buffers that are destroyed after it. */
  get temporaryBytes(): number {
    return this.#temporaryBytes;
  }

  /** What its programs that are not compiled yet wait for. */
  get compiling(): Promise<void>[] {
    const promises = new Set<Promise<void>>();
    for (const command of this.#commands) {
      if (typeof command !== "function" && !command.pipeline.compiled) promises.add(command.pipeline.ready);
    }
    return [...promises];
  }

  /** `starts` and `values` are in the order of the program's struct. */
  add(call: DispatchCall, starts: readonly { readonly start: number }[], values: readonly Value[]): void {
    if (starts.length + values.length > valuesWords) throw new RangeError(`${call.pipeline.name}: too many values`);
    let at = this.#calls++ * valuesWords;
    if (at === this.#words.length) this.#grow();
    for (const { start } of starts) this.#words[at++] = start;
    for (const { type, value } of values) (type === "f32" ? this.#floats : this.#words)[at++] = value;
    this.#commands.push(call);
  }

  addCopy(copy: Copy): void {
    this.#commands.push(copy);
  }

  /** Destroys a buffer once the batch is submitted. */
  destroyAfter(buffer: GPUBuffer): void {
    this.#temporaries.push(buffer);
    this.#temporaryBytes += buffer.size;
  }

  /** All of its programs are compiled. `values` and its group are shared by all batches. */
  submit(device: GPUDevice, values: GPUBuffer, valuesGroup: GPUBindGroup, profiler?: Profiler): void {
    const encoder = device.createCommandEncoder();
    let pass: GPUComputePassEncoder | undefined;
    let current: GPUComputePipeline | undefined;
    let index = 0;
    for (const command of this.#commands) {
      if (typeof command === "function") {
        pass?.end();
        pass = current = undefined;
        command(encoder);
        continue;
      }
      const { pipeline, bindGroup, workgroups } = command;
      pass ??= encoder.beginComputePass(profiler && { timestampWrites: profiler.timestamps(pipeline.name) });
      if (pipeline.compiled && pipeline.compiled !== current) pass.setPipeline((current = pipeline.compiled));
      pass.setBindGroup(0, bindGroup);
      pass.setBindGroup(1, valuesGroup, [index++ * valuesStep]);
      pass.dispatchWorkgroups(...workgroups);
      // A pass is the least that a device takes the time of.
      if (profiler) {
        pass.end();
        pass = current = undefined;
      }
    }
    pass?.end();
    const collect = profiler?.resolve(encoder);
    device.queue.writeBuffer(values, 0, this.#words, 0, index * valuesWords);
    device.queue.submit([encoder.finish()]);
    collect?.();
    for (const buffer of this.#temporaries) buffer.destroy();
  }

  #grow(): void {
    const words = new Uint32Array(2 * this.#words.length);
    words.set(this.#words);
    this.#words = words;
    this.#floats = new Float32Array(words.buffer);
  }
}
