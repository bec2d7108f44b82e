import type { AttentionMask, AttentionOptions, View } from "../../../contract/index.ts";
import { denseStrides } from "../../../shape.ts";
import type { Shape } from "../../../shape.ts";
import { partsOfAttention } from "./attention-parts.ts";
import type { AttentionPart } from "./attention-parts.ts";
import {
  sequenceFunctions, sequenceOfRow, sequenceOfTile, sequencesOf, sequenceTable, tileSlots,
} from "./attention-sequences.ts";
import type { Sequences } from "./attention-sequences.ts";
import {
  columnOf, declareResults, eachColumn, eachLine, eachResult, isOneSlab, keysFrom, lineOf, loadLines, mix, products,
  queryLines, scaledQueriesFrom, scaleResults, seenByLine, storeWeights, tileColumns, tileLines, tileMemory, tileThreads,
} from "./attention-tiles.ts";
import type { Engine } from "../runtime/engine.ts";
import type { KeyValueSource } from "./attention-keys.ts";
import { copy } from "./elementwise.ts";
import { maxGroups } from "../runtime/grid.ts";
import { relaid } from "../runtime/split-bindings.ts";
import type { Views } from "../runtime/split-bindings.ts";
import { f32, reads, u32, writes } from "../runtime/program.ts";
import type { Elements } from "../runtime/program.ts";
import { loadVec4, storeVec4, vectorShape } from "../wgsl/vec4.ts";
import type { Vec4Access, VectorShape } from "../wgsl/vec4.ts";
import { together } from "../wgsl/workgroup.ts";

/** What queries have. */
interface Queries extends Views {
  readonly q: View;
  /** A score for each head. */
  readonly sinks: View | null;
  readonly out: View;
  /** The largest score of each query and head, and the sum of the exponentials less that. */
  readonly statistics: View | null;
}

/** A call of a kernel. Exponentials are of numbers that are not above 0: the built-in ones are exact enough. */
interface ForwardCall extends Omit<AttentionPart<Queries, Views>, "keys"> {
  readonly source: Vec4Access & { readonly name: string };
  readonly sequences: Sequences;
  readonly mask: AttentionMask;
  readonly scale: number;
  /** Heads between the rows of `out` and `statistics`. */
  readonly rowHeads: number;
  /** Of the parts of the keys, if there are several: then sums go on in `out` and `statistics`, in which sinks are already. */
  readonly part: { readonly isFirst: boolean; readonly isLast: boolean; readonly hasSinks: boolean } | null;
}

/** WGSL of the lowest f32 number: below all scores but −∞. */
const lowest = "-0x1.fffffep127f";

/** Batches whose sequences have at most this many queries share the keys among threads; others share the queries. */
const fewQueries = 8;

/** Attention to the keys and values of a source. */
export function attend<Keys extends Views>(
  engine: Engine, queries: Queries, source: KeyValueSource<Keys>, kvHeads: number, { batch, scale, ...mask }: AttentionOptions,
): void {
  const sequences = sequencesOf(batch);
  if (sequences.count === 0) return;
  const [rows, rowHeads, width] = queries.out.shape;
  const isFew = sequences.maxQueries <= fewQueries && rows <= maxGroups;
  // So that the workgroups that share keys find room for what each of them finds.
  const found = isFew ? notThere([rows, rowHeads, chunksOf(sequences, mask) * partWords(width)]) : null;
  const run = (queries: Queries, hasSinks = false): void => {
    const parts = partsOfAttention(
      engine, { heads: rowHeads, kvHeads }, { ...queries, found }, source.views, ["out", "statistics"],
    );
    const rowsOfKeys = Object.values(source.views)[0]?.shape[0] ?? 0;
    const isCut = parts.some(({ keyRows }) => keyRows.count < rowsOfKeys);
    if (isCut && !queries.statistics) {
      engine.withScratch(rows * rowHeads * 2, (scratch) => {
        const shape = [rows, rowHeads, 2];
        run({ ...queries, statistics: relaid(scratch, { shape, strides: denseStrides(shape) }) });
      });
      return;
    }
    if (isCut && queries.sinks && queries.statistics) {
      // There may be no binding left for the sinks: they are the largest scores so far.
      const shape = [rows, rowHeads];
      const { sinks, statistics } = queries;
      copy(engine, relaid(sinks, { shape, strides: [0, sinks.strides[0]] }), relaid(statistics, { shape, strides: [2 * rowHeads, 2] }));
      run({ ...queries, sinks: null }, true);
      return;
    }
    for (const { keys, ...own } of parts) {
      const { first, count } = own.keyRows;
      const call = {
        ...own,
        source: { name: source.name, ...source.vec4s(keys, { q: own.queries.q }) },
        sequences, mask, scale, rowHeads,
        part: isCut ? { isFirst: first === 0, isLast: first + count === rowsOfKeys, hasSinks } : null,
      };
      if (isFew && parts.length === 1) attendFew(engine, call);
      else attendByTiles(engine, call);
    }
  };
  run(queries);
}

/** Memory of which only the size matters. */
function notThere(shape: Shape): View {
  return { buffer: -1, offset: 0, shape, strides: denseStrides(shape), dtype: "f32" };
}

/** Tiles of keys go past some queries of a workgroup (Dao et al. 2022, "FlashAttention"). */
function attendByTiles(engine: Engine, call: ForwardCall): void {
  const { source, sequences, mask, scale, queryRows, keyRows, heads, kvHeads, rowHeads, part } = call;
  const { sinks, out, statistics } = call.queries;
  const { isPaged } = sequences;
  const width = out.shape[2];
  const shape = vectorShape(width);
  const queries = scaledQueriesFrom("first_query");
  const stays = isOneSlab(shape);
  const isCut = part !== null;
  const keys = (name: "k" | "v") => keysFrom("tile", name, isPaged && isCut);
  const table = sequenceTable(sequences, mask, queryRows, keyRows);
  engine.run({
    name: "attention",
    variant: `${source.name} ${shape.vec4s} ${shape.isWhole} ${isPaged} ${isCut} ${part?.hasSinks}`,
    operands: {
      ...source.operands, ...table.operands,
      ...(sinks ? { sinks: reads(sinks) } : {}), out: writes(out), ...(statistics ? { statistics: writes(statistics) } : {}),
    },
    values: {
      ...table.values,
      ...source.values,
      scale: f32(scale),
      heads: u32(heads),
      kv_heads: u32(kvHeads),
      row_heads: u32(rowHeads),
      width: u32(width),
      ...(part ? { is_first: u32(part.isFirst ? 1 : 0), is_last: u32(part.isLast ? 1 : 0) } : {}),
    },
    source: (of) => `
${source.functions(of)}
${sequenceFunctions(of, isPaged)}
${sequenceOfTile(tileLines, "queries")}
${tileMemory}
var<workgroup> largest: array<vec4f, ${tileThreads}>;
@compute @workgroup_size(${tileThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  ${queryLines}
  ${declareResults("mixed", shape)}
  var row_max = vec4f(${sinks ? sinkOf(of) : lowest});
  var sum = vec4f(${sinks ? "1.0" : ""});
  ${part ? resume(of, shape, part.hasSinks) : ""}
  ${stays ? loadLines(shape, queries) : ""}
  let end = end_key(sequence, last_query);
  // A tile of keys is in one page.
  let begin = first_key(sequence, first_query)${isPaged ? ` / ${tileColumns}u * ${tileColumns}u` : ""};
  for (var tile = begin; tile < end; tile += ${tileColumns}u) {
    let tile_row = key_row(sequence, tile);
    ${products("score", shape, stays ? "loaded" : queries, keys("k"))}
    ${eachColumn((j) => `
      let seen_${j} = ${seenByLine(`tile + ${columnOf(j)}`)}${isPaged && isCut ? ` & vec4<bool>(row_is_there(tile_row + i32(${columnOf(j)})))` : ""};
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
    ${mix("mixed", shape, keys("v"), "sum += weight;")}
  }
  let whole = ${isCut ? "select(vec4f(1.0), 1.0 / sum, values.is_last != 0u)" : "1.0 / sum"};
  ${eachResult("mixed", shape, ({ line, vec4, value }) => `
  if (first_query + ${lineOf(line)} < end_query) {
    let place = ${placeOf(line)} * values.width;
    ${storeVec4(of.out, shape, { place: "place", vec4, value: `${value} * whole.${"xyzw"[line]}` })}
  }`)}
  ${statistics ? eachLine((i) => `
  if (block_column == 0u && first_query + ${lineOf(i)} < end_query) {
    let place = ${placeOf(i)};
    ${of.statistics("2u * place")} = row_max.${"xyzw"[i]};
    ${of.statistics("2u * place + 1u")} = sum.${"xyzw"[i]};
  }`) : ""}
}`,
    workgroups: [tileSlots(sequences, queryRows, tileLines), heads],
  });
}

/** WGSL of the sink of a head, where sums of exponentials begin: it is as a key of this score, without a value. */
const sinkOf = (of: Elements): string => `max(${of.sinks("head")}, ${lowest})`;

/** WGSL of the place of a thread's line among the queries' heads. */
const placeOf = (line: number): string => `((first_query + ${lineOf(line)}) * values.row_heads + head)`;

/** WGSL that goes on where the keys before these ended, or the sinks. */
function resume(of: Elements, shape: VectorShape, hasSinks: boolean): string {
  const largest = eachLine((i) => `
    if (first_query + ${lineOf(i)} < end_query) {
      row_max.${"xyzw"[i]} = max(${of.statistics(`2u * ${placeOf(i)}`)}, ${lowest});
    }`);
  return `
  ${hasSinks ? `${largest}\n  sum = vec4f(1.0);` : ""}
  if (values.is_first == 0u) {
    ${hasSinks ? "" : largest}
    ${eachLine((i) => `
    if (first_query + ${lineOf(i)} < end_query) { sum.${"xyzw"[i]} = ${of.statistics(`2u * ${placeOf(i)} + 1u`)}; }`)}
    ${eachResult("mixed", shape, ({ line, vec4, value }) => `
    if (first_query + ${lineOf(line)} < end_query) {
      ${value} = ${loadVec4(of.out, shape, { place: `${placeOf(line)} * values.width`, vec4 })};
    }`)}
  }`;
}

/** Threads of a workgroup that share keys. */
const keyThreads = 64;
/** Keys of a workgroup. */
const chunkKeys = 128;
/** Into how many chunks the keys are cut that a query sees. */
function chunksOf({ maxKeys }: Sequences, { window }: AttentionMask): number {
  return Math.ceil(Math.min(maxKeys, window ?? maxKeys) / chunkKeys);
}
/** What is found out for a query, head and chunk: its largest score, its sum of exponentials, and its mix. */
const partWords = (width: number): number => width + 2;

/**
 * A workgroup for each query, head and chunk of keys, whose threads share these; where there are several chunks, another
 * kernel puts them together (split-KV, as in Dao et al. 2023, "Flash-Decoding").
 */
function attendFew(engine: Engine, call: ForwardCall): void {
  const { source, sequences, mask, scale, queryRows, keyRows, heads, kvHeads, rowHeads } = call;
  const { sinks, out, statistics } = call.queries;
  const { isPaged } = sequences;
  const width = out.shape[2];
  const shape = vectorShape(width);
  const chunks = chunksOf(sequences, mask);
  const queries = queryRows.count;
  const table = sequenceTable(sequences, mask, queryRows, keyRows);
  const results = {
    ...(sinks ? { sinks: reads(sinks) } : {}), out: writes(out), ...(statistics ? { statistics: writes(statistics) } : {}),
  };
  const { vec4s } = shape;
  // These threads mix the vec4s of a key; the others mix those of the next keys.
  const lanes = Math.min(keyThreads, 2 ** Math.ceil(Math.log2(vec4s)));
  engine.withScratch(chunks === 1 ? 0 : queries * heads * chunks * partWords(width), (parts) => {
    engine.run({
      name: "attention few queries",
      variant: `${source.name} ${vec4s} ${shape.isWhole} ${isPaged}`,
      operands: { ...source.operands, ...table.operands, ...(chunks === 1 ? results : { parts: writes(parts) }) },
      values: {
        ...table.values,
        ...source.values,
        scale: f32(scale),
        heads: u32(heads),
        kv_heads: u32(kvHeads),
        row_heads: u32(rowHeads),
        width: u32(width),
        chunks: u32(chunks),
      },
      source: (of) => `
${source.functions(of)}
${sequenceFunctions(of, isPaged)}
${sequenceOfRow}
${together("sum", "a + b", keyThreads)}
${together("largest", "max(a, b)", keyThreads)}
var<workgroup> weights: array<f32, ${chunkKeys}>;
var<workgroup> rows: array<u32, ${chunkKeys}>;
var<workgroup> mixes: array<vec4f, ${keyThreads}>;
@compute @workgroup_size(${keyThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let chunk = group.x;
  let head = group.y;
  let kv_head = head * values.kv_heads / values.heads;
  let row = group.z;
  let sequence = sequence_at(sequence_of_row(i32(row)));
  if (i32(row) < sequence.first || i32(row) >= sequence.end) { return; }
  let first = first_key(sequence, row) + chunk * ${chunkKeys}u;
  let end = min(end_key(sequence, row), first + ${chunkKeys}u);
  ${chunks === 1 ? "" : "if (first >= end) { return; }"}
  ${chunks === 1 && sinks ? `let sink = ${sinkOf(of)};` : ""}
  var part = ${chunks === 1 && sinks ? "sink" : lowest};
  for (var key = first + local; key < end; key += ${keyThreads}u) {
    var products = vec4f();
    let place = u32(key_row(sequence, key));
    rows[key - first] = place;
    for (var group = 0u; group < ${vec4s}u; group++) {
      products += q_vec4(row, head, group)${statistics ? " * values.scale" : ""} * k_vec4(place, kv_head, group);
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
      : `((row * values.heads + head) * values.chunks + chunk) * (values.width + 2u)`
  };
  for (var first_vec4 = 0u; first_vec4 < ${vec4s}u; first_vec4 += ${lanes}u) {
    let group = first_vec4 + local % ${lanes}u;
    var mixed = vec4f();
    if (group < ${vec4s}u) {
      for (var key = first + local / ${lanes}u; key < end; key += ${keyThreads / lanes}u) {
        mixed += weights[key - first] * v_vec4(rows[key - first], kv_head, group);
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
      variant: `${isPaged}`,
      operands: { parts: reads(parts), ...table.operands, ...results },
      values: { ...table.values, heads: u32(heads), row_heads: u32(rowHeads), width: u32(width), chunks: u32(chunks) },
      source: (of) => `
${sequenceFunctions(of, isPaged)}
${sequenceOfRow}
@compute @workgroup_size(${keyThreads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let head = group.y;
  let row = group.z;
  let sequence = sequence_at(sequence_of_row(i32(row)));
  if (i32(row) < sequence.first || i32(row) >= sequence.end) { return; }
  let chunks = (end_key(sequence, row) - first_key(sequence, row) + ${chunkKeys - 1}u) / ${chunkKeys}u;
  let origin = (row * values.heads + head) * values.chunks * (values.width + 2u);
  ${sinks ? `let sink = ${sinkOf(of)};` : ""}
  var row_max = ${sinks ? "sink" : lowest};
  for (var chunk = 0u; chunk < chunks; chunk++) {
    row_max = max(row_max, ${of.parts("origin + chunk * (values.width + 2u)")});
  }
  var sum = ${sinks ? "exp(sink - row_max)" : "0.0"};
  for (var chunk = 0u; chunk < chunks; chunk++) {
    let part = origin + chunk * (values.width + 2u);
    sum += ${of.parts("part + 1u")} * exp(${of.parts("part")} - row_max);
  }
  let to = row * values.row_heads + head;
  for (var i = local; i < values.width; i += ${keyThreads}u) {
    var mixed = 0.0;
    for (var chunk = 0u; chunk < chunks; chunk++) {
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
