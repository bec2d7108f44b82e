import type { AttentionKernels } from "../../contract/index.ts";
import type { Engine } from "./engine.ts";
import { functions } from "./functions.ts";
import { entryArguments, linear, linearIndex, linearSize } from "./grid.ts";
import { keyValues } from "./key-values.ts";
import { reads, u32, writes } from "./program.ts";
import type { Value } from "./program.ts";
import { ownThreads, queryTiles, sequenceValues, tileRows, visibleKeys } from "./query-tiles.ts";
import type { Sequences } from "./sequences.ts";

type Call = Parameters<AttentionKernels["attentionGradient"]>[0];

/** Gradients without the score matrix in memory: probabilities are made again from the saved log-sum-exp. */
export function attentionGradient(engine: Engine, call: Call, runs: readonly Sequences[]): void {
  const { q, k, v, out, logSumExp, grad, gradQ, gradK, gradV, causal } = call;
  const [queries, heads, headDim] = out.shape;
  const kvHeads = k.shape[1];
  const rows = tileRows(headDim);
  const source = keyValues(k, v);
  const shared: Readonly<Record<string, Value>> = {
    ...source.values,
    q_row: u32(q.strides[0]),
    q_head: u32(q.strides[1]),
    heads: u32(heads),
    kv_heads: u32(kvHeads),
  };
  engine.withScratch(queries * heads, (means) => {
    // Σ over the keys of probability · its gradient, without a pass over them.
    engine.run({
      name: "attentionGradient means",
      variant: headDim,
      operands: { out: reads(out), grad: reads(grad), means: writes(means) },
      values: { count: u32(queries * heads) },
      source: (of) => `
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let index = ${linearIndex};
  if (index >= values.count) { return; }
  var sum = 0.0;
  for (var i = index * ${headDim}u; i < (index + 1u) * ${headDim}u; i++) { sum += ${of.out("i")} * ${of.grad("i")}; }
  ${of.means("index")} = sum;
}`,
      workgroups: linear(queries * heads),
    });
    const operands = {
      q: reads(q),
      ...source.operands,
      grad: reads(grad),
      logSumExp: reads(logSumExp),
      means: reads(means),
    };
    for (const sequences of runs) {
      const values = { ...sequenceValues(sequences, call), ...shared };
      engine.run({
        name: "attentionGradient of queries",
        variant: `${headDim} ${causal}`,
        operands: { ...operands, gradQ: writes(gradQ) },
        values: { ...values, grad_row: u32(gradQ.strides[0]), grad_head: u32(gradQ.strides[1]) },
        source: (of) =>
          queryTiles(of, source, { headDim, causal }, {
            declare: `
  var own_grad: array<f32, ${headDim}>;
  var result: array<f32, ${headDim}>;
  var log_sum = 0.0;
  var mean = 0.0;`,
            begin: `
    log_sum = ${of.logSumExp("place")};
    mean = ${of.means("place")};
    for (var i = 0u; i < ${headDim}u; i++) { own_grad[i] = ${of.grad(`place * ${headDim}u + i`)}; }`,
            visit: `
      var gradient = 0.0;
      for (var i = 0u; i < ${headDim}u; i++) { gradient += own_grad[i] * mixes[origin + i]; }
      let factor = exponential(score - log_sum) * (gradient - mean) * values.scale;
      for (var i = 0u; i < ${headDim}u; i++) { result[i] += factor * keys[origin + i]; }`,
            end: `
  for (var i = 0u; i < ${headDim}u; i++) {
    ${of.gradQ("row * values.grad_row + head * values.grad_head + i")} = result[i];
  }`,
          }),
        workgroups: [Math.ceil(sequences.queryCount / ownThreads), heads, sequences.count],
      });
      engine.run({
        name: "attentionGradient of keys",
        variant: `${headDim} ${causal}`,
        operands: { ...operands, gradK: writes(gradK), gradV: writes(gradV) },
        values: {
          ...values,
          gradK_row: u32(gradK.strides[0]),
          gradK_head: u32(gradK.strides[1]),
          gradV_row: u32(gradV.strides[0]),
          gradV_head: u32(gradV.strides[1]),
        },
        source: (of) => `
${functions(["exponential"])}
${visibleKeys(causal)}
${source.functions(of)}
var<workgroup> queries: array<f32, ${rows * headDim}>;
var<workgroup> grads: array<f32, ${rows * headDim}>;
var<workgroup> log_sums: array<f32, ${rows}>;
var<workgroup> row_means: array<f32, ${rows}>;
@compute @workgroup_size(${ownThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let kv_head = group.y;
  let first = group.x * ${ownThreads}u;
  let last = min(first + ${ownThreads}u, values.key_count) - 1u;
  let key = first + local;
  let is_key = key < values.key_count;
  let key_row = values.key_start + group.z * values.key_step + key;
  let first_row = values.query_start + group.z * values.query_step;
  var own: array<f32, ${headDim}>;
  var own_value: array<f32, ${headDim}>;
  var key_result: array<f32, ${headDim}>;
  var value_result: array<f32, ${headDim}>;
  if (is_key) {
    for (var i = 0u; i < ${headDim}u; i++) {
      own[i] = values.scale * key_element(key_row, kv_head, i);
      own_value[i] = value_element(key_row, kv_head, i);
    }
  }
  let group_heads = values.heads / values.kv_heads;
  for (var head = kv_head * group_heads; head < (kv_head + 1u) * group_heads; head++) {
    for (var tile = 0u; tile < values.query_count; tile += ${rows}u) {
      let tile_end = min(tile + ${rows}u, values.query_count);
      // Tiles of queries that see none of these keys.
      if (end_key(tile_end - 1u) <= first || first_key(tile) > last) { continue; }
      for (var index = local; index < ${rows * headDim}u; index += ${ownThreads}u) {
        let query = tile + index / ${headDim}u;
        if (query < tile_end) {
          let i = index % ${headDim}u;
          queries[index] = ${of.q("(first_row + query) * values.q_row + head * values.q_head + i")};
          grads[index] = ${of.grad(`((first_row + query) * values.heads + head) * ${headDim}u + i`)};
        }
      }
      for (var index = local; index < tile_end - tile; index += ${ownThreads}u) {
        let place = (first_row + tile + index) * values.heads + head;
        log_sums[index] = ${of.logSumExp("place")};
        row_means[index] = ${of.means("place")};
      }
      workgroupBarrier();
      for (var query = tile; query < tile_end; query++) {
        if (!is_key || key < first_key(query) || key >= end_key(query)) { continue; }
        let origin = (query - tile) * ${headDim}u;
        var score = 0.0;
        var gradient = 0.0;
        for (var i = 0u; i < ${headDim}u; i++) {
          score += own[i] * queries[origin + i];
          gradient += own_value[i] * grads[origin + i];
        }
        let probability = exponential(score - log_sums[query - tile]);
        let factor = probability * (gradient - row_means[query - tile]) * values.scale;
        for (var i = 0u; i < ${headDim}u; i++) {
          key_result[i] += factor * queries[origin + i];
          value_result[i] += probability * grads[origin + i];
        }
      }
      workgroupBarrier();
    }
  }
  if (!is_key) { return; }
  for (var i = 0u; i < ${headDim}u; i++) {
    ${of.gradK("key_row * values.gradK_row + kv_head * values.gradK_head + i")} = key_result[i];
    ${of.gradV("key_row * values.gradV_row + kv_head * values.gradV_head + i")} = value_result[i];
  }
}`,
        workgroups: [Math.ceil(sequences.keyCount / ownThreads), kvHeads, sequences.count],
      });
    }
  });
}
