import { formatBytes, formatCount, formatRoughly } from "../format.ts";
import type { StartedBackend } from "../backend.ts";
import type { Output } from "../output.ts";

/** Steps are timed after the first, which warms up: at least this many, for at least this long. */
const timedSteps = 3;
const timedMilliseconds = 1000;

/** Says, when the first steps of a run have been timed, how long it will take, and what memory. */
export class Forecast {
  readonly #output: Output;
  readonly #backend: StartedBackend;
  readonly #plannedBytes: number;
  #first: { readonly step: number; readonly at: number } | undefined;
  #isDone = false;

  /** `plannedBytes` are those that the backend will hold at most. */
  constructor(output: Output, backend: StartedBackend, plannedBytes: number) {
    this.#output = output;
    this.#backend = backend;
    this.#plannedBytes = plannedBytes;
  }

  /** A step was taken. What a GPU computes is known at step events alone. */
  readonly onStep = (progress: { readonly step: number; readonly steps: number }): void => {
    if (this.#backend.adapter === undefined) this.take(progress);
  };

  /** A step was taken, and computed. */
  take({ step, steps }: { readonly step: number; readonly steps: number }): void {
    if (this.#isDone) return;
    const now = performance.now();
    this.#first ??= { step, at: now };
    const { step: first, at } = this.#first;
    if (step - first < timedSteps || now - at < timedMilliseconds) return;
    this.#isDone = true;
    const left = steps - first + 1;
    const seconds = (((now - at) / (step - first)) * left) / 1000;
    const memoryBytes = this.#memoryBytes();
    const memory = this.#backend.adapter === undefined ? "memory" : "the GPU's memory";
    this.#output.record({ steps: left, seconds, memoryBytes });
    this.#output.note(`${formatCount(left)} steps in about ${formatRoughly(seconds)}, evaluations aside; ${formatBytes(memoryBytes)} of ${memory}`);
  }

  /** What is planned; of this process, what it has taken beside the backend's. */
  #memoryBytes(): number {
    const { adapter, memory: { peakBytes } } = this.#backend;
    if (adapter !== undefined) return this.#plannedBytes;
    return process.resourceUsage().maxRSS * 1024 + Math.max(0, this.#plannedBytes - peakBytes);
  }
}
