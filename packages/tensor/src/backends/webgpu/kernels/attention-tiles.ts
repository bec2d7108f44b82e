/**
 * What attention kernels do with tiles of vectors in a workgroup's memory, in WGSL. A workgroup has some lines of its own,
 * queries or keys, past which the others go, a tile of columns at a time. Each thread has a block of four lines and two
 * columns of scores, and of the lines' results two columns of vec4s (four neighbouring elements) for each slab: a vector
 * goes through the memory in slabs, so that vectors of all widths have room in the 16 KiB that every device has.
 */

import type { VectorShape } from "../wgsl/vec4.ts";

/** Lines that a workgroup has of its own. */
export const tileLines = 32;
/** Columns of a tile. */
export const tileColumns = 16;
/** Threads of a workgroup: eight along the lines, and eight along the columns. */
export const tileThreads = 64;
/** Vec4Access of a slab. */
const slabVec4s = 16;
/** Vec4Access between lines in memory: one more than needed, so that threads which read different ones meet different banks. */
const step = slabVec4s + 1;

const blockLines = [0, 1, 2, 3];
const blockColumns = [0, 1];

/** WGSL of the workgroup's memory, and of the thread's place. */
export const tileMemory = `
var<workgroup> lines: array<vec4f, ${tileLines * step}>;
var<workgroup> columns: array<vec4f, ${tileColumns * step}>;
// For each column the weights of the lines, by fours.
var<workgroup> weights: array<vec4f, ${(tileColumns * tileLines) / 4}>;`;

/** WGSL that tells a thread which block is its own. */
export const ownBlock = `
  let block_line = local / 8u;
  let block_column = local % 8u;`;

/** WGSL of the number of a thread's `i`-th line, or column, in the tile. */
export const lineOf = (i: number): string => `(block_line * 4u + ${i}u)`;
export const columnOf = (j: number): string => `(block_column + ${j * 8}u)`;

/** WGSL of something for each line, or column, of a block. */
export const eachLine = (line: (i: number) => string): string => blockLines.map(line).join("\n      ");
export const eachColumn = (line: (j: number) => string): string => blockColumns.map(line).join("\n      ");

/**
 * Vectors that are loaded: WGSL of a vec4 of one, of the first one's number, of the number behind the last one's, and of whether
 * one is there among these.
 */
export interface Vectors {
  readonly vec4: (vector: string, vec4: string) => string;
  readonly first: string;
  readonly end: string;
  readonly isThere?: (vector: string) => string;
}

/** Vectors of the queries of the workgroup's sequence and head, by the function that reads their vec4s: their rows. */
export function queriesFrom(first: string, name: "q" | "grad"): Vectors {
  const vec4 = (query: string, vec4: string): string => `${name}_vec4(${query}, head, ${vec4})`;
  return { vec4, first, end: "end_query" };
}
/** Queries times the scale: then scores are sums of products, which compilers cannot fuse with what is taken from them. */
export function scaledQueriesFrom(first: string): Vectors {
  const queries = queriesFrom(first, "q");
  return { ...queries, vec4: (query, vec4) => `(${queries.vec4(query, vec4)} * values.scale)` };
}
/**
 * Keys from the one of this name on, whose rows follow on one another: its own is `NAME_row`. Of pages in `parts` not all rows are
 * there.
 */
export function keysFrom(first: string, name: "k" | "v", parts = false): Vectors {
  const row = (key: string): string => `${first}_row + i32(${key} - ${first})`;
  const vec4 = (key: string, vec4: string): string => `${name}_vec4(u32(${row(key)}), kv_head, ${vec4})`;
  const isThere = (key: string): string => `row_is_there(${row(key)})`;
  return { vec4, first, end: "u32(sequence.end_key)", ...(parts ? { isThere } : {}) };
}

/** WGSL of a workgroup whose lines are queries: its place, and which keys the four of a thread see, for `seenByLine`. */
export const queryLines = `
  let head = group.y;
  let kv_head = head * values.kv_heads / values.heads;
  let index = sequence_of_tile(i32(group.x));
  let sequence = sequence_at(index);
  let first_query = u32(sequence.first + (i32(group.x) - tile_slot(index)) * ${tileLines});
  let end_query = u32(sequence.end);
  if (i32(group.x) < tile_slot(index) || first_query >= end_query) { return; }
  let last_query = min(first_query + ${tileLines}u, end_query) - 1u;
  ${ownBlock}
  let first_seen = vec4u(${eachQuery("first_key")});
  let end_seen = vec4u(${eachQuery("end_key")});`;

function eachQuery(name: string): string {
  return [0, 1, 2, 3].map((i) => `${name}(sequence, first_query + ${lineOf(i)})`).join(", ");
}

/** WGSL: which of these queries see a key. */
export function seenByLine(key: string): string {
  return `((vec4u(${key}) >= first_seen) & (vec4u(${key}) < end_seen))`;
}

/** The slabs of vectors: their numbers, and their vec4s. */
function slabsOf({ vec4s }: VectorShape): readonly { readonly slab: number; readonly vec4s: number }[] {
  return Array.from({ length: Math.ceil(vec4s / slabVec4s) }, (_, slab) => ({
    slab,
    vec4s: Math.min(slabVec4s, vec4s - slab * slabVec4s),
  }));
}

/** Whether vectors are in memory as a whole, and stay there. */
export const isOneSlab = ({ vec4s }: VectorShape): boolean => vec4s <= slabVec4s;

function load(memory: "lines" | "columns", { vec4, first, end, isThere }: Vectors, slab: number, vec4s: number): string {
  const count = (memory === "lines" ? tileLines : tileColumns) * vec4s;
  return `
    for (var index = local; index < ${count}u; index += ${tileThreads}u) {
      let vector = ${first} + index / ${vec4s}u;
      var elements = vec4f();
      if (vector < ${end}${isThere ? ` && ${isThere("vector")}` : ""}) { elements = ${vec4("vector", `${slab * slabVec4s}u + index % ${vec4s}u`)}; }
      ${memory}[index / ${vec4s}u * ${step}u + index % ${vec4s}u] = elements;
    }`;
}

/** WGSL that loads lines of one slab, which stay in memory. */
export function loadLines(shape: VectorShape, lines: Vectors): string {
  return load("lines", lines, 0, shape.vec4s);
}

/**
 * WGSL that declares `name_0` and `name_1`: for each column of the block its products with the four lines. Lines are not
 * loaded where they are in memory already. Threads are not in step afterwards.
 */
export function products(name: string, shape: VectorShape, lines: Vectors | "loaded", columns: Vectors): string {
  const slabs = slabsOf(shape).map(
    ({ slab, vec4s }) => `
    ${slab > 0 ? "workgroupBarrier();" : ""}
    ${lines === "loaded" ? "" : load("lines", lines, slab, vec4s)}
    ${load("columns", columns, slab, vec4s)}
    workgroupBarrier();
    for (var group = 0u; group < ${vec4s}u; group++) {
      ${eachLine((i) => `let line_${i} = lines[block_line * ${4 * step}u + group + ${i * step}u];`)}
      ${eachColumn((j) => `let column_${j} = columns[block_column * ${step}u + group + ${j * 8 * step}u];`)}
      ${eachColumn((j) => eachLine((i) => `${name}_${i}_${j} += line_${i} * column_${j};`))}
    }`,
  );
  const sum = (i: number, j: number): string => `dot(${name}_${i}_${j}, vec4f(1.0))`;
  return `
    ${eachColumn((j) => eachLine((i) => `var ${name}_${i}_${j} = vec4f();`))}
    ${slabs.join("\n")}
    ${eachColumn((j) => `let ${name}_${j} = vec4f(${blockLines.map((i) => sum(i, j)).join(", ")});`)}`;
}

/** WGSL that stores the weights of the block. */
export function storeWeights(weight: (j: number) => string): string {
  return eachColumn((j) => `weights[block_column * 8u + block_line + ${j * 64}u] = ${weight(j)};`);
}

/** The thread's vec4s of the lines' results, by their numbers. */
function resultsOf(shape: VectorShape): readonly { readonly slab: number; readonly n: number; readonly vec4: number }[] {
  return slabsOf(shape).flatMap(({ slab, vec4s }) =>
    blockColumns.flatMap((n) => (n * 8 < vec4s ? [{ slab, n, vec4: slab * slabVec4s + n * 8 }] : [])),
  );
}

/** WGSL that declares the thread's results, `name_line_vec4`. */
export function declareResults(name: string, shape: VectorShape): string {
  return resultsOf(shape)
    .flatMap(({ vec4 }) => blockLines.map((i) => `var ${name}_${i}_${vec4} = vec4f();`))
    .join("\n  ");
}

/** WGSL that multiplies each line's results by its element of `factors`. */
export function scaleResults(name: string, shape: VectorShape, factors: string): string {
  return resultsOf(shape)
    .flatMap(({ vec4 }) => blockLines.map((i) => `${name}_${i}_${vec4} *= ${factors}.${"xyzw"[i]};`))
    .join("\n    ");
}

/**
 * WGSL that adds to each line's results the columns times their weights; `onWeight` comes with each column, whose weights
 * are `weight`. Columns are not loaded where they are in memory already. All threads are in step afterwards.
 */
export function mix(name: string, shape: VectorShape, columns: Vectors | "loaded", onWeight = ""): string {
  return slabsOf(shape)
    .map(({ slab, vec4s }) => {
      const own = resultsOf(shape).filter((result) => result.slab === slab);
      return `
    ${columns === "loaded" ? "" : load("columns", columns, slab, vec4s)}
    workgroupBarrier();
    for (var column = 0u; column < ${tileColumns}u; column++) {
      let weight = weights[column * 8u + block_line];
      ${slab === 0 ? onWeight : ""}
      ${own
        .flatMap(({ n, vec4 }) => [
          `let mixed_${vec4} = columns[column * ${step}u + block_column + ${n * 8}u];`,
          ...blockLines.map((i) => `${name}_${i}_${vec4} += weight.${"xyzw"[i]} * mixed_${vec4};`),
        ])
        .join("\n      ")}
    }
    workgroupBarrier();`;
    })
    .join("\n");
}

/** WGSL of `store(i, vec4, value)` for each of the thread's results, with the vec4's number. */
export function eachResult(
  name: string,
  shape: VectorShape,
  store: (result: { readonly line: number; readonly vec4: string; readonly value: string }) => string,
): string {
  const lines = blockLines.map((line) => {
    const own = resultsOf(shape).map(({ vec4 }) =>
      store({ line, vec4: `(${vec4}u + block_column)`, value: `${name}_${line}_${vec4}` }),
    );
    return own.join("\n  ");
  });
  return lines.join("\n  ");
}
