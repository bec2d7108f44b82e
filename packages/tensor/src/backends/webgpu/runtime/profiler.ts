import { TensorError } from "../../../errors.ts";
import { mapModeRead, usage } from "./usage.ts";

/** What the calls of one kernel took together. */
export interface KernelTime {
  readonly kernel: string;
  readonly calls: number;
  readonly milliseconds: number;
}

const timestampBytes = BigUint64Array.BYTES_PER_ELEMENT;

/** Takes the time of kernels by timestamps of the device. */
export class Profiler {
  readonly #device: GPUDevice;
  readonly #querySet: GPUQuerySet;
  readonly #timestamps: GPUBuffer;
  readonly #totals = new Map<string, { calls: number; nanoseconds: number }>();
  #kernels: string[] = [];
  #collecting: Promise<void> = Promise.resolve();

  /** `maxCalls`: the largest batch. Throws `backend-failure` where the device takes no time. */
  constructor(device: GPUDevice, maxCalls: number) {
    if (!device.features.has("timestamp-query")) {
      throw new TensorError("backend-failure", "webgpu: this device has no timestamps: leave `profile` out");
    }
    this.#device = device;
    this.#querySet = device.createQuerySet({ type: "timestamp", count: 2 * maxCalls });
    this.#timestamps = device.createBuffer({
      label: "timestamps",
      size: 2 * maxCalls * timestampBytes,
      usage: usage.queryResolve | usage.copySource,
    });
  }

  /** Where a pass of one call of a kernel writes its times. */
  timestamps(kernel: string): GPUComputePassTimestampWrites {
    const index = 2 * (this.#kernels.push(kernel) - 1);
    return { querySet: this.#querySet, beginningOfPassWriteIndex: index, endOfPassWriteIndex: index + 1 };
  }

  /** Ends a batch; what it returns is called once that is submitted. */
  resolve(encoder: GPUCommandEncoder): () => void {
    const kernels = this.#kernels;
    this.#kernels = [];
    if (kernels.length === 0) return () => undefined;
    const size = 2 * kernels.length * timestampBytes;
    const readable = this.#device.createBuffer({ label: "times", size, usage: usage.mapRead | usage.copyTarget });
    encoder.resolveQuerySet(this.#querySet, 0, 2 * kernels.length, this.#timestamps, 0);
    encoder.copyBufferToBuffer(this.#timestamps, 0, readable, 0, size);
    return () => {
      // Where the device is lost, that is told elsewhere.
      this.#collecting = this.#collecting.then(() => this.#collect(kernels, readable)).catch(() => undefined);
    };
  }

  /** The times of all kernels since the last call, the longest first. */
  async times(): Promise<KernelTime[]> {
    await this.#collecting;
    const times = [...this.#totals].map(([kernel, { calls, nanoseconds }]) => {
      return { kernel, calls, milliseconds: nanoseconds / 1e6 };
    });
    this.#totals.clear();
    return times.sort((a, b) => b.milliseconds - a.milliseconds);
  }

  async #collect(kernels: readonly string[], readable: GPUBuffer): Promise<void> {
    await readable.mapAsync(mapModeRead);
    const stamps = new BigUint64Array(readable.getMappedRange());
    for (const [i, kernel] of kernels.entries()) {
      const total = this.#totals.get(kernel) ?? { calls: 0, nanoseconds: 0 };
      total.calls++;
      total.nanoseconds += Number(stamps[2 * i + 1] - stamps[2 * i]);
      this.#totals.set(kernel, total);
    }
    readable.destroy();
  }
}
