/** Which keys the queries of a sequence see, for the backends. */
import type { AttentionOptions, AttentionSequence } from "./contract/index.ts";

type Mask = Pick<AttentionOptions, "causal" | "window">;

/** The keys `[first, end)` of its sequence that query `i` sees. */
export function visibleKeys(
  { causal, window }: Mask, { queryCount, keyCount }: AttentionSequence, i: number,
): { first: number; end: number } {
  const position = keyCount - queryCount + i;
  return {
    first: window === null ? 0 : Math.max(0, position + 1 - window),
    end: causal ? position + 1 : keyCount,
  };
}

/** The same sequence without its first keys, where a window hides these from all of its queries. */
export function withoutHiddenKeys(mask: Mask, sequence: AttentionSequence): AttentionSequence {
  const { first } = visibleKeys(mask, sequence, 0);
  return { ...sequence, keyStart: sequence.keyStart + first, keyCount: sequence.keyCount - first };
}

/** How many pairs of a query and a key that it sees a sequence has. */
export function visiblePairs({ causal, window }: Mask, { queryCount, keyCount }: AttentionSequence): number {
  if (!causal) return queryCount * keyCount;
  const whole = window ?? keyCount;
  /** Those of the first queries, were there one for each key: they see more and more, until the window is full. */
  const pairsOf = (queries: number): number => {
    const growing = Math.min(queries, whole);
    return (growing * (growing + 1)) / 2 + (queries - growing) * whole;
  };
  return pairsOf(keyCount) - pairsOf(keyCount - queryCount);
}
