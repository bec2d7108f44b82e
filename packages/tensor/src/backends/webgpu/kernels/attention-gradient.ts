import type { AttentionKernels, AttentionOptions, View } from "../../../contract/index.ts";
import { denseStrides } from "../../../shape.ts";
import { partsOfRun } from "./attention-parts.ts";
import type { AttentionPart } from "./attention-parts.ts";
import {
  columnOf, declareResults, eachColumn, eachLine, eachResult, isOneSlab, keysFrom, lineOf, mix, ownBlock, products,
  queriesFrom, queryLines, scaledQueriesFrom, seenByLine, sequencePlace, storeWeights, tileColumns, tileLines,
  tileMemory, tileThreads,
} from "./attention-tiles.ts";
import type { Engine } from "../runtime/engine.ts";
import { entryArguments, linear, linearIndex, linearSize } from "../runtime/grid.ts";
import { relaid, split } from "../runtime/split-bindings.ts";
import type { Views } from "../runtime/split-bindings.ts";
import { reads, u32, writes } from "../runtime/program.ts";
import { loadVec4, storeVec4, vectorVec4, vectorShape } from "../wgsl/vec4.ts";
import type { Vec4Access, VectorShape } from "../wgsl/vec4.ts";
import { regularRuns, seeingQueries, sequenceValues, visibleKeys } from "./attention-sequences.ts";

/** What queries have, `means` being the sum over the keys of probability times its gradient. */
interface Queries extends Views {
  readonly q: View;
  readonly grad: View;
  readonly statistics: View;
  readonly means: View;
  readonly gradQ: View;
}

/** What keys have. */
interface Keys extends Views {
  readonly k: View;
  readonly v: View;
  readonly gradK: View;
  readonly gradV: View;
}

type Options = Omit<AttentionOptions, "sequences">;

/** A call of a kernel: a part of a run, and how many heads there are between rows of `statistics` and `means`. */
interface GradientCall extends AttentionPart<Queries, Keys> {
  readonly options: Options;
  readonly rowHeads: number;
}

/** Gradients without the score matrix in memory: probabilities are made again from the saved statistics. */
export function attentionGradient(
  engine: Engine,
  { q, k, v, out, statistics, grad, gradQ, gradK, gradV, ...options }: Parameters<AttentionKernels["attentionGradient"]>[0],
): void {
  const [rows, heads] = out.shape;
  engine.withScratch(rows * heads, (scratch) => {
    const means = relaid(scratch, { shape: [rows, heads], strides: [heads, 1] });
    findMeans(engine, { out, grad, means });
    const shape = [rows, heads, 2];
    const queries = { q, grad, statistics: relaid(statistics, { shape, strides: denseStrides(shape) }), means, gradQ };
    for (const run of regularRuns(options)) {
      const keys = { k, v, gradK, gradV };
      const written = ["gradQ", "gradK", "gradV"];
      for (const part of partsOfRun(engine, run, { heads, kvHeads: k.shape[1] }, queries, keys, written)) {
        const call = { ...part, options, rowHeads: heads };
        gradientOfQueries(engine, call);
        gradientOfKeys(engine, call);
      }
    }
  });
}

/** Σ over the keys of probability times its gradient, without a pass over them: Σ out · grad. */
function findMeans(engine: Engine, views: { readonly out: View; readonly grad: View; readonly means: View }): void {
  const axes = { out: ["rows", "heads", null], grad: ["rows", "heads", null], means: ["rows", "heads"] } as const;
  for (const { operands } of split(engine, views, axes, ["means"])) {
    const { out, grad, means } = operands;
    const [rows, heads, width] = out.shape;
    const vectors = vectorVec4({ out, grad });
    const { vec4s, isWhole } = vectorShape(width);
    engine.run({
      name: "attentionGradient means",
      variant: `${isWhole}`,
      operands: { ...vectors.operands, means: writes(means) },
      values: {
        ...vectors.values,
        count: u32(rows * heads),
        heads: u32(heads),
        row_heads: u32(means.strides[0]),
        vec4s: u32(vec4s),
        width: u32(width),
      },
      source: (of) => `
${vectors.functions(of)}
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let index = ${linearIndex};
  if (index >= values.count) { return; }
  let row = index / values.heads;
  let head = index % values.heads;
  var sum = vec4f();
  for (var vec4 = 0u; vec4 < values.vec4s; vec4++) { sum += out_vec4(row, head, vec4) * grad_vec4(row, head, vec4); }
  ${of.means("row * values.row_heads + head")} = dot(sum, vec4f(1.0));
}`,
      workgroups: linear(rows * heads),
    });
  }
}

/** Queries, keys, values and gradients, read by vec4s. */
function sources({ queries: { q, grad }, keys: { k, v } }: GradientCall): Vec4Access {
  return vectorVec4({ q, k, v, grad });
}

/** WGSL that stores a vec4, on top of what is there where that `continues`. */
function addVec4(
  element: (index: string) => string, shape: VectorShape, continues: boolean, vec4: Parameters<typeof storeVec4>[2],
): string {
  const value = continues ? `(${vec4.value} + ${loadVec4(element, shape, vec4)})` : vec4.value;
  return storeVec4(element, shape, { ...vec4, value });
}

/**
 * Tiles of keys go past some queries of a workgroup. Differences of gradients are halved: they may be beyond f32 where their
 * products with probabilities are not.
 */
function gradientOfQueries(engine: Engine, call: GradientCall): void {
  const { sequences, options, queries, heads, kvHeads, rowHeads } = call;
  const { statistics, means, gradQ } = queries;
  const width = gradQ.shape[2];
  const shape = vectorShape(width);
  const continues = sequences.firstKey > 0;
  const source = sources(call);
  engine.run({
    name: "attentionGradient of queries",
    variant: `${shape.vec4s} ${shape.isWhole} ${continues}`,
    operands: { ...source.operands, statistics: reads(statistics), means: reads(means), gradQ: writes(gradQ) },
    values: {
      ...sequenceValues(sequences, options),
      ...source.values,
      heads: u32(heads),
      kv_heads: u32(kvHeads),
      row_heads: u32(rowHeads),
      width: u32(width),
      gradQ_row: u32(gradQ.strides[0]),
      gradQ_head: u32(gradQ.strides[1]),
    },
    source: (of) => `
${source.functions(of)}
${visibleKeys}
${tileMemory}
@compute @workgroup_size(${tileThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  ${queryLines}
  var largest = vec4f();
  var sums = vec4f(1.0);
  var means = vec4f();
  ${eachLine((i) => `
  if (first_query + ${lineOf(i)} < values.query_count) {
    let place = (first_row + first_query + ${lineOf(i)}) * values.row_heads + head;
    largest.${"xyzw"[i]} = ${of.statistics("2u * place")};
    sums.${"xyzw"[i]} = ${of.statistics("2u * place + 1u")};
    means.${"xyzw"[i]} = ${of.means("place")};
  }`)}
  ${declareResults("result", shape)}
  let end = end_key(last_query);
  for (var tile = first_key(first_query); tile < end; tile += ${tileColumns}u) {
    ${products("score", shape, scaledQueriesFrom("first_query"), keysFrom("tile", "k"))}
    workgroupBarrier();
    ${products("gradient", shape, queriesFrom("first_query", "grad"), keysFrom("tile", "v"))}
    workgroupBarrier();
    ${eachColumn((j) => `
    let probability_${j} = exp(score_${j} - largest) / sums;
    let seen_${j} = ${seenByLine(`tile + ${columnOf(j)}`)};`)}
    ${storeWeights((j) => `select(vec4f(), 2.0 * probability_${j} * (0.5 * gradient_${j} - 0.5 * means) * values.scale, seen_${j})`)}
    ${mix("result", shape, keysFrom("tile", "k"))}
  }
  ${eachResult("result", shape, ({ line, vec4, value }) => `
  if (first_query + ${lineOf(line)} < values.query_count) {
    let place = (first_row + first_query + ${lineOf(line)}) * values.gradQ_row + head * values.gradQ_head;
    ${addVec4(of.gradQ, shape, continues, { place: "place", vec4, value })}
  }`)}
}`,
    workgroups: [Math.ceil(sequences.queryCount / tileLines), heads, sequences.count],
  });
}

/** Tiles of queries go past some keys of a workgroup. */
function gradientOfKeys(engine: Engine, call: GradientCall): void {
  const { sequences, isFirstOfKeys, options, queries, keys, heads, kvHeads, rowHeads } = call;
  const { statistics, means } = queries;
  const { gradK, gradV } = keys;
  const width = gradK.shape[2];
  const shape = vectorShape(width);
  const continues = !isFirstOfKeys;
  const source = sources(call);
  const isLoaded = isOneSlab(shape);
  engine.run({
    name: "attentionGradient of keys",
    variant: `${shape.vec4s} ${shape.isWhole} ${continues}`,
    operands: {
      ...source.operands, statistics: reads(statistics), means: reads(means), gradK: writes(gradK), gradV: writes(gradV),
    },
    values: {
      ...sequenceValues(sequences, options),
      ...source.values,
      heads: u32(heads),
      kv_heads: u32(kvHeads),
      row_heads: u32(rowHeads),
      width: u32(width),
      gradK_row: u32(gradK.strides[0]),
      gradK_head: u32(gradK.strides[1]),
      gradV_row: u32(gradV.strides[0]),
      gradV_head: u32(gradV.strides[1]),
    },
    source: (of) => `
${source.functions(of)}
${visibleKeys}
${seeingQueries}
${tileMemory}
@compute @workgroup_size(${tileThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let kv_head = group.y;
  ${sequencePlace}
  let first = group.x * ${tileLines}u;
  let last = min(first + ${tileLines}u, values.key_count) - 1u;
  ${ownBlock}
  let own_keys = vec4u(first) + vec4u(${[0, 1, 2, 3].map(lineOf).join(", ")});
  ${declareResults("key", shape)}
  ${declareResults("value", shape)}
  let end_query = end_query_of(last);
  let group_heads = values.heads / values.kv_heads;
  for (var head = kv_head * group_heads; head < (kv_head + 1u) * group_heads; head++) {
    for (var tile = first_query_of(first); tile < end_query; tile += ${tileColumns}u) {
      ${products("score", shape, keysFrom("first", "k"), scaledQueriesFrom("tile"))}
      workgroupBarrier();
      ${products("gradient", shape, keysFrom("first", "v"), queriesFrom("tile", "grad"))}
      ${eachColumn((j) => `
      var probability_${j} = vec4f();
      var factor_${j} = vec4f();
      let query_${j} = tile + ${columnOf(j)};
      if (query_${j} < values.query_count) {
        let place = (first_row + query_${j}) * values.row_heads + head;
        let seen = (own_keys >= vec4u(first_key(query_${j}))) & (own_keys < vec4u(end_key(query_${j})));
        let exponentials = exp(score_${j} - ${of.statistics("2u * place")});
        probability_${j} = select(vec4f(), exponentials / ${of.statistics("2u * place + 1u")}, seen);
        factor_${j} = 2.0 * probability_${j} * (0.5 * gradient_${j} - 0.5 * ${of.means("place")});
      }`)}
      ${isLoaded ? "" : "workgroupBarrier();"}
      ${storeWeights((j) => `probability_${j}`)}
      ${mix("value", shape, isLoaded ? "loaded" : queriesFrom("tile", "grad"))}
      ${storeWeights((j) => `factor_${j}`)}
      ${mix("key", shape, scaledQueriesFrom("tile"))}
    }
  }
  ${(["key", "value"] as const)
    .map((name) => {
      const to = name === "key" ? "gradK" : "gradV";
      return eachResult(name, shape, ({ line, vec4, value }) => `
  if (first + ${lineOf(line)} < values.key_count) {
    let place = (first_key_row + first + ${lineOf(line)}) * values.${to}_row + kv_head * values.${to}_head;
    ${addVec4(of[to], shape, continues, { place: "place", vec4, value })}
  }`);
    })
    .join("")}
}`,
    workgroups: [Math.ceil(sequences.keyCount / tileLines), kvHeads, sequences.count],
  });
}
