import { pageRows } from "../../../attention-sequences.ts";
import type { AttentionBatchView, AttentionMask } from "../../../contract/index.ts";
import { i32, reads, u32 } from "../runtime/program.ts";
import type { Elements, Operand, Value } from "../runtime/program.ts";

/** The sequences of a batch that have queries, for kernels, and the kind of their keys. */
export interface Sequences {
  readonly batch: AttentionBatchView;
  readonly count: number;
  readonly maxQueries: number;
  readonly maxKeys: number;
  /** Whether keys lie in pages; all sequences of a batch are alike. */
  readonly isPaged: boolean;
}

export function sequencesOf(batch: AttentionBatchView): Sequences {
  const present = batch.sequences.filter(({ queryCount }) => queryCount > 0);
  const max = (of: "queryCount" | "keyCount"): number => present.reduce((most, sequence) => Math.max(most, sequence[of]), 0);
  return {
    batch,
    count: present.length,
    maxQueries: max("queryCount"),
    maxKeys: max("keyCount"),
    isPaged: present.some(({ pages }) => pages),
  };
}

/** Consecutive rows, counted from the first one that there is. */
export interface Rows {
  readonly first: number;
  readonly count: number;
}

/** Beyond all positions: two of them do not overflow. */
const far = 2 ** 29;

/** What `sequenceFunctions` need: the table, which is not written, and which rows of queries and keys a call is about. */
export function sequenceTable(
  { batch, count }: Sequences, { causal, window }: AttentionMask, queries: Rows, keys: Rows,
): { readonly operands: Readonly<Record<"table", Operand>>; readonly values: Readonly<Record<string, Value>> } {
  return {
    operands: { table: reads(batch.table) },
    values: {
      sequence_count: u32(count),
      first_row: i32(queries.first),
      end_row: i32(queries.first + queries.count),
      first_key_row: i32(keys.first),
      end_key_row: i32(keys.first + keys.count),
      ahead: i32(causal ? 1 : far),
      window: i32(window ?? far),
    },
  };
}

/**
 * WGSL of sequences. Rows of queries and keys are counted from the first ones that the call is about, keys from the first one
 * of their sequence. A `Sequence` has the rows of queries from `first` to before `end`; `position`, that of row 0, were it a query
 * of the sequence; the keys from `first_key` to before `end_key`, of those without pages the ones that the call is about; and
 * `place`, where the table has its pages, or the row of key 0. Of one index in a workgroup, all is uniform.
 */
export function sequenceFunctions(of: Elements, isPaged: boolean): string {
  const entry = (word: number): string => of.table(`4u * index + ${word}u`);
  return `
struct Sequence { first: i32, end: i32, position: i32, first_key: i32, end_key: i32, place: i32 }
fn row_in_call(row: i32) -> i32 { return clamp(row, values.first_row, values.end_row) - values.first_row; }
fn start_of(index: u32) -> i32 { return ${entry(0)}; }
fn sequence_at(index: u32) -> Sequence {
  let start = start_of(index);
  let count = ${entry(1)};
  let keys = ${entry(2)};
  var sequence: Sequence;
  sequence.first = row_in_call(start);
  sequence.end = row_in_call(start + count);
  sequence.position = keys - count - start + values.first_row;
  ${
    isPaged
      ? `sequence.end_key = keys;
  sequence.place = ${entry(3)};`
      : `sequence.first_key = max(0, values.first_key_row - start);
  sequence.end_key = max(sequence.first_key, min(keys, values.end_key_row - start));
  sequence.place = start - values.first_key_row;`
  }
  return sequence;
}
fn key_row(sequence: Sequence, key: u32) -> i32 {
  ${
    isPaged
      ? `return ${of.table(`u32(sequence.place) + key / ${pageRows}u`)} * ${pageRows} + i32(key % ${pageRows}u) - values.first_key_row;`
      : "return sequence.place + i32(key);"
  }
}
fn row_is_there(row: i32) -> bool { return row >= 0 && row < values.end_key_row - values.first_key_row; }
fn near_key(sequence: Sequence, key: i32) -> u32 { return u32(clamp(key, sequence.first_key, sequence.end_key)); }
fn first_key(sequence: Sequence, row: u32) -> u32 {
  return near_key(sequence, sequence.position + i32(row) + 1 - values.window);
}
fn end_key(sequence: Sequence, row: u32) -> u32 { return near_key(sequence, sequence.position + i32(row) + values.ahead); }`;
}

/** WGSL of `name(wanted)`: the last sequence whose `place`, a number that grows with their `index`, is not beyond. */
function search(name: string, place: string): string {
  return `
fn ${name}(wanted: i32) -> u32 {
  var low = 0u;
  var high = values.sequence_count - 1u;
  while (low < high) {
    let index = (low + high + 1u) / 2u;
    if (${place} <= wanted) { low = index; } else { high = index - 1u; }
  }
  return low;
}`;
}

/** WGSL of `sequence_of_row(row)`: the sequence of a row of queries, or of a row behind its end that no sequence has. */
export const sequenceOfRow = search("sequence_of_row", "start_of(index) - values.first_row");

/**
 * WGSL of `tile_slot(index)`: the number of the workgroup that takes the first `lines` rows of a sequence, where workgroups take as
 * many each; and of `sequence_of_tile(slot)`. Rows of two sequences share no workgroup: each leaves one slot free at the most.
 */
export function sequenceOfTile(lines: number, rows: "queries" | "keys"): string {
  const row = rows === "queries" ? "row_in_call(start)" : "clamp(start, values.first_key_row, values.end_key_row) - values.first_key_row";
  return `
fn tile_slot(index: u32) -> i32 {
  let start = start_of(index);
  return (${row}) / ${lines} + i32(index);
}
${search("sequence_of_tile", "tile_slot(index)")}`;
}

/** Workgroups that take some of these rows, as many of each sequence as there are lines. */
export function tileSlots({ count }: Sequences, rows: Rows, lines: number): number {
  return Math.floor(rows.count / lines) + count;
}
