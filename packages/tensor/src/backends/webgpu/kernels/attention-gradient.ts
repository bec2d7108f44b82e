import type { AttentionKernels, AttentionMask, View } from "../../../contract/index.ts";
import { denseStrides } from "../../../shape.ts";
import { partsOfAttention } from "./attention-parts.ts";
import type { AttentionPart } from "./attention-parts.ts";
import { sequenceFunctions, sequenceOfTile, sequencesOf, sequenceTable, tileSlots } from "./attention-sequences.ts";
import type { Sequences } from "./attention-sequences.ts";
import {
  columnOf, declareResults, eachColumn, eachLine, eachResult, isOneSlab, keysFrom, lineOf, mix, ownBlock, products,
  queriesFrom, queryLines, scaledQueriesFrom, seenByLine, storeWeights, tileColumns, tileLines, tileMemory, tileThreads,
} from "./attention-tiles.ts";
import type { Engine } from "../runtime/engine.ts";
import { entryArguments, linear, linearIndex, linearSize } from "../runtime/grid.ts";
import { relaid, split } from "../runtime/split-bindings.ts";
import type { Views } from "../runtime/split-bindings.ts";
import { f32, reads, u32, writes } from "../runtime/program.ts";
import { loadVec4, storeVec4, vectorVec4, vectorShape } from "../wgsl/vec4.ts";
import type { Vec4Access, VectorShape } from "../wgsl/vec4.ts";

/** What queries have. */
interface Queries extends Views {
  readonly q: View;
  readonly grad: View;
  /** Three numbers of each query and head: its statistics, and the sum over the keys of probability times its gradient. */
  readonly saved: View;
  readonly gradQ: View;
}

/** What keys have. */
interface Keys extends Views {
  readonly k: View;
  readonly v: View;
  readonly gradK: View;
  readonly gradV: View;
}

/** A call of a kernel: a part of a batch, and how many heads there are between rows of `saved`. */
interface GradientCall extends AttentionPart<Queries, Keys> {
  readonly sequences: Sequences;
  readonly mask: AttentionMask;
  readonly scale: number;
  readonly rowHeads: number;
}

/** Gradients without the score matrix in memory: probabilities are made again from the saved statistics. */
export function attentionGradient(
  engine: Engine,
  {
    q, k, v, out, statistics, grad, gradQ, gradK, gradV, batch, scale, ...mask
  }: Parameters<AttentionKernels["attentionGradient"]>[0],
): void {
  const sequences = sequencesOf(batch);
  if (sequences.count === 0) return;
  const [rows, rowHeads] = out.shape;
  engine.withScratch(rows * rowHeads * 3, (scratch) => {
    const shape = [rows, rowHeads, 3];
    const saved = relaid(scratch, { shape, strides: denseStrides(shape) });
    save(engine, { out, grad, statistics, saved });
    const [queries, keys] = [{ q, grad, saved, gradQ }, { k, v, gradK, gradV }];
    const written = ["gradQ", "gradK", "gradV"];
    for (const part of partsOfAttention(engine, { heads: rowHeads, kvHeads: k.shape[1] }, queries, keys, written)) {
      const call = { ...part, sequences, mask, scale, rowHeads };
      gradientOfQueries(engine, call);
      gradientOfKeys(engine, call);
    }
  });
}

interface Saving extends Views {
  readonly out: View;
  readonly grad: View;
  readonly statistics: View;
  readonly saved: View;
}

/** The sum over the keys of probability times its gradient, without a pass over them: Σ out · grad. */
function save(engine: Engine, views: Saving): void {
  const axes = {
    out: ["rows", "heads", null], grad: ["rows", "heads", null], statistics: ["rows", "heads", null], saved: ["rows", "heads", null],
  } as const;
  for (const { operands: { out, grad, statistics, saved } } of split(engine, views, axes, ["saved"])) {
    const [rows, heads, width] = out.shape;
    const vectors = vectorVec4({ out, grad });
    const { vec4s, isWhole } = vectorShape(width);
    engine.run({
      name: "attentionGradient means",
      variant: `${isWhole}`,
      operands: { ...vectors.operands, statistics: reads(statistics), saved: writes(saved) },
      values: {
        ...vectors.values,
        count: u32(rows * heads),
        heads: u32(heads),
        row_heads: u32(saved.strides[0] / 3),
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
  let place = row * values.row_heads + head;
  ${of.saved("3u * place")} = ${of.statistics("2u * place")};
  ${of.saved("3u * place + 1u")} = ${of.statistics("2u * place + 1u")};
  ${of.saved("3u * place + 2u")} = dot(sum, vec4f(1.0));
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
  const { sequences, mask, scale, queryRows, keyRows, heads, kvHeads, rowHeads } = call;
  const { saved, gradQ } = call.queries;
  const width = gradQ.shape[2];
  const shape = vectorShape(width);
  const continues = keyRows.first > 0;
  const table = sequenceTable(sequences, mask, queryRows, keyRows);
  const source = sources(call);
  engine.run({
    name: "attentionGradient of queries",
    variant: `${shape.vec4s} ${shape.isWhole} ${continues}`,
    operands: { ...source.operands, ...table.operands, saved: reads(saved), gradQ: writes(gradQ) },
    values: {
      ...table.values,
      ...source.values,
      scale: f32(scale),
      heads: u32(heads),
      kv_heads: u32(kvHeads),
      row_heads: u32(rowHeads),
      width: u32(width),
      gradQ_row: u32(gradQ.strides[0]),
      gradQ_head: u32(gradQ.strides[1]),
    },
    source: (of) => `
${source.functions(of)}
${sequenceFunctions(of, false)}
${sequenceOfTile(tileLines, "queries")}
${tileMemory}
@compute @workgroup_size(${tileThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  ${queryLines}
  var largest = vec4f();
  var sums = vec4f(1.0);
  var means = vec4f();
  ${eachLine((i) => `
  if (first_query + ${lineOf(i)} < end_query) {
    let place = 3u * ((first_query + ${lineOf(i)}) * values.row_heads + head);
    largest.${"xyzw"[i]} = ${of.saved("place")};
    sums.${"xyzw"[i]} = ${of.saved("place + 1u")};
    means.${"xyzw"[i]} = ${of.saved("place + 2u")};
  }`)}
  ${declareResults("result", shape)}
  let end = end_key(sequence, last_query);
  for (var tile = first_key(sequence, first_query); tile < end; tile += ${tileColumns}u) {
    let tile_row = key_row(sequence, tile);
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
  if (first_query + ${lineOf(line)} < end_query) {
    let place = (first_query + ${lineOf(line)}) * values.gradQ_row + head * values.gradQ_head;
    ${addVec4(of.gradQ, shape, continues, { place: "place", vec4, value })}
  }`)}
}`,
    workgroups: [tileSlots(sequences, queryRows, tileLines), heads],
  });
}

/** Tiles of queries go past some keys of a workgroup. */
function gradientOfKeys(engine: Engine, call: GradientCall): void {
  const { sequences, mask, scale, queryRows, keyRows, isFirstOfKeys, heads, kvHeads, rowHeads } = call;
  const { saved } = call.queries;
  const { gradK, gradV } = call.keys;
  const width = gradK.shape[2];
  const shape = vectorShape(width);
  const continues = !isFirstOfKeys;
  const source = sources(call);
  const isLoaded = isOneSlab(shape);
  const table = sequenceTable(sequences, mask, queryRows, keyRows);
  engine.run({
    name: "attentionGradient of keys",
    variant: `${shape.vec4s} ${shape.isWhole} ${continues}`,
    operands: {
      ...source.operands, ...table.operands, saved: reads(saved), gradK: writes(gradK), gradV: writes(gradV),
    },
    values: {
      ...table.values,
      ...source.values,
      scale: f32(scale),
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
${sequenceFunctions(of, false)}
${sequenceOfTile(tileLines, "keys")}
${tileMemory}
@compute @workgroup_size(${tileThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let kv_head = group.y;
  let index = sequence_of_tile(i32(group.x));
  let sequence = sequence_at(index);
  let first = u32(sequence.first_key + (i32(group.x) - tile_slot(index)) * ${tileLines});
  let end = u32(sequence.end_key);
  if (first >= end) { return; }
  let last = min(first + ${tileLines}u, end) - 1u;
  let first_row = key_row(sequence, first);
  ${ownBlock}
  let own_keys = vec4u(first) + vec4u(${[0, 1, 2, 3].map(lineOf).join(", ")});
  ${declareResults("key", shape)}
  ${declareResults("value", shape)}
  // Only the queries that see some of these keys go past: query i of own rows sees keys up to i.
  let first_query = u32(clamp(i32(first) - sequence.position + 1 - values.ahead, sequence.first, sequence.end));
  let end_query = u32(clamp(i32(last) - sequence.position + values.window, sequence.first, sequence.end));
  let group_heads = values.heads / values.kv_heads;
  for (var head = kv_head * group_heads; head < (kv_head + 1u) * group_heads; head++) {
    for (var tile = first_query; tile < end_query; tile += ${tileColumns}u) {
      ${products("score", shape, keysFrom("first", "k"), scaledQueriesFrom("tile"))}
      workgroupBarrier();
      ${products("gradient", shape, keysFrom("first", "v"), queriesFrom("tile", "grad"))}
      ${eachColumn((j) => `
      var probability_${j} = vec4f();
      var factor_${j} = vec4f();
      let query_${j} = tile + ${columnOf(j)};
      if (query_${j} < end_query) {
        let place = 3u * (query_${j} * values.row_heads + head);
        let seen = (own_keys >= vec4u(first_key(sequence, query_${j}))) & (own_keys < vec4u(end_key(sequence, query_${j})));
        let exponentials = exp(score_${j} - ${of.saved("place")});
        probability_${j} = select(vec4f(), exponentials / ${of.saved("place + 1u")}, seen);
        factor_${j} = 2.0 * probability_${j} * (0.5 * gradient_${j} - 0.5 * ${of.saved("place + 2u")});
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
  if (first + ${lineOf(line)} < end) {
    let place = u32(first_row + i32(${lineOf(line)})) * values.${to}_row + kv_head * values.${to}_head;
    ${addVec4(of[to], shape, continues, { place: "place", vec4, value })}
  }`);
    })
    .join("")}
}`,
    workgroups: [tileSlots(sequences, keyRows, tileLines), kvHeads],
  });
}
