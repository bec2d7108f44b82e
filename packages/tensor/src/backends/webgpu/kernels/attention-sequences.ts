import type { AttentionOptions, AttentionSequence } from "../../../contract/index.ts";
import { withoutHiddenKeys } from "../../../attention-mask.ts";
import { maxGroups } from "../runtime/grid.ts";
import { f32, i32, u32 } from "../runtime/program.ts";
import type { Value } from "../runtime/program.ts";

/** Sequences of equal sizes and distances, which one call of a kernel computes. */
export interface Sequences extends AttentionSequence {
  readonly count: number;
  readonly queryStep: number;
  readonly keyStep: number;
}

/** Of a sequence with at most this many queries, threads share the keys; of others, the queries. */
export const fewQueries = 8;

/** A run takes workgroups for each of its sequences, and for each query of those that have few. */
const maxSequences = Math.floor(maxGroups / fewQueries);

/** Neighbouring sequences as runs of regular ones, without keys and queries of which nothing follows. */
export function regularRuns({ sequences, ...mask }: Pick<AttentionOptions, "sequences" | "causal" | "window">): Sequences[] {
  const runs: Sequences[] = [];
  for (const whole of sequences) {
    if (whole.queryCount === 0) continue;
    const sequence = withoutHiddenKeys(mask, whole);
    const run = runs.at(-1);
    if (run && run.count < maxSequences && run.queryCount === sequence.queryCount && run.keyCount === sequence.keyCount) {
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

/** Sequences of a run, or parts of them, whose first query and first key have these numbers in the whole ones. */
export interface SequencesPart {
  readonly run: Sequences;
  readonly count: number;
  readonly firstQuery: number;
  readonly queryCount: number;
  readonly firstKey: number;
  readonly keyCount: number;
}

/** Whether the part has the last keys of its sequences. */
export function isLast({ run, firstKey, keyCount }: SequencesPart): boolean {
  return firstKey + keyCount === run.keyCount;
}

/** Beyond all positions: two of them do not overflow. */
const far = 2 ** 29;

/**
 * The values that tell kernels where sequences lie and what their queries see: rows are counted from the first ones of the
 * part, and so are queries and keys.
 */
export function sequenceValues(
  { run, queryCount, keyCount, firstQuery, firstKey }: SequencesPart,
  { scale, causal, window }: Pick<AttentionOptions, "scale" | "causal" | "window">,
): Readonly<Record<string, Value>> {
  // The position of the part's first query, counted from its first key.
  const position = run.keyCount - run.queryCount + firstQuery - firstKey;
  return {
    query_count: u32(queryCount),
    query_step: u32(run.queryStep),
    key_count: u32(keyCount),
    key_step: u32(run.keyStep),
    seen_end: i32(causal ? position + 1 : far),
    seen_first: i32(Math.max(-far, position + 1 - (window ?? 2 * far))),
    scale: f32(scale),
  };
}

/** WGSL: the keys `[first_key(query), end_key(query))` that a query of a sequence sees. */
export const visibleKeys = `
fn visible(key: i32) -> u32 { return u32(clamp(key, 0, i32(values.key_count))); }
fn end_key(query: u32) -> u32 { return visible(values.seen_end + i32(query)); }
fn first_key(query: u32) -> u32 { return visible(values.seen_first + i32(query)); }`;

/** WGSL: the queries `[first_query_of(key), end_query_of(key))` of a sequence that see a key. */
export const seeingQueries = `
fn seeing(query: i32) -> u32 { return u32(clamp(query, 0, i32(values.query_count))); }
fn first_query_of(key: u32) -> u32 { return seeing(i32(key) + 1 - values.seen_end); }
fn end_query_of(key: u32) -> u32 { return seeing(i32(key) + 1 - values.seen_first); }`;
