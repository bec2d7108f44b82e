import type { AttentionSequence } from "../../contract/index.ts";

/** Sequences of equal sizes and distances, which one call of a kernel computes. */
export interface Sequences extends AttentionSequence {
  readonly count: number;
  readonly queryStep: number;
  readonly keyStep: number;
}

/** Neighbouring sequences as runs of regular ones; those without queries are left out. */
export function regularRuns(sequences: readonly AttentionSequence[]): Sequences[] {
  const runs: Sequences[] = [];
  for (const sequence of sequences) {
    if (sequence.queryCount === 0) continue;
    const run = runs.at(-1);
    if (run && run.queryCount === sequence.queryCount && run.keyCount === sequence.keyCount) {
      const queryStep = sequence.queryStart - (run.queryStart + (run.count - 1) * run.queryStep);
      const keyStep = sequence.keyStart - (run.keyStart + (run.count - 1) * run.keyStep);
      const isNext = run.count === 1 || (queryStep === run.queryStep && keyStep === run.keyStep);
      if (isNext && queryStep >= 0 && keyStep >= 0) {
        runs[runs.length - 1] = { ...run, count: run.count + 1, queryStep, keyStep };
        continue;
      }
    }
    runs.push({ ...sequence, count: 1, queryStep: 0, keyStep: 0 });
  }
  return runs;
}
