import type { Section } from "../harness/report.ts";

export interface BenchmarkOptions {
  /** A text file to encode, instead of the suite's own. */
  readonly data?: string;
  /** Which tasks are measured; default all. */
  readonly tasks?: readonly string[];
  /** What the GPU can do in f32, in TFLOP/s, where that is known. */
  readonly peak?: number;
  /** Rounds of alternation. */
  readonly rounds: number;
  /** Says what is being done, for whoever waits. */
  progress(text: string): void;
}

export type Benchmark = (options: BenchmarkOptions) => Promise<Section>;
