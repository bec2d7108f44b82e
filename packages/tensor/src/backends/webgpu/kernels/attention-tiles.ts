/**
 * What attention kernels do with tiles of vectors in a workgroup's memory, in WGSL. A workgroup has some lines of its own,
 * queries or keys, past which the others go, a tile of columns at a time. Each thread has a block of four lines and two
 * columns of scores, and of the lines' results two columns of quads (four neighbouring elements) for each slab: a vector
 * goes through the memory in slabs, so that vectors of all widths have room in the 16 KiB that every device has.
 */

import type { VectorShape } from "../wgsl/vec4.ts";

/** Lines that a workgroup has of its own. */
export const tileLines = 32;
/** Columns of a tile. */
export const tileColumns = 16;
/** Threads of a workgroup: eight along the lines, and eight along the columns. */
export const tileThreads = 64;
/** Quads of a slab. */
const slabQuads = 16;
/** Quads between lines in memory: one more than needed, so that threads which read different ones meet different banks. */
const step = slabQuads + 1;

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

/** Vectors that are loaded: WGSL of a quad of one, of the first one's number, and of the number behind the last one's. */
export interface Vectors {
  readonly quad: (vector: string, quad: string) => string;
  readonly first: string;
  readonly end: string;
}

/** Vectors of the queries, or keys, of the workgroup's sequence and head, by the function that reads their quads. */
export function queriesFrom(first: string, name: "q" | "grad"): Vectors {
  const quad = (query: string, quad: string): string => `${name}_quad(first_row + ${query}, head, ${quad})`;
  return { quad, first, end: "values.query_count" };
}
/** Queries times the scale: then scores are sums of products, which compilers cannot fuse with what is taken from them. */
export function scaledQueriesFrom(first: string): Vectors {
  const queries = queriesFrom(first, "q");
  return { ...queries, quad: (query, quad) => `(${queries.quad(query, quad)} * values.scale)` };
}
export function keysFrom(first: string, name: "k" | "v"): Vectors {
  const quad = (key: string, quad: string): string => `${name}_quad(first_key_row + ${key}, kv_head, ${quad})`;
  return { quad, first, end: "values.key_count" };
}

/** WGSL of where the workgroup's sequence is. */
export const sequencePlace = `
  let first_row = group.z * values.query_step;
  let first_key_row = group.z * values.key_step;`;

/** WGSL of a workgroup whose lines are queries: its place, and which keys the four of a thread see, for `seenByLine`. */
export const queryLines = `
  let head = group.y;
  let kv_head = head * values.kv_heads / values.heads;
  ${sequencePlace}
  let first_query = group.x * ${tileLines}u;
  let last_query = min(first_query + ${tileLines}u, values.query_count) - 1u;
  ${ownBlock}
  let first_seen = vec4u(${eachQuery("first_key")});
  let end_seen = vec4u(${eachQuery("end_key")});`;

function eachQuery(name: string): string {
  return [0, 1, 2, 3].map((i) => `${name}(first_query + ${lineOf(i)})`).join(", ");
}

/** WGSL: which of these queries see a key. */
export function seenByLine(key: string): string {
  return `((vec4u(${key}) >= first_seen) & (vec4u(${key}) < end_seen))`;
}

/** The slabs of vectors: their numbers, and their quads. */
function slabsOf({ quads }: VectorShape): readonly { readonly slab: number; readonly quads: number }[] {
  return Array.from({ length: Math.ceil(quads / slabQuads) }, (_, slab) => ({
    slab,
    quads: Math.min(slabQuads, quads - slab * slabQuads),
  }));
}

/** Whether vectors are in memory as a whole, and stay there. */
export const isOneSlab = ({ quads }: VectorShape): boolean => quads <= slabQuads;

function load(memory: "lines" | "columns", { quad, first, end }: Vectors, slab: number, quads: number): string {
  const count = (memory === "lines" ? tileLines : tileColumns) * quads;
  return `
    for (var index = local; index < ${count}u; index += ${tileThreads}u) {
      let vector = ${first} + index / ${quads}u;
      var elements = vec4f();
      if (vector < ${end}) { elements = ${quad("vector", `${slab * slabQuads}u + index % ${quads}u`)}; }
      ${memory}[index / ${quads}u * ${step}u + index % ${quads}u] = elements;
    }`;
}

/** WGSL that loads lines of one slab, which stay in memory. */
export function loadLines(shape: VectorShape, lines: Vectors): string {
  return load("lines", lines, 0, shape.quads);
}

/**
 * WGSL that declares `name_0` and `name_1`: for each column of the block its products with the four lines. Lines are not
 * loaded where they are in memory already. Threads are not in step afterwards.
 */
export function products(name: string, shape: VectorShape, lines: Vectors | "loaded", columns: Vectors): string {
  const slabs = slabsOf(shape).map(
    ({ slab, quads }) => `
    ${slab > 0 ? "workgroupBarrier();" : ""}
    ${lines === "loaded" ? "" : load("lines", lines, slab, quads)}
    ${load("columns", columns, slab, quads)}
    workgroupBarrier();
    for (var quad = 0u; quad < ${quads}u; quad++) {
      ${eachLine((i) => `let line_${i} = lines[block_line * ${4 * step}u + quad + ${i * step}u];`)}
      ${eachColumn((j) => `let column_${j} = columns[block_column * ${step}u + quad + ${j * 8 * step}u];`)}
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

/** The thread's quads of the lines' results, by their numbers. */
function resultsOf(shape: VectorShape): readonly { readonly slab: number; readonly n: number; readonly quad: number }[] {
  return slabsOf(shape).flatMap(({ slab, quads }) =>
    blockColumns.flatMap((n) => (n * 8 < quads ? [{ slab, n, quad: slab * slabQuads + n * 8 }] : [])),
  );
}

/** WGSL that declares the thread's results, `name_line_quad`. */
export function declareResults(name: string, shape: VectorShape): string {
  return resultsOf(shape)
    .flatMap(({ quad }) => blockLines.map((i) => `var ${name}_${i}_${quad} = vec4f();`))
    .join("\n  ");
}

/** WGSL that multiplies each line's results by its element of `factors`. */
export function scaleResults(name: string, shape: VectorShape, factors: string): string {
  return resultsOf(shape)
    .flatMap(({ quad }) => blockLines.map((i) => `${name}_${i}_${quad} *= ${factors}.${"xyzw"[i]};`))
    .join("\n    ");
}

/**
 * WGSL that adds to each line's results the columns times their weights; `onWeight` comes with each column, whose weights
 * are `weight`. Columns are not loaded where they are in memory already. All threads are in step afterwards.
 */
export function mix(name: string, shape: VectorShape, columns: Vectors | "loaded", onWeight = ""): string {
  return slabsOf(shape)
    .map(({ slab, quads }) => {
      const own = resultsOf(shape).filter((result) => result.slab === slab);
      return `
    ${columns === "loaded" ? "" : load("columns", columns, slab, quads)}
    workgroupBarrier();
    for (var column = 0u; column < ${tileColumns}u; column++) {
      let weight = weights[column * 8u + block_line];
      ${slab === 0 ? onWeight : ""}
      ${own
        .flatMap(({ n, quad }) => [
          `let mixed_${quad} = columns[column * ${step}u + block_column + ${n * 8}u];`,
          ...blockLines.map((i) => `${name}_${i}_${quad} += weight.${"xyzw"[i]} * mixed_${quad};`),
        ])
        .join("\n      ")}
    }
    workgroupBarrier();`;
    })
    .join("\n");
}

/** WGSL of `store(i, quad, value)` for each of the thread's results, with the quad's number. */
export function eachResult(
  name: string,
  shape: VectorShape,
  store: (result: { readonly line: number; readonly quad: string; readonly value: string }) => string,
): string {
  const lines = blockLines.map((line) => {
    const own = resultsOf(shape).map(({ quad }) =>
      store({ line, quad: `(${quad}u + block_column)`, value: `${name}_${line}_${quad}` }),
    );
    return own.join("\n  ");
  });
  return lines.join("\n  ");
}
