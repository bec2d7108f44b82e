import type { AttentionOptions, View } from "../../../contract/index.ts";
import { denseStrides } from "../../../shape.ts";
import type { Shape } from "../../../shape.ts";
import { partsOfRun } from "./attention-parts.ts";
import type { AttentionPart } from "./attention-parts.ts";
import {
  columnOf, declareResults, eachColumn, eachLine, eachResult, isOneSlab, keysFrom, lineOf, loadLines, mix, products,
  queryLines, scaledQueriesFrom, scaleResults, seenByLine, storeWeights, tileColumns, tileLines, tileMemory, tileThreads,
} from "./attention-tiles.ts";
import type { Engine } from "../runtime/engine.ts";
import type { KeyValueSource } from "./attention-keys.ts";
import { relaid } from "../runtime/split-bindings.ts";
import type { Views } from "../runtime/split-bindings.ts";
import { reads, u32, writes } from "../runtime/program.ts";
import type { Elements } from "../runtime/program.ts";
import { loadVec4, storeVec4, vectorShape } from "../wgsl/vec4.ts";
import type { Vec4Access, VectorShape } from "../wgsl/vec4.ts";
import { fewQueries, isLast, regularRuns, sequenceValues, visibleKeys } from "./attention-sequences.ts";
import type { Sequences } from "./attention-sequences.ts";
import { together } from "../wgsl/workgroup.ts";

type Options = Omit<AttentionOptions, "sequences">;

/** What queries have. */
interface Queries extends Views {
  readonly q: View;
  /** A score for each head, in every row the same. */
  readonly sinks: View | null;
  readonly out: View;
  /** The largest score of each query and head, and the sum of the exponentials less that. */
  readonly statistics: View | null;
}

/** A call of a kernel. Exponentials are of numbers that are not above 0: the built-in ones are exact enough. */
interface ForwardCall extends Omit<AttentionPart<Queries, Views>, "keys"> {
  readonly source: Vec4Access & { readonly name: string };
  readonly options: Options;
  /** Heads between the rows of `out` and `statistics`. */
  readonly rowHeads: number;
  /** Whether this is a part of the keys that its queries see: then sums go on in `out` and `statistics`. */
  readonly goesOn: boolean;
}

/** WGSL of the lowest f32 number: below all scores but −∞. */
const lowest = "-0x1.fffffep127f";

/** Attention to the keys and values of a source. */
export function attend<Keys extends Views>(
  engine: Engine, queries: Queries, source: KeyValueSource<Keys>, kvHeads: number, options: AttentionOptions,
): void {
  const [rows, heads] = queries.out.shape;
  const sinks = queries.sinks && relaid(queries.sinks, { shape: [rows, heads], strides: [0, queries.sinks.strides[0]] });
  for (const run of regularRuns(options)) attendRun(engine, { ...queries, sinks }, source, kvHeads, options, run);
}

function attendRun<Keys extends Views>(
  engine: Engine, queries: Queries, source: KeyValueSource<Keys>, kvHeads: number, options: Options, run: Sequences,
): void {
  const [rows, rowHeads, width] = queries.out.shape;
  const isFew = run.queryCount <= fewQueries;
  // So that the workgroups that share keys find room for what each of them finds.
  const found = isFew ? notThere([rows, rowHeads, chunksOf(run.keyCount) * partWords(width)]) : null;
  const parts = partsOfRun(engine, run, { heads: rowHeads, kvHeads }, { ...queries, found }, source.views, ["out", "statistics"]);
  const isCut = parts.some(({ sequences }) => sequences.keyCount < run.keyCount);
  const byTiles = isCut || !isFew;
  if (byTiles && !queries.statistics) {
    engine.withScratch(rows * rowHeads * 2, (scratch) => {
      const shape = [rows, rowHeads, 2];
      const statistics = relaid(scratch, { shape, strides: denseStrides(shape) });
      attendRun(engine, { ...queries, statistics }, source, kvHeads, options, run);
    });
    return;
  }
  for (const { keys, ...part } of parts) {
    const call = {
      ...part, source: { name: source.name, ...source.vec4s(keys, { q: part.queries.q }) }, options, rowHeads, goesOn: isCut,
    };
    const { statistics } = part.queries;
    if (byTiles && statistics) attendByTiles(engine, call, statistics);
    else attendFew(engine, call);
  }
}

/** Memory of which only the size matters. */
function notThere(shape: Shape): View {
  return { buffer: -1, offset: 0, shape, strides: denseStrides(shape), dtype: "f32" };
}

/** Tiles of keys go past some queries of a workgroup (Dao et al. 2022, "FlashAttention"). */
function attendByTiles(engine: Engine, call: ForwardCall, statistics: View): void {
  const { source, options, sequences, heads, kvHeads, rowHeads, goesOn } = call;
  const { sinks, out } = call.queries;
  const width = out.shape[2];
  const shape = vectorShape(width);
  const queries = scaledQueriesFrom("first_query");
  const stays = isOneSlab(shape);
  engine.run({
    name: "attention",
    variant: `${source.name} ${shape.vec4s} ${shape.isWhole} ${goesOn}`,
    operands: {
      ...source.operands, ...(sinks ? { sinks: reads(sinks) } : {}), out: writes(out), statistics: writes(statistics),
    },
    values: {
      ...sequenceValues(sequences, options),
      ...source.values,
      heads: u32(heads),
      kv_heads: u32(kvHeads),
      row_heads: u32(rowHeads),
      width: u32(width),
      ...(goesOn ? { is_first: u32(sequences.firstKey === 0 ? 1 : 0), is_last: u32(isLast(sequences) ? 1 : 0) } : {}),
    },
    source: (of) => `
${source.functions(of)}
${visibleKeys}
${tileMemory}
var<workgroup> largest: array<vec4f, ${tileThreads}>;
@compute @workgroup_size(${tileThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  ${queryLines}
  ${declareResults("mixed", shape)}
  var row_max = vec4f(${sinks ? sinkOf(of) : lowest});
  var sum = vec4f(${sinks ? "1.0" : ""});
  ${goesOn ? `if (values.is_first == 0u) { ${resume(of, shape)} }` : ""}
  ${stays ? loadLines(shape, queries) : ""}
  let end = end_key(last_query);
  for (var tile = first_key(first_query); tile < end; tile += ${tileColumns}u) {
    ${products("score", shape, stays ? "loaded" : queries, keysFrom("tile", "k"))}
    ${eachColumn((j) => `
      let seen_${j} = ${seenByLine(`tile + ${columnOf(j)}`)};
      let scaled_${j} = select(vec4f(${lowest}), score_${j}, seen_${j});`)}
    largest[local] = max(scaled_0, scaled_1);
    workgroupBarrier();
    var now = row_max;
    for (var i = 0u; i < 8u; i++) { now = max(now, largest[block_line * 8u + i]); }
    let rest = exp(row_max - now);
    row_max = now;
    sum *= rest;
    ${scaleResults("mixed", shape, "rest")}
    ${storeWeights((j) => `select(vec4f(), exp(scaled_${j} - row_max), seen_${j})`)}
    ${mix("mixed", shape, keysFrom("tile", "v"), "sum += weight;")}
  }
  let whole = ${goesOn ? "select(vec4f(1.0), 1.0 / sum, values.is_last != 0u)" : "1.0 / sum"};
  ${eachResult("mixed", shape, ({ line, vec4, value }) => `
  if (first_query + ${lineOf(line)} < values.query_count) {
    let place = ${placeOf(line)} * values.width;
    ${storeVec4(of.out, shape, { place: "place", vec4, value: `${value} * whole.${"xyzw"[line]}` })}
  }`)}
  ${eachLine((i) => `
  if (block_column == 0u && first_query + ${lineOf(i)} < values.query_count) {
    let place = ${placeOf(i)};
    ${of.statistics("2u * place")} = row_max.${"xyzw"[i]};
    ${of.statistics("2u * place + 1u")} = sum.${"xyzw"[i]};
  }`)}
}`,
    workgroups: [Math.ceil(sequences.queryCount / tileLines), heads, sequences.count],
  });
}

/** WGSL of the sink of a head, where sums of exponentials begin: it is as a key of this score, without a value. */
const sinkOf = (of: Elements): string => `max(${of.sinks("head")}, ${lowest})`;

/** WGSL of the place of a thread's line among the queries' heads. */
const placeOf = (line: number): string => `((first_row + first_query + ${lineOf(line)}) * values.row_heads + head)`;

/** WGSL that goes on where the keys before these ended. */
function resume(of: Elements, shape: VectorShape): string {
  return `
    ${eachLine((i) => `
    if (first_query + ${lineOf(i)} < values.query_count) {
      row_max.${"xyzw"[i]} = ${of.statistics(`2u * ${placeOf(i)}`)};
      sum.${"xyzw"[i]} = ${of.statistics(`2u * ${placeOf(i)} + 1u`)};
    }`)}
    ${eachResult("mixed", shape, ({ line, vec4, value }) => `
    if (first_query + ${lineOf(line)} < values.query_count) {
      ${value} = ${loadVec4(of.out, shape, { place: `${placeOf(line)} * values.width`, vec4 })};
    }`)}`;
}

/** Threads of a workgroup that share keys. */
const keyThreads = 64;
/** Keys of a workgroup. */
const chunkKeys = 128;
const chunksOf = (keys: number): number => Math.ceil(keys / chunkKeys);
/** What is found out for a query, head and chunk: its largest score, its sum of exponentials, and its mix. */
const partWords = (width: number): number => width + 2;

/**
 * A workgroup for each query, head and chunk of keys, whose threads share these; where there are several chunks, another
 * kernel puts them together (split-KV, as in Dao et al. 2023, "Flash-Decoding").
 */
function attendFew(engine: Engine, { source, options, sequences, queries: views, heads, kvHeads, rowHeads }: ForwardCall): void {
  const { sinks, out, statistics } = views;
  const width = out.shape[2];
  const shape = vectorShape(width);
  const { count, queryCount, keyCount } = sequences;
  const chunks = chunksOf(keyCount);
  const queries = count * queryCount;
  const results = {
    ...(sinks ? { sinks: reads(sinks) } : {}), out: writes(out), ...(statistics ? { statistics: writes(statistics) } : {}),
  };
  const { vec4s } = shape;
  // These threads mix the vec4s of a key; the others mix those of the next keys.
  const lanes = Math.min(keyThreads, 2 ** Math.ceil(Math.log2(vec4s)));
  engine.withScratch(chunks === 1 ? 0 : queries * heads * chunks * partWords(width), (parts) => {
    engine.run({
      name: "attention few queries",
      variant: `${source.name} ${vec4s} ${shape.isWhole}`,
      operands: { ...source.operands, ...(chunks === 1 ? results : { parts: writes(parts) }) },
      values: {
        ...sequenceValues(sequences, options),
        ...source.values,
        heads: u32(heads),
        kv_heads: u32(kvHeads),
        row_heads: u32(rowHeads),
        width: u32(width),
        chunks: u32(chunks),
      },
      source: (of) => `
${source.functions(of)}
${visibleKeys}
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
  let row = sequence * values.query_step + query;
  let first = max(first_key(query), chunk * ${chunkKeys}u);
  let end = min(end_key(query), (chunk + 1u) * ${chunkKeys}u);
  let first_row = sequence * values.key_step;
  ${chunks === 1 && sinks ? `let sink = ${sinkOf(of)};` : ""}
  var part = ${chunks === 1 && sinks ? "sink" : lowest};
  for (var key = first + local; key < end; key += ${keyThreads}u) {
    var products = vec4f();
    for (var group = 0u; group < ${vec4s}u; group++) {
      products += q_vec4(row, head, group)${statistics ? " * values.scale" : ""} * k_vec4(first_row + key, kv_head, group);
    }
    let score = dot(products, vec4f(1.0))${statistics ? "" : " * values.scale"};
    weights[key - first] = score;
    part = max(part, score);
  }
  let row_max = largest(part, local);
  part = ${chunks === 1 && sinks ? "select(0.0, exp(sink - row_max), local == 0u)" : "0.0"};
  for (var key = first + local; key < end; key += ${keyThreads}u) {
    let weight = exp(weights[key - first] - row_max);
    weights[key - first] = weight;
    part += weight;
  }
  let all = sum(part, local);
  let to = ${
    chunks === 1
      ? "row * values.row_heads + head"
      : `((group.z * values.heads + head) * values.chunks + chunk) * (values.width + 2u)`
  };
  for (var first_vec4 = 0u; first_vec4 < ${vec4s}u; first_vec4 += ${lanes}u) {
    let group = first_vec4 + local % ${lanes}u;
    var mixed = vec4f();
    if (group < ${vec4s}u) {
      for (var key = first + local / ${lanes}u; key < end; key += ${keyThreads / lanes}u) {
        mixed += weights[key - first] * v_vec4(first_row + key, kv_head, group);
      }
    }
    mixes[local] = mixed;
    workgroupBarrier();
    if (local < ${lanes}u) {
      for (var other = local + ${lanes}u; other < ${keyThreads}u; other += ${lanes}u) { mixed += mixes[other]; }
      ${
        chunks === 1
          ? storeVec4(of.out, shape, { place: "to * values.width", vec4: "group", value: "(mixed / all)" })
          : storeVec4(of.parts, shape, { place: "to + 2u", vec4: "group", value: "mixed" })
      }
    }
    workgroupBarrier();
  }
  if (local > 0u) { return; }
  ${chunks === 1 ? "" : `${of.parts("to")} = row_max; ${of.parts("to + 1u")} = all;`}
  ${chunks === 1 && statistics ? `${of.statistics("2u * to")} = row_max; ${of.statistics("2u * to + 1u")} = all;` : ""}
}`,
      workgroups: [chunks, heads, queries],
    });
    if (chunks === 1) return;
    engine.run({
      name: "attention together",
      operands: { parts: reads(parts), ...results },
      values: {
        ...sequenceValues(sequences, options), heads: u32(heads), row_heads: u32(rowHeads), width: u32(width),
        chunks: u32(chunks),
      },
      source: (of) => `
@compute @workgroup_size(${keyThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let head = group.y;
  let row = (group.z / values.query_count) * values.query_step + group.z % values.query_count;
  let origin = (group.z * values.heads + head) * values.chunks * (values.width + 2u);
  ${sinks ? `let sink = ${sinkOf(of)};` : ""}
  var row_max = ${sinks ? "sink" : lowest};
  for (var chunk = 0u; chunk < values.chunks; chunk++) {
    row_max = max(row_max, ${of.parts("origin + chunk * (values.width + 2u)")});
  }
  var sum = ${sinks ? "exp(sink - row_max)" : "0.0"};
  for (var chunk = 0u; chunk < values.chunks; chunk++) {
    let part = origin + chunk * (values.width + 2u);
    sum += ${of.parts("part + 1u")} * exp(${of.parts("part")} - row_max);
  }
  let to = row * values.row_heads + head;
  for (var i = local; i < values.width; i += ${keyThreads}u) {
    var mixed = 0.0;
    for (var chunk = 0u; chunk < values.chunks; chunk++) {
      let part = origin + chunk * (values.width + 2u);
      mixed += ${of.parts("part + 2u + i")} * exp(${of.parts("part")} - row_max);
    }
    ${of.out("to * values.width + i")} = mixed / sum;
  }
  ${
    statistics
      ? `if (local == 0u) { ${of.statistics("2u * to")} = row_max; ${of.statistics("2u * to + 1u")} = sum; }`
      : ""
  }
}`,
      workgroups: [1, heads, queries],
    });
  });
}
