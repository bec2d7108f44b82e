import type { AttentionKernels } from "../../contract/index.ts";
import {
  columnOf, declareResults, eachColumn, eachLine, eachResult, isOneSlab, keysFrom, lineOf, mix, ownBlock, products,
  queriesFrom, queryLines, scaledQueriesFrom, seenByLine, sequencePlace, storeWeights, tileColumns, tileLines,
  tileMemory, tileThreads,
} from "./attention-tiles.ts";
import type { Engine } from "./engine.ts";
import { entryArguments, linear, linearIndex, linearSize } from "./grid.ts";
import { keyValues } from "./key-values.ts";
import { reads, u32, writes } from "./program.ts";
import type { Operand } from "./program.ts";
import { storeQuad, vectorQuads } from "./quads.ts";
import type { Quads } from "./quads.ts";
import { sequenceValues, visibleKeys } from "./sequences.ts";
import type { Sequences } from "./sequences.ts";

type Call = Parameters<AttentionKernels["attentionGradient"]>[0];

/** Gradients without the score matrix in memory: probabilities are made again from the saved statistics. */
export function attentionGradient(engine: Engine, call: Call, runs: readonly Sequences[]): void {
  const { out, grad } = call;
  const [queries, heads, headDim] = out.shape;
  const quads = Math.ceil(headDim / 4);
  engine.withScratch(queries * heads, (means) => {
    const [results, gradients] = [vectorQuads("out", out), vectorQuads("grad", grad)];
    // Σ over the keys of probability · its gradient, without a pass over them.
    engine.run({
      name: "attentionGradient means",
      variant: headDim,
      operands: { ...results.operands, ...gradients.operands, means: writes(means) },
      values: { ...results.values, ...gradients.values, count: u32(queries * heads), heads: u32(heads) },
      source: (of) => `
${results.functions(of)}
${gradients.functions(of)}
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let index = ${linearIndex};
  if (index >= values.count) { return; }
  let row = index / values.heads;
  let head = index % values.heads;
  var sum = vec4f();
  for (var quad = 0u; quad < ${quads}u; quad++) { sum += out_quad(row, head, quad) * grad_quad(row, head, quad); }
  ${of.means("index")} = dot(sum, vec4f(1.0));
}`,
      workgroups: linear(queries * heads),
    });
    const saved = { statistics: reads(call.statistics), means: reads(means) };
    for (const sequences of runs) {
      gradientOfQueries(engine, call, saved, sequences);
      gradientOfKeys(engine, call, saved, sequences);
    }
  });
}

type Saved = Readonly<Record<"statistics" | "means", Operand>>;

/** Queries, keys, values and gradients, read by quads. */
function sources({ q, k, v, grad }: Call): Quads {
  const all = [vectorQuads("q", q), keyValues(k, v), vectorQuads("grad", grad)];
  return {
    operands: Object.assign({}, ...all.map(({ operands }) => operands)) as Quads["operands"],
    values: Object.assign({}, ...all.map(({ values }) => values)) as Quads["values"],
    functions: (of) => all.map(({ functions }) => functions(of)).join(""),
  };
}

/** Tiles of keys go past some queries of a workgroup. */
function gradientOfQueries(engine: Engine, call: Call, saved: Saved, sequences: Sequences): void {
  const { k, out, gradQ, causal } = call;
  const [, heads, headDim] = out.shape;
  const source = sources(call);
  engine.run({
    name: "attentionGradient of queries",
    variant: `${headDim} ${causal}`,
    operands: { ...source.operands, ...saved, gradQ: writes(gradQ) },
    values: {
      ...sequenceValues(sequences, call),
      ...source.values,
      heads: u32(heads),
      kv_heads: u32(k.shape[1]),
      gradQ_row: u32(gradQ.strides[0]),
      gradQ_head: u32(gradQ.strides[1]),
    },
    source: (of) => `
${source.functions(of)}
${visibleKeys(causal)}
${tileMemory}
@compute @workgroup_size(${tileThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  ${queryLines}
  var largest = vec4f();
  var sums = vec4f(1.0);
  var means = vec4f();
  ${eachLine((i) => `
  if (first_query + ${lineOf(i)} < values.query_count) {
    let place = (first_row + first_query + ${lineOf(i)}) * values.heads + head;
    largest.${"xyzw"[i]} = ${of.statistics("2u * place")};
    sums.${"xyzw"[i]} = ${of.statistics("2u * place + 1u")};
    means.${"xyzw"[i]} = ${of.means("place")};
  }`)}
  ${declareResults("result", headDim)}
  let end = end_key(last_query);
  for (var tile = first_key(first_query); tile < end; tile += ${tileColumns}u) {
    ${products("score", headDim, scaledQueriesFrom("first_query"), keysFrom("tile", "k"))}
    workgroupBarrier();
    ${products("gradient", headDim, queriesFrom("first_query", "grad"), keysFrom("tile", "v"))}
    workgroupBarrier();
    ${eachColumn((j) => `
    let probability_${j} = exp(score_${j} - largest) / sums;
    let seen_${j} = ${seenByLine(`tile + ${columnOf(j)}`)};`)}
    ${storeWeights((j) => `select(vec4f(), probability_${j} * (gradient_${j} - means) * values.scale, seen_${j})`)}
    ${mix("result", headDim, keysFrom("tile", "k"))}
  }
  ${eachResult("result", headDim, ({ line, quad, value }) => `
  if (first_query + ${lineOf(line)} < values.query_count) {
    let place = (first_row + first_query + ${lineOf(line)}) * values.gradQ_row + head * values.gradQ_head;
    ${storeQuad(of.gradQ, headDim, { place: "place", quad, value })}
  }`)}
}`,
    workgroups: [Math.ceil(sequences.queryCount / tileLines), heads, sequences.count],
  });
}

/** Tiles of queries go past some keys of a workgroup. */
function gradientOfKeys(engine: Engine, call: Call, saved: Saved, sequences: Sequences): void {
  const { k, out, gradK, gradV, causal } = call;
  const [, heads, headDim] = out.shape;
  const kvHeads = k.shape[1];
  const source = sources(call);
  const isLoaded = isOneSlab(headDim);
  engine.run({
    name: "attentionGradient of keys",
    variant: `${headDim} ${causal}`,
    operands: { ...source.operands, ...saved, gradK: writes(gradK), gradV: writes(gradV) },
    values: {
      ...sequenceValues(sequences, call),
      ...source.values,
      heads: u32(heads),
      kv_heads: u32(kvHeads),
      gradK_row: u32(gradK.strides[0]),
      gradK_head: u32(gradK.strides[1]),
      gradV_row: u32(gradV.strides[0]),
      gradV_head: u32(gradV.strides[1]),
    },
    source: (of) => `
${source.functions(of)}
${visibleKeys(causal)}
${tileMemory}
@compute @workgroup_size(${tileThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let kv_head = group.y;
  ${sequencePlace}
  let first = group.x * ${tileLines}u;
  let last = min(first + ${tileLines}u, values.key_count) - 1u;
  ${ownBlock}
  let own_keys = vec4u(first) + vec4u(${[0, 1, 2, 3].map(lineOf).join(", ")});
  ${declareResults("key", headDim)}
  ${declareResults("value", headDim)}
  let group_heads = values.heads / values.kv_heads;
  for (var head = kv_head * group_heads; head < (kv_head + 1u) * group_heads; head++) {
    for (var tile = 0u; tile < values.query_count; tile += ${tileColumns}u) {
      // Tiles of queries that see none of these keys.
      let last_query = min(tile + ${tileColumns}u, values.query_count) - 1u;
      if (end_key(last_query) <= first || first_key(tile) > last) { continue; }
      ${products("score", headDim, keysFrom("first", "k"), scaledQueriesFrom("tile"))}
      workgroupBarrier();
      ${products("gradient", headDim, keysFrom("first", "v"), queriesFrom("tile", "grad"))}
      ${eachColumn((j) => `
      var probability_${j} = vec4f();
      var factor_${j} = vec4f();
      let query_${j} = tile + ${columnOf(j)};
      if (query_${j} < values.query_count) {
        let place = (first_row + query_${j}) * values.heads + head;
        let seen = (own_keys >= vec4u(first_key(query_${j}))) & (own_keys < vec4u(end_key(query_${j})));
        let exponentials = exp(score_${j} - ${of.statistics("2u * place")});
        probability_${j} = select(vec4f(), exponentials / ${of.statistics("2u * place + 1u")}, seen);
        factor_${j} = probability_${j} * (gradient_${j} - ${of.means("place")});
      }`)}
      ${isLoaded ? "" : "workgroupBarrier();"}
      ${storeWeights((j) => `probability_${j}`)}
      ${mix("value", headDim, isLoaded ? "loaded" : queriesFrom("tile", "grad"))}
      ${storeWeights((j) => `factor_${j}`)}
      ${mix("key", headDim, scaledQueriesFrom("tile"))}
    }
  }
  ${(["key", "value"] as const)
    .map((name) => {
      const to = name === "key" ? "gradK" : "gradV";
      return eachResult(name, headDim, ({ line, quad, value }) => `
  if (first + ${lineOf(line)} < values.key_count) {
    let place = (first_key_row + first + ${lineOf(line)}) * values.${to}_row + kv_head * values.${to}_head;
    ${storeQuad(of[to], headDim, { place: "place", quad, value })}
  }`);
    })
    .join("")}
}`,
    workgroups: [Math.ceil(sequences.keyCount / tileLines), kvHeads, sequences.count],
  });
}
