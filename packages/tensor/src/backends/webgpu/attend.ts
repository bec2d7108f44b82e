import type { AttentionOptions, Dense, View } from "../../contract/index.ts";
import type { Engine } from "./engine.ts";
import { functions } from "./functions.ts";
import type { KeyValueSource } from "./key-values.ts";
import { reads, u32, writes } from "./program.ts";
import { ownThreads, queryTiles, sequenceValues, visibleKeys } from "./query-tiles.ts";
import { together } from "./workgroup.ts";
import type { Sequences } from "./sequences.ts";

/** Attention of regular sequences. */
export interface AttentionRun extends Omit<AttentionOptions, "sequences"> {
  readonly q: View;
  readonly source: KeyValueSource;
  readonly kvHeads: number;
  readonly out: Dense;
  readonly logSumExp: Dense | null;
  readonly sequences: Sequences;
}

/** A thread for each query. */
export function attend(engine: Engine, run: AttentionRun): void {
  const { q, source, kvHeads, out, logSumExp, causal, sequences } = run;
  const [, heads, headDim] = out.shape;
  engine.run({
    name: "attention",
    variant: `${source.name} ${headDim} ${causal}`,
    operands: {
      q: reads(q),
      ...source.operands,
      out: writes(out),
      ...(logSumExp ? { logSumExp: writes(logSumExp) } : {}),
    },
    values: {
      ...sequenceValues(sequences, run),
      ...source.values,
      q_row: u32(q.strides[0]),
      q_head: u32(q.strides[1]),
      heads: u32(heads),
      kv_heads: u32(kvHeads),
    },
    source: (of) =>
      queryTiles(of, source, { headDim, causal }, {
        declare: `
  var mixed: array<f32, ${headDim}>;
  var most = -3.4e38;
  var sum = 0.0;`,
        begin: "",
        visit: `
      if (score > most) {
        let rest = exponential(most - score);
        sum *= rest;
        for (var i = 0u; i < ${headDim}u; i++) { mixed[i] *= rest; }
        most = score;
      }
      let weight = exponential(score - most);
      sum += weight;
      for (var i = 0u; i < ${headDim}u; i++) { mixed[i] += weight * mixes[origin + i]; }`,
        end: `
  for (var i = 0u; i < ${headDim}u; i++) { ${of.out(`place * ${headDim}u + i`)} = mixed[i] / sum; }
  ${logSumExp ? `${of.logSumExp("place")} = most + logarithm(sum);` : ""}`,
      }),
    workgroups: [Math.ceil(sequences.queryCount / ownThreads), heads, sequences.count],
  });
}

/** Keys of a workgroup where threads share them. */
const chunkKeys = 256;

/**
 * A workgroup for each query, head and chunk of keys, whose threads share these, then the elements of the result; where
 * there are several chunks, another kernel puts them together (split-KV, as in Dao et al. 2023, "Flash-Decoding").
 */
export function attendFew(engine: Engine, run: AttentionRun): void {
  const { q, source, kvHeads, out, logSumExp, causal, sequences } = run;
  const [, heads, headDim] = out.shape;
  const { count, queryCount, keyCount } = sequences;
  const chunks = Math.ceil(keyCount / chunkKeys);
  const queries = count * queryCount;
  const place =
    chunks === 1
      ? "row * values.heads + head"
      : `((group.z * values.heads + head) * values.chunks + chunk) * ${headDim + 2}u`;
  const results = { out: writes(out), ...(logSumExp ? { logSumExp: writes(logSumExp) } : {}) };
  // For each query, head and chunk its largest score, its sum of exponentials, and its mix.
  const partFloats = chunks === 1 ? 0 : queries * heads * chunks * (headDim + 2);
  engine.withScratch(partFloats, (parts) => {
    engine.run({
      name: "attention few queries",
      variant: `${source.name} ${headDim} ${causal}`,
      operands: { q: reads(q), ...source.operands, ...(chunks === 1 ? results : { parts: writes(parts) }) },
      values: {
        ...sequenceValues(sequences, run),
        ...source.values,
        q_row: u32(q.strides[0]),
        q_head: u32(q.strides[1]),
        heads: u32(heads),
        kv_heads: u32(kvHeads),
        chunks: u32(chunks),
      },
      source: (of) => `
${functions(["exponential", "logarithm"])}
${source.functions(of)}
${visibleKeys(causal)}
${together("sum", "a + b", ownThreads)}
${together("largest", "max(a, b)", ownThreads)}
var<workgroup> weights: array<f32, ${chunkKeys}>;
@compute @workgroup_size(${ownThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let chunk = group.x;
  let head = group.y;
  let kv_head = head * values.kv_heads / values.heads;
  let sequence = group.z / values.query_count;
  let query = group.z % values.query_count;
  let row = values.query_start + sequence * values.query_step + query;
  let first_row = values.key_start + sequence * values.key_step;
  let first = max(first_key(query), chunk * ${chunkKeys}u);
  let end = min(end_key(query), (chunk + 1u) * ${chunkKeys}u);
  var part = -3.4e38;
  for (var key = first + local; key < end; key += ${ownThreads}u) {
    var score = 0.0;
    for (var i = 0u; i < ${headDim}u; i++) {
      score += ${of.q("row * values.q_row + head * values.q_head + i")} * key_element(first_row + key, kv_head, i);
    }
    score *= values.scale;
    weights[key - first] = score;
    part = max(part, score);
  }
  let most = largest(part, local);
  part = 0.0;
  for (var key = first + local; key < end; key += ${ownThreads}u) {
    let weight = exponential(weights[key - first] - most);
    weights[key - first] = weight;
    part += weight;
  }
  let all = sum(part, local);
  let to = ${place};
  for (var i = local; i < ${headDim}u; i += ${ownThreads}u) {
    var mixed = 0.0;
    for (var key = first; key < end; key++) {
      mixed += weights[key - first] * value_element(first_row + key, kv_head, i);
    }
    ${chunks === 1 ? `${of.out(`to * ${headDim}u + i`)} = mixed / all;` : `${of.parts("to + 2u + i")} = mixed;`}
  }
  if (local > 0u) { return; }
  ${chunks === 1 ? "" : `${of.parts("to")} = most; ${of.parts("to + 1u")} = all;`}
  ${chunks === 1 && logSumExp ? `${of.logSumExp("to")} = most + logarithm(all);` : ""}
}`,
      workgroups: [chunks, heads, queries],
    });
    if (chunks === 1) return;
    engine.run({
      name: "attention together",
      variant: headDim,
      operands: { parts: reads(parts), ...results },
      values: { ...sequenceValues(sequences, run), heads: u32(heads), chunks: u32(chunks) },
      source: (of) => `
${functions(["exponential", "logarithm"])}
@compute @workgroup_size(${ownThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let head = group.y;
  let row = values.query_start + (group.z / values.query_count) * values.query_step + group.z % values.query_count;
  let origin = (group.z * values.heads + head) * values.chunks * ${headDim + 2}u;
  var most = -3.4e38;
  for (var chunk = 0u; chunk < values.chunks; chunk++) {
    most = max(most, ${of.parts(`origin + chunk * ${headDim + 2}u`)});
  }
  var sum = 0.0;
  for (var chunk = 0u; chunk < values.chunks; chunk++) {
    let part = origin + chunk * ${headDim + 2}u;
    sum += ${of.parts("part + 1u")} * exponential(${of.parts("part")} - most);
  }
  let to = row * values.heads + head;
  for (var i = local; i < ${headDim}u; i += ${ownThreads}u) {
    var mixed = 0.0;
    for (var chunk = 0u; chunk < values.chunks; chunk++) {
      let part = origin + chunk * ${headDim + 2}u;
      mixed += ${of.parts("part + 2u + i")} * exponential(${of.parts("part")} - most);
    }
    ${of.out(`to * ${headDim}u + i`)} = mixed / sum;
  }
  ${logSumExp ? `if (local == 0u) { ${of.logSumExp("to")} = most + logarithm(sum); }` : ""}
}`,
      workgroups: [1, heads, queries],
    });
  });
}
