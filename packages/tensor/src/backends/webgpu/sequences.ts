import type { AttentionOptions, AttentionSequence } from "../../contract/index.ts";
import { f32, u32 } from "./program.ts";
import type { Value } from "./program.ts";

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

/** All keys are in the window. */
const noWindow = 0xffff_ffff;

/** The values that tell kernels where sequences lie and what their queries see. */
export function sequenceValues(
  { queryStart, queryCount, queryStep, keyStart, keyCount, keyStep }: Sequences,
  { scale, window }: Pick<AttentionOptions, "scale" | "window">,
): Readonly<Record<string, Value>> {
  return {
    query_start: u32(queryStart),
    query_count: u32(queryCount),
    query_step: u32(queryStep),
    key_start: u32(keyStart),
    key_count: u32(keyCount),
    key_step: u32(keyStep),
    window: u32(window ?? noWindow),
    scale: f32(scale),
  };
}

/** WGSL: the keys `[first_key(query), end_key(query))` that a query of a sequence sees. */
export function visibleKeys(causal: boolean): string {
  return `
fn end_key(query: u32) -> u32 {
  return ${causal ? "values.key_count - values.query_count + query + 1u" : "values.key_count"};
}
fn first_key(query: u32) -> u32 {
  let end = values.key_count - values.query_count + query + 1u;
  return end - min(end, values.window);
}`;
}
