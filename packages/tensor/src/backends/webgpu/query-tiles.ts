import type { AttentionOptions } from "../../contract/index.ts";
import { functions } from "./functions.ts";
import type { KeyValueSource } from "./key-values.ts";
import { f32, u32 } from "./program.ts";
import type { Elements, Value } from "./program.ts";
import type { Sequences } from "./sequences.ts";

/** Threads of a workgroup, each with a query or a key of its own. */
export const ownThreads = 64;
/** f32 of two tiles that a workgroup's memory has room for, on every device. */
const tileFloats = 3584;
/** All keys are in the window. */
const noWindow = 0xffff_ffff;

/** Rows of two tiles of vectors. */
export function tileRows(headDim: number): number {
  return Math.max(1, Math.min(32, Math.floor(tileFloats / (2 * headDim))));
}

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

/** What a kernel does for each query, in WGSL. */
export interface QueryProgram {
  /** Declares the thread's own variables. */
  readonly declare: string;
  /** Sets them, where there is a query: `place` is its number among those of all rows and heads. */
  readonly begin: string;
  /** For each key that the query sees, with its `score`; keys and values stand in `keys` and `mixes` from `origin` on. */
  readonly visit: string;
  /** Stores the result. */
  readonly end: string;
}

/**
 * WGSL of a kernel with a thread for each query, through whose workgroup's memory tile after tile of keys and values goes
 * (Dao et al. 2022, "FlashAttention"). The operand `q` has the queries; `own` is the thread's, scaled.
 */
export function queryTiles(
  of: Elements,
  source: KeyValueSource,
  { headDim, causal }: { readonly headDim: number; readonly causal: boolean },
  { declare, begin, visit, end }: QueryProgram,
): string {
  const rows = tileRows(headDim);
  return `
${functions(["exponential", "logarithm"])}
${source.functions(of)}
${visibleKeys(causal)}
var<workgroup> keys: array<f32, ${rows * headDim}>;
var<workgroup> mixes: array<f32, ${rows * headDim}>;
@compute @workgroup_size(${ownThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let head = group.y;
  let kv_head = head * values.kv_heads / values.heads;
  let first_query = group.x * ${ownThreads}u;
  let last_query = min(first_query + ${ownThreads}u, values.query_count) - 1u;
  let query = first_query + local;
  let row = values.query_start + group.z * values.query_step + query;
  let place = row * values.heads + head;
  let first_row = values.key_start + group.z * values.key_step;
  let is_query = query < values.query_count;
  var own: array<f32, ${headDim}>;
  var own_first = 0u;
  var own_end = 0u;
  ${declare}
  if (is_query) {
    own_first = first_key(query);
    own_end = end_key(query);
    for (var i = 0u; i < ${headDim}u; i++) {
      own[i] = values.scale * ${of.q("row * values.q_row + head * values.q_head + i")};
    }
    ${begin}
  }
  let end = end_key(last_query);
  for (var tile = first_key(first_query); tile < end; tile += ${rows}u) {
    for (var index = local; index < ${rows * headDim}u; index += ${ownThreads}u) {
      let key = tile + index / ${headDim}u;
      if (key < end) {
        keys[index] = key_element(first_row + key, kv_head, index % ${headDim}u);
        mixes[index] = value_element(first_row + key, kv_head, index % ${headDim}u);
      }
    }
    workgroupBarrier();
    for (var key = max(tile, own_first); key < min(tile + ${rows}u, own_end); key++) {
      let origin = (key - tile) * ${headDim}u;
      var score = 0.0;
      for (var i = 0u; i < ${headDim}u; i++) { score += own[i] * keys[origin + i]; }
      ${visit}
    }
    workgroupBarrier();
  }
  if (!is_query) { return; }
  ${end}
}`;
}
