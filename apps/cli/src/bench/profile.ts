import type { GPUWork, KernelTime, WebGPUBackend } from "@gpt/tensor/webgpu";
import type { ProfileOptions, StartedBackend } from "../backend.ts";
import { formatCount } from "../format.ts";

/** What a GPU did in a part of a benchmark. */
export interface Activity {
  readonly work: GPUWork;
  readonly kernels: readonly KernelTime[];
}

/** Observes parts of a benchmark. */
export class Profiler {
  readonly #backend: WebGPUBackend;
  #before: GPUWork;

  /** One for a backend that was started with `--profile`; none without it. */
  static of(backend: StartedBackend, { profile = false }: ProfileOptions): Profiler | undefined {
    return profile && isOnGPU(backend) ? new Profiler(backend) : undefined;
  }

  private constructor(backend: WebGPUBackend) {
    this.#backend = backend;
    this.#before = backend.work;
  }

  /** Begins a part: waits for what was asked of the device before. */
  async begin(): Promise<void> {
    await this.#backend.profile();
    this.#before = this.#backend.work;
  }

  /** What was done since `begin`. */
  async end(): Promise<Activity> {
    const { calls, submissions, reads } = this.#backend.work;
    const before = this.#before;
    return {
      work: {
        calls: calls - before.calls,
        submissions: submissions - before.submissions,
        reads: reads - before.reads,
      },
      kernels: await this.#backend.profile(),
    };
  }
}

function isOnGPU(backend: StartedBackend): backend is StartedBackend & WebGPUBackend {
  return backend.profile !== undefined;
}

/** What a GPU does for one step, say, on average. */
export interface Profile {
  /** For one of what: `step`. */
  readonly per: string;
  /** Calls of kernels. */
  readonly dispatches: number;
  /** Command buffers that are submitted. */
  readonly submissions: number;
  /** Tensors that are read. */
  readonly reads: number;
  /** What its kernels take together. */
  readonly milliseconds: number;
  /** What each kernel takes in all its calls, the longest first. */
  readonly kernels: readonly KernelTime[];
}

/** The profile of some parts of a benchmark, in which there were `count` steps, say, in all; none for no parts. */
export function profileOf(per: string, count: number, parts: readonly (Activity | undefined)[]): Profile | undefined {
  const activities = parts.filter((part) => part !== undefined);
  if (activities.length === 0) return undefined;
  const totals = new Map<string, KernelTime>();
  for (const { kernel, calls, milliseconds } of activities.flatMap((activity) => activity.kernels)) {
    const before = totals.get(kernel) ?? { calls: 0, milliseconds: 0 };
    totals.set(kernel, { kernel, calls: before.calls + calls, milliseconds: before.milliseconds + milliseconds });
  }
  const kernels = Array.from(totals.values(), ({ kernel, calls, milliseconds }) => {
    return { kernel, calls: calls / count, milliseconds: milliseconds / count };
  });
  const average = (of: (work: GPUWork) => number): number => sum(activities.map(({ work }) => of(work))) / count;
  return {
    per,
    dispatches: average(({ calls }) => calls),
    submissions: average(({ submissions }) => submissions),
    reads: average(({ reads }) => reads),
    milliseconds: sum(kernels.map(({ milliseconds }) => milliseconds)),
    kernels: kernels.sort((a, b) => b.milliseconds - a.milliseconds),
  };
}

const columnWidth = 15;

/** A table for people. */
export function formatProfile({ per, dispatches, submissions, reads, milliseconds, kernels }: Profile): string {
  const width = Math.max("kernel".length, ...kernels.map(({ kernel }) => kernel.length));
  const row = (kernel: string, ...figures: readonly string[]): string =>
    `${kernel.padEnd(width)}${figures.map((figure) => figure.padStart(columnWidth)).join("")}\n`;
  const rows = kernels.map((time) => {
    const share = milliseconds > 0 ? time.milliseconds / milliseconds : 0;
    return row(time.kernel, formatAverage(time.calls), time.milliseconds.toFixed(3), `${(100 * share).toFixed(1)}%`);
  });
  return [
    row("kernel", `calls/${per}`, `ms/${per}`, "share"),
    ...rows,
    `For each ${per}: dispatches ${formatAverage(dispatches)}, submissions ${formatAverage(submissions)}, ` +
      `reads ${formatAverage(reads)}, in kernels ${milliseconds.toFixed(3)} ms\n`,
  ].join("");
}

function formatAverage(value: number): string {
  return Number.isInteger(value) ? formatCount(value) : value.toFixed(2);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
