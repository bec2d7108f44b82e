import type { MemoryUse } from "../../contract/index.ts";
import { TensorError } from "../../errors.ts";
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
/** Free bytes that are always kept for reuse. */
const spareBytes = 2 ** 26;

/** The backend's memory: buffers by number, and those that were freed, by size. */
export class Pool {
  readonly #device: GPUDevice;
  readonly #onOutOfMemory: (byteLength: number) => void;
  readonly #lent: (Block | undefined)[] = [];
  readonly #numbers: number[] = [];
  readonly #free = new Map<number, Block[]>();
  #nextId = 0;
  #freeBytes = 0;
  #liveBytes = 0;
  #peakBytes = 0;

  /** `onOutOfMemory` is called later, when the device says that it had no room. */
  constructor(device: GPUDevice, onOutOfMemory: (byteLength: number) => void) {
    this.#device = device;
    this.#onOutOfMemory = onOutOfMemory;
  }

  get use(): MemoryUse {
    return {
      liveBuffers: this.#lent.length - this.#numbers.length,
      liveBytes: this.#liveBytes,
      peakBytes: this.#peakBytes,
    };
  }

  /** The number of a buffer with room for so many bytes. Throws `out-of-memory` beyond the device's largest. */
  allocate(byteLength: number): number {
    const { maxBufferSize } = this.#device.limits;
    const size = Math.min(sizeClass(byteLength), Math.floor(maxBufferSize / unitBytes) * unitBytes);
    if (byteLength > size) {
      throw new TensorError(
        "out-of-memory",
        `webgpu: a buffer of ${byteLength} bytes is beyond this device's largest, ${maxBufferSize} bytes; use smaller ` +
          "batches, or a smaller model",
      );
    }
    const block = this.#reuse(size) ?? this.#create(size);
    const number = this.#numbers.pop() ?? this.#lent.length;
    this.#lent[number] = block;
    this.#liveBytes += size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
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

  /**
   * Gives free memory back where there is more of it than memory in use, and returns whether it did. Only blocks that
   * no batch after `submitted` touches.
   */
  trim(submitted: number): boolean {
    let trimmed = false;
    for (const blocks of this.#free.values()) {
      while (this.#freeBytes > this.#liveBytes + spareBytes) {
        const index = blocks.findIndex(({ lastBatch }) => lastBatch <= submitted);
        if (index < 0) break;
        const [{ buffer }] = blocks.splice(index, 1);
        this.#freeBytes -= buffer.size;
        buffer.destroy();
        trimmed = true;
      }
    }
    return trimmed;
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
    this.#device.pushErrorScope("out-of-memory");
    const buffer = this.#device.createBuffer({
      size,
      usage: usage.storage | usage.copySource | usage.copyTarget,
    });
    this.#device.popErrorScope().then(
      (error) => error && this.#onOutOfMemory(size),
      () => undefined, // The device was lost, which is told elsewhere.
    );
    return { id: this.#nextId++, buffer, lastBatch: -1 };
  }
}

/** The size of the buffers in which so many bytes are kept. */
function sizeClass(byteLength: number): number {
  const units = Math.max(1, Math.ceil(byteLength / unitBytes));
  const step = 2 ** Math.max(0, Math.floor(Math.log2(units)) - Math.log2(stepsOfPower));
  return Math.ceil(units / step) * step * unitBytes;
}
