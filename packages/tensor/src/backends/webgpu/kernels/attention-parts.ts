import type { View } from "../../../contract/index.ts";
import type { DType } from "../../../dtype.ts";
import { relaid, split } from "../runtime/split-bindings.ts";
import type { AxesOf, Reach, Views } from "../runtime/split-bindings.ts";
import type { Rows } from "./attention-sequences.ts";

/** Some heads, and the views of some rows of queries and of keys. */
export interface AttentionPart<Queries extends Views, Keys extends Views> {
  readonly queryRows: Rows;
  readonly keyRows: Rows;
  /** Whether no part before had other queries, or other heads of them, for its keys. */
  readonly isFirstOfKeys: boolean;
  readonly heads: number;
  readonly kvHeads: number;
  readonly queries: Queries;
  readonly keys: Keys;
}

/** Heads are those of keys; of each, some heads of queries are its group. */
type Axis = "queries" | "keys" | "heads" | "group";

/**
 * The rows of a batch in parts that bindings reach: mostly there is one part. What queries have is `[queries, heads, …]`, or
 * `[heads]` alone, and what keys have `[keys, kvHeads, …]`, the first of each being there with rows.
 */
export function partsOfAttention<Queries extends Views, Keys extends Views>(
  engine: Reach,
  { heads, kvHeads }: { readonly heads: number; readonly kvHeads: number },
  queries: Queries,
  keys: Keys,
  written: readonly string[],
): AttentionPart<Queries, Keys>[] {
  const group = heads / kvHeads;
  /** The axis of heads as two. */
  const inGroups = (view: View<DType>): View<DType> => {
    const at = view.shape.length === 1 ? 0 : 1;
    const head = view.strides[at];
    return relaid(view, {
      shape: view.shape.toSpliced(at, 1, kvHeads, group),
      strides: view.strides.toSpliced(at, 1, group * head, head),
    });
  };
  // A group is cut where it is of one head only: it is shorter than all of them together.
  const inHeads = (view: View<DType>): View<DType> => {
    const at = view.shape.length === 2 ? 0 : 1;
    return relaid(view, {
      shape: view.shape.toSpliced(at, 2, view.shape[at] * view.shape[at + 1]),
      strides: view.strides.toSpliced(at, 2, view.strides[at + 1]),
    });
  };
  const [query, key] = [Object.keys(queries)[0], Object.keys(keys)[0]];
  const axesOfQueries = ({ shape }: View<DType>): readonly (Axis | null)[] =>
    shape.length === 1 ? ["heads", "group"] : ["queries", "heads", "group", ...shape.slice(2).map(() => null)];
  const views = { ...mapped(queries, inGroups), ...keys };
  const axes = {
    ...mapped(queries, axesOfQueries),
    ...mapped(keys, ({ shape }) => ["keys", "heads", ...shape.slice(2).map(() => null)] as const),
  };
  return split<Views, Axis>(engine, views, axes as AxesOf<Views, Axis>, written).map(({ operands, starts }) => {
    const [queryCount, ownKvHeads, ownGroup] = operands[query]?.shape ?? [];
    const pick = (all: Views): Views => Object.fromEntries(Object.keys(all).map((name) => [name, operands[name]]));
    return {
      queryRows: { first: starts.queries, count: queryCount },
      keyRows: { first: starts.keys, count: operands[key]?.shape[0] ?? 0 },
      isFirstOfKeys: starts.queries === 0 && starts.group === 0,
      heads: ownKvHeads * ownGroup,
      kvHeads: ownKvHeads,
      queries: mapped(pick(queries), inHeads) as Queries,
      keys: pick(keys) as Keys,
    };
  });
}

function mapped<T>(views: Views, to: (view: View<DType>) => T): Record<string, T | null> {
  return Object.fromEntries(Object.entries(views).map(([name, view]) => [name, view && to(view)]));
}
