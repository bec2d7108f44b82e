import type { Section } from "../harness/report.ts";

export interface BenchmarkOptions {
  /** A text file to encode, instead of the suite's own. */
  readonly data?: string;
  /** Rounds of alternation. */
  readonly rounds: number;
  /** Says what is being done, for whoever waits. */
  progress(text: string): void;
}

export type Benchmark = (options: BenchmarkOptions) => Promise<Section>;
