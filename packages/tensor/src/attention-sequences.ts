/** What the sequences of an attention batch mean: where their keys lie, and which of them queries see. */
import type { AttentionMask, AttentionSequence } from "./contract/index.ts";

/** Rows of a page of keys and values: whole panels of the wasm kernels, and whole tiles of the WebGPU kernels. */
export const pageRows = 48;

/** The row of a key among the rows of keys. */
export function rowOfKey({ queryStart, pages }: AttentionSequence, key: number): number {
  return pages ? pages[Math.floor(key / pageRows)] * pageRows + (key % pageRows) : queryStart + key;
}

/** A sequence that has queries, and where its pages begin in the table; −1 where it has none. */
interface TableEntry extends AttentionSequence {
  readonly pagesStart: number;
}

/** What the table of a batch begins with: see the contract. */
export function tableEntries(sequences: readonly AttentionSequence[]): readonly TableEntry[] {
  const present = sequences.filter(({ queryCount }) => queryCount > 0);
  let end = entryWords * present.length;
  return present.map((sequence) => {
    const start = end;
    end += sequence.pages?.length ?? 0;
    return { ...sequence, pagesStart: sequence.pages ? start : -1 };
  });
}

/** Numbers of an entry. */
const entryWords = 4;

/** The table of a batch. */
export function attentionTable(sequences: readonly AttentionSequence[]): Int32Array {
  const entries = tableEntries(sequences);
  const numbers = entries.flatMap(({ queryStart, queryCount, keyCount, pagesStart }) => [
    queryStart, queryCount, keyCount, pagesStart,
  ]);
  return Int32Array.from([...numbers, ...entries.flatMap(({ pages }) => pages ?? [])]);
}

/** The keys `[first, end)` of its sequence that query `i` sees. */
export function visibleKeys(
  { causal, window }: AttentionMask, { queryCount, keyCount }: AttentionSequence, i: number,
): { first: number; end: number } {
  const position = keyCount - queryCount + i;
  return {
    first: window === null ? 0 : Math.max(0, position + 1 - window),
    end: causal ? position + 1 : keyCount,
  };
}

/** How many pairs of a query and a key that it sees a sequence has. */
export function visiblePairs({ causal, window }: AttentionMask, { queryCount, keyCount }: AttentionSequence): number {
  if (!causal) return queryCount * keyCount;
  const whole = window ?? keyCount;
  /** Those of the first queries, were there one for each key: they see more and more, until the window is full. */
  const pairsOf = (queries: number): number => {
    const growing = Math.min(queries, whole);
    return (growing * (growing + 1)) / 2 + (queries - growing) * whole;
  };
  return pairsOf(keyCount) - pairsOf(keyCount - queryCount);
}
