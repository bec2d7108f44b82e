import type { View } from "../../../contract/index.ts";
import type { DType } from "../../../dtype.ts";
import { relaid, split } from "../runtime/split-bindings.ts";
import type { AxesOf, Reach, Views } from "../runtime/split-bindings.ts";
import type { Sequences, SequencesPart } from "./attention-sequences.ts";

/** Some heads, queries and keys of some sequences, and the views of their rows, from the first ones on. */
export interface AttentionPart<Queries extends Views, Keys extends Views> {
  readonly sequences: SequencesPart;
  /** Whether no part before had other queries, or other heads of them, for its keys. */
  readonly isFirstOfKeys: boolean;
  readonly heads: number;
  readonly kvHeads: number;
  readonly queries: Queries;
  readonly keys: Keys;
}

/** Heads are those of keys; of each, some heads of queries are its group. */
type Axis = "sequences" | "queries" | "keys" | "heads" | "group";

/**
 * A run of sequences in parts that bindings reach: mostly there is one part. What queries have is `[queries, heads, …]`, and
 * what keys have `[keys, kvHeads, …]`, the first of each being there.
 */
export function partsOfRun<Queries extends Views, Keys extends Views>(
  engine: Reach,
  run: Sequences,
  { heads, kvHeads }: { readonly heads: number; readonly kvHeads: number },
  queries: Queries,
  keys: Keys,
  written: readonly string[],
): AttentionPart<Queries, Keys>[] {
  const { count, queryStart, queryStep, queryCount, keyStart, keyStep, keyCount } = run;
  const group = heads / kvHeads;
  const ofQueries = (view: View<DType>): View<DType> => {
    const [row, head, ...rest] = view.strides;
    return relaid(view, {
      offset: view.offset + queryStart * row,
      shape: [count, queryCount, kvHeads, group, ...view.shape.slice(2)],
      strides: [queryStep * row, row, group * head, head, ...rest],
    });
  };
  const ofKeys = (view: View<DType>): View<DType> => {
    const [row, head, ...rest] = view.strides;
    return relaid(view, {
      offset: view.offset + keyStart * row,
      shape: [count, keyCount, kvHeads, ...view.shape.slice(2)],
      strides: [keyStep * row, row, head, ...rest],
    });
  };
  // A group is cut where it is of one head only: it is shorter than all of them together.
  const rowsOfQueries = (view: View<DType>): View<DType> => {
    const [some, rows, kvs, group, ...rest] = view.shape;
    const [, row, , head, ...others] = view.strides;
    return relaid(view, { shape: [(some - 1) * queryStep + rows, kvs * group, ...rest], strides: [row, head, ...others] });
  };
  const rowsOfKeys = (view: View<DType>): View<DType> => {
    const [some, rows, ...rest] = view.shape;
    return relaid(view, { shape: [(some - 1) * keyStep + rows, ...rest], strides: view.strides.slice(1) });
  };
  const [query, key] = [Object.keys(queries)[0], Object.keys(keys)[0]];
  const views = { ...mapped(queries, ofQueries), ...mapped(keys, ofKeys) };
  const axes = {
    ...mapped(queries, ({ shape }) => ["sequences", "queries", "heads", "group", ...shape.slice(2).map(() => null)] as const),
    ...mapped(keys, ({ shape }) => ["sequences", "keys", "heads", ...shape.slice(2).map(() => null)] as const),
  };
  return split<Views, Axis>(engine, views, axes as AxesOf<Views, Axis>, written).map(({ operands, starts }) => {
    const [sequences, queryCount, kvHeads, ownGroup] = operands[query]?.shape ?? [];
    const keyCount = operands[key]?.shape[1] ?? 0;
    const own = (all: Views, rowsOf: (view: View<DType>) => View<DType>): Views =>
      mapped(Object.fromEntries(Object.keys(all).map((name) => [name, operands[name]])), rowsOf);
    return {
      sequences: { run, count: sequences, firstQuery: starts.queries, queryCount, firstKey: starts.keys, keyCount },
      isFirstOfKeys: starts.queries === 0 && starts.group === 0,
      heads: kvHeads * ownGroup,
      kvHeads,
      queries: own(queries, rowsOfQueries) as Queries,
      keys: own(keys, rowsOfKeys) as Keys,
    };
  });
}

function mapped<T>(views: Views, to: (view: View<DType>) => T): Record<string, T | null> {
  return Object.fromEntries(Object.entries(views).map(([name, view]) => [name, view && to(view)]));
}
