import type { Engine } from "../runtime/engine.ts";
import { entryArguments, groupIndex, spread } from "../runtime/grid.ts";
import { epilogueParts } from "./epilogue.ts";
import type { Groups, Products } from "./gemm.ts";
import { reads, u32 } from "../runtime/program.ts";
import type { Elements } from "../runtime/program.ts";
import { matrixVec4 } from "../wgsl/vec4.ts";
import type { Vec4Access } from "../wgsl/vec4.ts";

/** The right operand: f32, or whatever its elements are made of. */
export interface RightOperand extends Vec4Access {
  /** The kernel's name. */
  readonly name: string;
  /** Along which axis its function `b_vec4(batch, inner, column)` reads, as in `matrixVec4`. */
  readonly along: "inner" | "lines";
}

/** A tile of the result. */
interface Tile {
  /** `side` · `side` threads compute it. */
  readonly side: number;
  /** Each of them has `vec4s` · 4 rows and as many columns. */
  readonly vec4s: number;
  /** Layers of both operands that are in the workgroup's memory together, of which every device has 16 KiB. */
  readonly depth: number;
}

/** From the largest to the smallest. */
const tiles: readonly Tile[] = [
  { side: 16, vec4s: 2, depth: 16 },
  { side: 16, vec4s: 1, depth: 32 },
  { side: 8, vec4s: 1, depth: 32 },
];
/** Tiles that a GPU should have to keep all of it busy. */
const manyTiles = 128;

/** The rows of a tile, which are as many as its columns. */
const widthOf = ({ side, vec4s }: Tile): number => side * vec4s * 4;
/** Vec4Access between layers in memory. */
const stepOf = ({ side, vec4s }: Tile): number => side * vec4s;

/** The largest of which there are many, and that is not mostly empty. */
function tileFor(batch: number, rows: number, columns: number): Tile {
  const fitting = tiles.find((tile) => {
    const width = widthOf(tile);
    const count = batch * Math.ceil(rows / width) * Math.ceil(columns / width);
    return count >= manyTiles && width < 2 * Math.min(rows, columns);
  });
  return fitting ?? tiles[tiles.length - 1];
}

/**
 * A tile of the result for each workgroup: in turn some layers of both operands are loaded into its memory, where each
 * thread reads what it needs for its own rows and columns, whose sums it keeps in registers.
 */
export function gemmTiled(engine: Engine, products: Products, right: RightOperand): void {
  const { a, out, preactivation, groups } = products;
  const [batch, rows, inner] = a.shape;
  const columns = out.shape[2];
  const rowsAreGrouped = groups?.along === "rows";
  const innerIsGrouped = groups?.along === "inner";
  const tile = tileFor(batch, rowsAreGrouped ? Math.ceil(rows / batch) : rows, columns);
  const { side, vec4s, depth } = tile;
  const width = widthOf(tile);
  const tileRows = Math.ceil(rows / width);
  const tileColumns = Math.ceil(columns / width);
  // Groups of rows begin a tile each.
  const count = (rowsAreGrouped ? Math.floor(rows / width) + Math.min(rows, batch) : batch * tileRows) * tileColumns;
  const along = a.strides[2] === 1 && !innerIsGrouped ? "inner" : "lines";
  const written = [out, preactivation];
  const left = matrixVec4("a", a, { lines: 1, lineCount: "values.rows", along, written });
  const epilogue = epilogueParts(products);
  const sums = sumsOf(tile);
  engine.run({
    name: right.name,
    variant: `${side} ${vec4s} ${along} ${right.along} ${groups?.along} ${epilogue.variant}`,
    operands: {
      ...left.operands, ...right.operands, ...epilogue.operands,
      ...(groups && { members: reads(groups.members), bounds: reads(groups.bounds) }),
    },
    values: {
      tiles: u32(count),
      ...(groups && { batch: u32(batch) }),
      tile_rows: u32(tileRows),
      tile_columns: u32(tileColumns),
      rows: u32(rows),
      inner: u32(inner),
      columns: u32(columns),
      ...left.values,
      ...right.values,
      ...epilogue.values,
    },
    source: (of) => `
${epilogue.functions}
${left.functions(of)}
${right.functions(of)}
${groups ? groupFunctions(of) : ""}
var<workgroup> left: array<vec4f, ${depth * stepOf(tile)}>;
var<workgroup> right: array<vec4f, ${depth * stepOf(tile)}>;
@compute @workgroup_size(${side * side})
fn main(${entryArguments}) {
  let tile = ${groupIndex};
  if (tile >= values.tiles) { return; }
  ${rowsAreGrouped ? tileOfGroups(width) : tileOfAll(width)}
  let matrix = batch;
  let first_column = tile % values.tile_columns * ${width}u;
  let own_row = local / ${side}u;
  let own_column = local % ${side}u;
  ${sums.map(({ name }) => `var ${name} = vec4f();`).join("\n  ")}
  for (var layer = 0u; layer < ${innerIsGrouped ? "size_of(batch)" : "values.inner"}; layer += ${depth}u) {
    // Where a tile has fewer blocks than threads, others load those of the other operand.
    ${load(tile, { memory: "left", vec4: "a_vec4", along, groups, first: "first_row", thread: "local" })}
    ${load(tile, {
      memory: "right",
      vec4: "b_vec4",
      along: right.along,
      groups: innerIsGrouped ? groups : null,
      first: "first_column",
      thread: `${side * side - 1}u - local`,
    })}
    workgroupBarrier();
    for (var four = 0u; four < ${depth / 4}u; four++) {
      // The remainders tell compilers that indices are inside.
      let left_start = four * ${4 * stepOf(tile)}u + (own_row ^ ${turn(tile, "four")}) % ${side}u;
      let right_start = four * ${4 * stepOf(tile)}u + (own_column ^ ${turn(tile, "four")}) % ${side}u;
      ${[0, 1, 2, 3].map((layer) => multiply(tile, layer)).join("\n      ")}
    }
    workgroupBarrier();
  }
  let all = array<vec4f, ${sums.length}>(${sums.map(({ name }) => name).join(", ")});
  for (var i = 0u; i < ${4 * vec4s}u; i++) {
    let row = ${lineOf(rowsAreGrouped, `first_row + (i / 4u * ${side}u + own_row) * 4u + i % 4u`)};
    for (var j = 0u; j < ${4 * vec4s}u; j++) {
      let column = first_column + (j / 4u * ${side}u + own_column) * 4u + j % 4u;
      if (row < values.rows && column < values.columns) {
        let sum = all[i * ${vec4s}u + j / 4u][j % 4u];
        ${epilogue.store(of)}
      }
    }
  }
}`,
    workgroups: spread(count),
  });
}

/** WGSL of the product and the first row of a tile. */
const tileOfAll = (width: number): string => `
  let batch = tile / values.tile_columns / values.tile_rows;
  let first_row = tile / values.tile_columns % values.tile_rows * ${width}u;`;

/** The same, where tiles of groups follow on one another. */
const tileOfGroups = (width: number): string => `
  var batch = 0u;
  var first_row = tile / values.tile_columns * ${width}u;
  while (batch < values.batch && first_row >= size_of(batch)) {
    first_row -= (size_of(batch) + ${width - 1}u) / ${width}u * ${width}u;
    batch++;
  }
  if (batch == values.batch) { return; }`;

/** WGSL of the size of a group, and of its lines; what it does not have is outside of all. */
const groupFunctions = (of: Elements): string => `
fn size_of(group: u32) -> u32 { return u32(${of.bounds("2u * group + 1u")} - ${of.bounds("2u * group")}); }
fn member_of(group: u32, i: u32) -> u32 {
  if (i >= size_of(group)) { return 0xffffffffu; }
  return u32(${of.members(`u32(${of.bounds("2u * group")}) + i`)});
}`;

/** WGSL of a line. */
const lineOf = (isGrouped: boolean, index: string): string => (isGrouped ? `member_of(batch, ${index})` : index);

/** What of an operand is loaded into a workgroup's memory. */
interface Load {
  readonly memory: "left" | "right";
  /** The function that reads it. */
  readonly vec4: "a_vec4" | "b_vec4";
  readonly along: "inner" | "lines";
  readonly groups: Groups | null | undefined;
  /** WGSL of its first line, and of the thread's number. */
  readonly first: string;
  readonly thread: string;
}

/**
 * WGSL that loads blocks of four layers of four lines, so that neighbouring threads read neighbours. In memory the lines of
 * a layer follow on one another.
 */
function load(tile: Tile, { memory, vec4, along, groups, first, thread }: Load): string {
  const { side, depth } = tile;
  const step = stepOf(tile);
  const fours = depth / 4;
  const [four, lines] =
    along === "inner" ? [`block % ${fours}u`, `block / ${fours}u`] : [`block / ${step}u`, `block % ${step}u`];
  const eachOfFour = (line: (i: number) => string): string => [0, 1, 2, 3].map(line).join("\n      ");
  const read = (i: number): string => {
    const inner = lineOf(groups?.along === "inner", `layer + four * 4u${along === "inner" ? "" : ` + ${i}u`}`);
    return `${vec4}(batch, ${inner}, ${lineOf(groups?.along === "rows", `line${along === "inner" ? ` + ${i}u` : ""}`)})`;
  };
  const layer = (i: number): string =>
    along === "inner" ? `vec4f(${[0, 1, 2, 3].map((j) => `vec4_${j}.${"xyzw"[i]}`).join(", ")})` : `vec4_${i}`;
  return `
    for (var block = ${thread}; block < ${fours * step}u; block += ${side * side}u) {
      let four = ${four};
      let lines = ${lines};
      let line = ${first} + lines * 4u;
      ${eachOfFour((i) => `let vec4_${i} = ${read(i)};`)}
      let place = four * ${4 * step}u + (lines ^ ${turn(tile, "four")});
      ${eachOfFour((i) => `${memory}[place + ${i * step}u] = ${layer(i)};`)}
    }`;
}

/** WGSL of what turns the order of lines in layers, so that threads which write different layers meet different banks. */
function turn(tile: Tile, four: string): string {
  return `(${four} * 2u % ${stepOf(tile)}u)`;
}

/** A thread's sums, each of four neighbouring columns of a row. */
function sumsOf({ vec4s }: Tile): readonly { readonly name: string; readonly row: number; readonly vec4: number }[] {
  return Array.from({ length: 4 * vec4s * vec4s }, (_, i) => {
    const [row, vec4] = [Math.floor(i / vec4s), i % vec4s];
    return { name: `sum_${row}_${vec4}`, row, vec4 };
  });
}

/** WGSL that adds the products of one layer to the thread's sums. */
function multiply(tile: Tile, layer: number): string {
  const { side, vec4s } = tile;
  const own = Array.from({ length: vec4s }, (_, vec4) => ({ vec4, offset: layer * stepOf(tile) + vec4 * side }));
  const lines = [
    ...own.map(({ vec4, offset }) => `let left_${vec4} = left[left_start + ${offset}u];`),
    ...own.map(({ vec4, offset }) => `let right_${vec4} = right[right_start + ${offset}u];`),
    ...sumsOf(tile).map(({ name, row, vec4 }) => `${name} += left_${row >> 2}.${"xyzw"[row & 3]} * right_${vec4};`),
  ];
  return `{\n        ${lines.join("\n        ")}\n      }`;
}
