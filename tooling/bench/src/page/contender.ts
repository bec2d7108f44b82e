import type { Turn } from "../harness/alternate.ts";
import { timeCalls } from "../harness/time-calls.ts";
import { sizeOf } from "../models/numbers.ts";
import { outputShape } from "../models/work.ts";
import type { Work } from "../models/work.ts";

/** A library that computes on a GPU. */
export interface GPUContender {
  /** What the library says of itself, the adapter for instance. */
  readonly version?: string;
  /** Puts the inputs where the library wants them. Throws where it cannot do this work. */
  prepare(work: Work): Promise<PreparedWork>;
}

export interface PreparedWork {
  /** Computes it so many times, and is done when the GPU is. */
  run(times: number): Promise<void>;
  result(): Promise<Float32Array>;
  dispose(): void;
}

/** Each contender's module exports it as `open`. */
export type OpenContender = () => Promise<GPUContender>;

/** Waiting for a GPU takes milliseconds in a browser: that many of them are spent on computing before it is waited for. */
const batch = 100;
/** What may be waited for at once, in calls and in bytes of their results. */
const [maxCalls, maxBytes] = [256, 2 ** 30];

/**
 * The times of single calls, measured by batches of so many of them that waiting for the GPU does not count. The first
 * turn finds out how many.
 */
export function turnOf(prepared: PreparedWork, work: Work, milliseconds: number): Turn {
  const max = Math.min(maxCalls, Math.ceil(maxBytes / (4 * sizeOf(outputShape(work)))));
  let calls = 0;
  const grow = async (): Promise<void> => {
    await prepared.run(1); // Compiles its programs.
    for (calls = 1; calls < max; calls = Math.min(max, 2 * calls)) {
      const [time] = await timeCalls(0, () => prepared.run(calls));
      if (time >= batch) break;
    }
  };
  return async () => {
    if (calls === 0) await grow();
    const times = await timeCalls(milliseconds, () => prepared.run(calls));
    return times.map((time) => time / calls);
  };
}
