import type { MemoryUse } from "../../../contract/index.ts";
import { TensorError } from "../../../errors.ts";
import { usage } from "./usage.ts";

/** A buffer of the device, lent to one tensor storage after the other. */
export interface Block {
  /** Tells blocks apart, also from those that are gone. */
  readonly id: number;
  readonly buffer: GPUBuffer;
  /** The last batch of commands that touches it. */
  lastBatch: number;
}

/** Sizes are multiples of it, and starts of bindings too. */
const unitBytes = 256;
/** Steps between the powers of two of larger sizes: at most an eighth is wasted. */
const stepsOfPower = 8;
/** The most that is held, in multiples of what was in use lately and in bytes: a step's memory serves the next. */
const maxHeld = 1.5;
const spareBytes = 2 ** 26;
/** How much of the most that was in use is remembered from one batch to the next: what was needed once is let go. */
const memory = 63 / 64;

/** The backend's memory: buffers by number, and those that were freed, by size. */
export class Pool {
  readonly #device: GPUDevice;
  readonly #maxBufferSize: number;
  readonly #lent: (Block | undefined)[] = [];
  readonly #numbers: number[] = [];
  readonly #free = new Map<number, Block[]>();
  #nextId = 0;
  #freeBytes = 0;
  #liveBytes = 0;
  #peakBytes = 0;
  /** The most bytes in use lately. */
  #recentBytes = 0;

  /** Where the device has no room, it says so later, as an error that nothing captured. */
  constructor(device: GPUDevice) {
    this.#device = device;
    this.#maxBufferSize = device.limits.maxBufferSize;
  }

  get use(): MemoryUse {
    return {
      liveBuffers: this.#lent.length - this.#numbers.length,
      liveBytes: this.#liveBytes,
      peakBytes: this.#peakBytes,
    };
  }

  /** The number of a buffer with room for `byteLength` bytes. Throws `out-of-memory` beyond the device's largest. */
  allocate(byteLength: number): number {
    const size = Math.min(sizeClass(byteLength), Math.floor(this.#maxBufferSize / unitBytes) * unitBytes);
    if (byteLength > size) {
      throw new TensorError(
        "out-of-memory",
        `webgpu: a buffer of ${byteLength} bytes is beyond this device's largest, ${this.#maxBufferSize} bytes; use ` +
          "smaller batches, or a smaller model",
      );
    }
    const block = this.#reuse(size) ?? this.#create(size);
    const number = this.#numbers.pop() ?? this.#lent.length;
    this.#lent[number] = block;
    this.#liveBytes += size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    this.#recentBytes = Math.max(this.#recentBytes, this.#liveBytes);
    return number;
  }

  /** What comes after in the order of commands may use the block: no need to wait. */
  free(number: number): void {
    const block = this.block(number);
    const { size } = block.buffer;
    this.#lent[number] = undefined;
    this.#numbers.push(number);
    this.#liveBytes -= size;
    this.#freeBytes += size;
    const others = this.#free.get(size);
    if (others) others.push(block);
    else this.#free.set(size, [block]);
  }

  block(number: number): Block {
    const block = this.#lent[number];
    if (!block) {
      throw new TensorError("invalid-argument", `webgpu: buffer ${number} is not allocated, or was freed before`);
    }
    return block;
  }

  /** Whether there is more free memory than is worth keeping. */
  get isOverfull(): boolean {
    return this.#liveBytes + this.#freeBytes > maxHeld * this.#recentBytes + spareBytes;
  }

  /** To be called with each batch. */
  forget(): void {
    this.#recentBytes = Math.max(this.#liveBytes, this.#recentBytes * memory);
  }

  /**
   * Gives free memory that is not worth keeping back, what was used longest ago first, and returns whether there was any.
   * Only blocks that no batch after `submitted` touches.
   */
  trim(submitted: number): boolean {
    if (!this.isOverfull) return false;
    const idle = [...this.#free.values()].flat().filter(({ lastBatch }) => lastBatch <= submitted);
    const gone = new Set<Block>();
    for (const block of idle.sort((a, b) => a.lastBatch - b.lastBatch)) {
      if (!this.isOverfull) break;
      this.#freeBytes -= block.buffer.size;
      block.buffer.destroy();
      gone.add(block);
    }
    for (const [size, blocks] of this.#free) this.#free.set(size, blocks.filter((block) => !gone.has(block)));
    return gone.size > 0;
  }

  dispose(): void {
    for (const block of [...this.#lent, ...[...this.#free.values()].flat()]) block?.buffer.destroy();
    this.#lent.length = 0;
    this.#numbers.length = 0;
    this.#free.clear();
    this.#liveBytes = 0;
    this.#freeBytes = 0;
  }

  #reuse(size: number): Block | undefined {
    const block = this.#free.get(size)?.pop();
    if (block) this.#freeBytes -= size;
    return block;
  }

  #create(size: number): Block {
    const buffer = this.#device.createBuffer({
      label: `tensor of up to ${size} bytes`,
      size,
      usage: usage.storage | usage.copySource | usage.copyTarget,
    });
    return { id: this.#nextId++, buffer, lastBatch: -1 };
  }
}

/** The size of the buffers that a number of bytes is kept in. */
function sizeClass(byteLength: number): number {
  const units = Math.max(1, Math.ceil(byteLength / unitBytes));
  const step = 2 ** Math.max(0, Math.floor(Math.log2(units)) - Math.log2(stepsOfPower));
  return Math.ceil(units / step) * step * unitBytes;
}
