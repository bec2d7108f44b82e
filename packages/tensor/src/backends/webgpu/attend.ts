import type { AttentionOptions, Dense, View } from "../../contract/index.ts";
import {
  columnOf, declareResults, eachColumn, eachLine, eachResult, isOneSlab, keysFrom, lineOf, loadLines, mix, products,
  queryLines, scaledQueriesFrom, scaleResults, seenByLine, storeWeights, tileColumns, tileLines, tileMemory, tileThreads,
} from "./attention-tiles.ts";
import type { Engine } from "./engine.ts";
import type { KeyValueSource } from "./key-values.ts";
import { reads, u32, writes } from "./program.ts";
import { storeQuad, vectorQuads } from "./quads.ts";
import { sequenceValues, visibleKeys } from "./sequences.ts";
import type { Sequences } from "./sequences.ts";
import { together } from "./workgroup.ts";

/** Attention of regular sequences. Exponentials are of numbers that are not above 0: the built-in ones are exact enough. */
export interface AttentionRun extends Omit<AttentionOptions, "sequences"> {
  readonly q: View;
  readonly source: KeyValueSource;
  readonly kvHeads: number;
  readonly out: Dense;
  readonly statistics: Dense | null;
  readonly sequences: Sequences;
}

/** Tiles of keys go past some queries of a workgroup (Dao et al. 2022, "FlashAttention"). */
export function attend(engine: Engine, run: AttentionRun): void {
  const { source, kvHeads, out, statistics, causal, sequences } = run;
  const [, heads, headDim] = out.shape;
  const q = vectorQuads("q", run.q);
  const queries = scaledQueriesFrom("first_query");
  const stays = isOneSlab(headDim);
  engine.run({
    name: "attention",
    variant: `${source.name} ${headDim} ${causal}`,
    operands: {
      ...q.operands,
      ...source.operands,
      out: writes(out),
      ...(statistics ? { statistics: writes(statistics) } : {}),
    },
    values: {
      ...sequenceValues(sequences, run),
      ...q.values,
      ...source.values,
      heads: u32(heads),
      kv_heads: u32(kvHeads),
    },
    source: (of) => `
${q.functions(of)}
${source.functions(of)}
${visibleKeys(causal)}
${tileMemory}
var<workgroup> largest: array<vec4f, ${tileThreads}>;
@compute @workgroup_size(${tileThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  ${queryLines}
  ${declareResults("mixed", headDim)}
  var most = vec4f(-3.4e38);
  var sum = vec4f();
  ${stays ? loadLines(headDim, queries) : ""}
  let end = end_key(last_query);
  for (var tile = first_key(first_query); tile < end; tile += ${tileColumns}u) {
    ${products("score", headDim, stays ? "loaded" : queries, keysFrom("tile", "k"))}
    ${eachColumn((j) => `
      let seen_${j} = ${seenByLine(`tile + ${columnOf(j)}`)};
      let scaled_${j} = select(vec4f(-3.4e38), score_${j}, seen_${j});`)}
    largest[local] = max(scaled_0, scaled_1);
    workgroupBarrier();
    var now = most;
    for (var i = 0u; i < 8u; i++) { now = max(now, largest[block_line * 8u + i]); }
    let rest = exp(most - now);
    most = now;
    sum *= rest;
    ${scaleResults("mixed", headDim, "rest")}
    ${storeWeights((j) => `select(vec4f(), exp(scaled_${j} - most), seen_${j})`)}
    ${mix("mixed", headDim, keysFrom("tile", "v"), "sum += weight;")}
  }
  let whole = 1.0 / sum;
  ${eachResult("mixed", headDim, ({ line, quad, value }) => `
  if (first_query + ${lineOf(line)} < values.query_count) {
    let place = ((first_row + first_query + ${lineOf(line)}) * values.heads + head) * ${headDim}u;
    ${storeQuad(of.out, headDim, { place: "place", quad, value: `${value} * whole.${"xyzw"[line]}` })}
  }`)}
  ${
    statistics
      ? eachLine((i) => `
  if (block_column == 0u && first_query + ${lineOf(i)} < values.query_count) {
    let place = (first_row + first_query + ${lineOf(i)}) * values.heads + head;
    ${of.statistics("2u * place")} = most.${"xyzw"[i]};
    ${of.statistics("2u * place + 1u")} = sum.${"xyzw"[i]};
  }`)
      : ""
  }
}`,
    workgroups: [Math.ceil(sequences.queryCount / tileLines), heads, sequences.count],
  });
}

/** Threads of a workgroup that share keys. */
const keyThreads = 64;
/** Keys of a workgroup. */
const chunkKeys = 128;

/**
 * A workgroup for each query, head and chunk of keys, whose threads share these; where there are several chunks, another
 * kernel puts them together (split-KV, as in Dao et al. 2023, "Flash-Decoding").
 */
export function attendFew(engine: Engine, run: AttentionRun): void {
  const { source, kvHeads, out, statistics, causal, sequences } = run;
  const [, heads, headDim] = out.shape;
  const { count, queryCount, keyCount } = sequences;
  const q = vectorQuads("q", run.q);
  const chunks = Math.ceil(keyCount / chunkKeys);
  const queries = count * queryCount;
  const results = { out: writes(out), ...(statistics ? { statistics: writes(statistics) } : {}) };
  // For each query, head and chunk its largest score, its sum of exponentials, and its mix.
  const partFloats = chunks === 1 ? 0 : queries * heads * chunks * (headDim + 2);
  const quads = Math.ceil(headDim / 4);
  // So many threads mix the quads of a key, while the others mix those of the next ones.
  const lanes = Math.min(keyThreads, 2 ** Math.ceil(Math.log2(quads)));
  engine.withScratch(partFloats, (parts) => {
    engine.run({
      name: "attention few queries",
      variant: `${source.name} ${headDim} ${causal}`,
      operands: { ...q.operands, ...source.operands, ...(chunks === 1 ? results : { parts: writes(parts) }) },
      values: {
        ...sequenceValues(sequences, run),
        ...q.values,
        ...source.values,
        heads: u32(heads),
        kv_heads: u32(kvHeads),
        chunks: u32(chunks),
      },
      source: (of) => `
${q.functions(of)}
${source.functions(of)}
${visibleKeys(causal)}
${together("sum", "a + b", keyThreads)}
${together("largest", "max(a, b)", keyThreads)}
var<workgroup> weights: array<f32, ${chunkKeys}>;
var<workgroup> mixes: array<vec4f, ${keyThreads}>;
@compute @workgroup_size(${keyThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let chunk = group.x;
  let head = group.y;
  let kv_head = head * values.kv_heads / values.heads;
  let sequence = group.z / values.query_count;
  let query = group.z % values.query_count;
  let row = values.query_start + sequence * values.query_step + query;
  let first = max(first_key(query), chunk * ${chunkKeys}u);
  let end = min(end_key(query), (chunk + 1u) * ${chunkKeys}u);
  let first_row = values.key_start + sequence * values.key_step;
  var part = -3.4e38;
  for (var key = first + local; key < end; key += ${keyThreads}u) {
    var products = vec4f();
    for (var quad = 0u; quad < ${quads}u; quad++) {
      products += q_quad(row, head, quad)${statistics ? " * values.scale" : ""} * k_quad(first_row + key, kv_head, quad);
    }
    let score = dot(products, vec4f(1.0))${statistics ? "" : " * values.scale"};
    weights[key - first] = score;
    part = max(part, score);
  }
  let most = largest(part, local);
  part = 0.0;
  for (var key = first + local; key < end; key += ${keyThreads}u) {
    let weight = exp(weights[key - first] - most);
    weights[key - first] = weight;
    part += weight;
  }
  let all = sum(part, local);
  let to = ${
    chunks === 1
      ? "row * values.heads + head"
      : `((group.z * values.heads + head) * values.chunks + chunk) * ${headDim + 2}u`
  };
  for (var first_quad = 0u; first_quad < ${quads}u; first_quad += ${lanes}u) {
    let quad = first_quad + local % ${lanes}u;
    var mixed = vec4f();
    if (quad < ${quads}u) {
      for (var key = first + local / ${lanes}u; key < end; key += ${keyThreads / lanes}u) {
        mixed += weights[key - first] * v_quad(first_row + key, kv_head, quad);
      }
    }
    mixes[local] = mixed;
    workgroupBarrier();
    if (local < ${lanes}u) {
      for (var other = local + ${lanes}u; other < ${keyThreads}u; other += ${lanes}u) { mixed += mixes[other]; }
      ${
        chunks === 1
          ? storeQuad(of.out, headDim, { place: `to * ${headDim}u`, quad: "quad", value: "(mixed / all)" })
          : storeQuad(of.parts, headDim, { place: "to + 2u", quad: "quad", value: "mixed" })
      }
    }
    workgroupBarrier();
  }
  if (local > 0u) { return; }
  ${chunks === 1 ? "" : `${of.parts("to")} = most; ${of.parts("to + 1u")} = all;`}
  ${chunks === 1 && statistics ? `${of.statistics("2u * to")} = most; ${of.statistics("2u * to + 1u")} = all;` : ""}
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
@compute @workgroup_size(${keyThreads})
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
    sum += ${of.parts("part + 1u")} * exp(${of.parts("part")} - most);
  }
  let to = row * values.heads + head;
  for (var i = local; i < ${headDim}u; i += ${keyThreads}u) {
    var mixed = 0.0;
    for (var chunk = 0u; chunk < values.chunks; chunk++) {
      let part = origin + chunk * ${headDim + 2}u;
      mixed += ${of.parts("part + 2u + i")} * exp(${of.parts("part")} - most);
    }
    ${of.out(`to * ${headDim}u + i`)} = mixed / sum;
  }
  ${
    statistics
      ? `if (local == 0u) { ${of.statistics("2u * to")} = most; ${of.statistics("2u * to + 1u")} = sum; }`
      : ""
  }
}`,
      workgroups: [1, heads, queries],
    });
  });
}
