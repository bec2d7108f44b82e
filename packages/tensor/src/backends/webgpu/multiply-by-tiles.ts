import type { Engine } from "./engine.ts";
import { epilogueParts } from "./products.ts";
import type { Products } from "./products.ts";
import { reads, u32 } from "./program.ts";
import type { Elements, Operand, Value } from "./program.ts";

/** The right operand: f32, or whatever its elements are made of. */
export interface RightOperand {
  /** The kernel's name. */
  readonly name: string;
  readonly operands: Readonly<Record<string, Operand>>;
  readonly values: Readonly<Record<string, Value>>;
  /** WGSL of functions that `element` calls. */
  readonly functions: (of: Elements<string>) => string;
  /** The axis along which its elements lie side by side. */
  readonly isContiguousAlong: "inner" | "columns";
  /** WGSL of its element of matrix `batch`. */
  readonly element: (of: Elements<string>, inner: string, column: string) => string;
}

/** Threads of a workgroup along each side of its tile. */
const side = 16;
/** Layers of a tile that are in the workgroup's memory together. */
const depth = 16;
/** Rows and columns of a thread, from the largest tile to the smallest. */
const tiles = [8, 4, 2] as const;
/** Tiles that a GPU should have to keep all of it busy. */
const manyTiles = 128;

/**
 * A tile of the result for each workgroup: in turn some layers of both operands are loaded into its memory, where each
 * thread reads what it needs for its own rows and columns, which it keeps in registers.
 */
export function multiplyByTiles(engine: Engine, products: Products, right: RightOperand): void {
  const { a, b } = products;
  const [batch, rows, inner] = a.shape;
  const columns = b.shape[2];
  const tilesOf = (each: number): number => batch * Math.ceil(rows / (side * each)) * Math.ceil(columns / (side * each));
  const each = tiles.find((size) => tilesOf(size) >= manyTiles) ?? tiles[tiles.length - 1];
  const width = side * each;
  const epilogue = epilogueParts(products);
  const aAlongInner = a.strides[2] === 1;
  const bAlongInner = right.isContiguousAlong === "inner";
  engine.run({
    name: right.name,
    variant: `${each} ${aAlongInner} ${bAlongInner} ${epilogue.variant}`,
    operands: { a: reads(a), ...right.operands, ...epilogue.operands },
    values: {
      rows: u32(rows),
      inner: u32(inner),
      columns: u32(columns),
      a_batch: u32(a.strides[0]),
      a_row: u32(a.strides[1]),
      a_inner: u32(a.strides[2]),
      b_batch: u32(b.strides[0]),
      b_inner: u32(b.strides[1]),
      b_column: u32(b.strides[2]),
      ...right.values,
      ...epilogue.values,
    },
    source: (of) => `
${epilogue.functions}
${right.functions(of)}
// A column more than needed, so that threads which write along the other axis meet different banks.
const step = ${width + 1}u;
var<workgroup> left: array<f32, ${depth * (width + 1)}>;
var<workgroup> right: array<f32, ${depth * (width + 1)}>;
@compute @workgroup_size(${side * side})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let batch = group.z;
  let firstRow = group.y * ${width}u;
  let firstColumn = group.x * ${width}u;
  let ownRow = local / ${side}u;
  let ownColumn = local % ${side}u;
  var sums: array<array<f32, ${each}>, ${each}>;
  for (var layer = 0u; layer < values.inner; layer += ${depth}u) {
    for (var i = 0u; i < ${(depth * width) / (side * side)}u; i++) {
      let index = i * ${side * side}u + local;
      ${placeInTile(aAlongInner, width, "row")}
      var element = 0.0;
      if (firstRow + row < values.rows && layer + k < values.inner) {
        element = ${of.a("batch * values.a_batch + (firstRow + row) * values.a_row + (layer + k) * values.a_inner")};
      }
      left[k * step + row] = element;
    }
    for (var i = 0u; i < ${(depth * width) / (side * side)}u; i++) {
      let index = i * ${side * side}u + local;
      ${placeInTile(bAlongInner, width, "column")}
      var element = 0.0;
      if (firstColumn + column < values.columns && layer + k < values.inner) {
        element = ${right.element(of, "layer + k", "firstColumn + column")};
      }
      right[k * step + column] = element;
    }
    workgroupBarrier();
    for (var k = 0u; k < ${depth}u; k++) {
      var rights: array<f32, ${each}>;
      for (var j = 0u; j < ${each}u; j++) { rights[j] = right[k * step + j * ${side}u + ownColumn]; }
      for (var i = 0u; i < ${each}u; i++) {
        let factor = left[k * step + i * ${side}u + ownRow];
        for (var j = 0u; j < ${each}u; j++) { sums[i][j] += factor * rights[j]; }
      }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < ${each}u; i++) {
    let row = firstRow + i * ${side}u + ownRow;
    for (var j = 0u; j < ${each}u; j++) {
      let column = firstColumn + j * ${side}u + ownColumn;
      if (row < values.rows && column < values.columns) {
        let sum = sums[i][j];
        ${epilogue.store(of)}
      }
    }
  }
}`,
    workgroups: [Math.ceil(columns / width), Math.ceil(rows / width), batch],
  });
}

/** WGSL: which layer `k` and which row or column of the tile is element `index`, so that neighbours read neighbours. */
function placeInTile(alongInner: boolean, width: number, name: "row" | "column"): string {
  return alongInner
    ? `let k = index % ${depth}u; let ${name} = index / ${depth}u;`
    : `let k = index / ${width}u; let ${name} = index % ${width}u;`;
}
