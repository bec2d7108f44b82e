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
  readonly functions: (of: Elements) => string;
  /** The axis along which its elements lie side by side. */
  readonly isContiguousAlong: "inner" | "columns";
  /** WGSL of its element of matrix `batch`. */
  readonly element: (of: Elements, inner: string, column: string) => string;
}

/** A tile of the result. */
interface Tile {
  /** `side` · `side` threads compute it. */
  readonly side: number;
  /** Each of them has `quads` · 4 rows and as many columns. */
  readonly quads: number;
  /** Layers of both operands that are in the workgroup's memory together, of which every device has 16 KiB. */
  readonly depth: number;
}

/** From the largest to the smallest. */
const tiles: readonly Tile[] = [
  { side: 16, quads: 2, depth: 8 },
  { side: 16, quads: 1, depth: 16 },
  { side: 8, quads: 1, depth: 16 },
];
/** Tiles that a GPU should have to keep all of it busy. */
const manyTiles = 128;

/**
 * A tile of the result for each workgroup: in turn some layers of both operands are loaded into its memory, where each
 * thread reads what it needs for its own rows and columns, whose sums it keeps in registers.
 */
export function multiplyByTiles(engine: Engine, products: Products, right: RightOperand): void {
  const { a, b } = products;
  const [batch, rows, inner] = a.shape;
  const columns = b.shape[2];
  const along = (length: number, { side, quads }: Tile): number => Math.ceil(length / (side * quads * 4));
  const tile =
    tiles.find((each) => batch * along(rows, each) * along(columns, each) >= manyTiles) ?? tiles[tiles.length - 1];
  const { side, quads, depth } = tile;
  const width = side * quads * 4;
  const epilogue = epilogueParts(products);
  const aAlongInner = a.strides[2] === 1;
  const bAlongInner = right.isContiguousAlong === "inner";
  const own = Array.from({ length: quads }, (_, quad) => quad);
  const sums = own.flatMap((quad) => [0, 1, 2, 3].map((row) => quad * 4 + row));
  const names = sums.flatMap((row) => own.map((quad) => `sum_${row}_${quad}`));
  const load = (target: string, alongInner: boolean, element: (k: string, line: string) => string): string => `
    for (var index = local; index < ${(depth * width) / 4}u; index += ${side * side}u) {
      let k = ${alongInner ? `index % ${depth}u` : `index / ${width / 4}u`};
      let quad = ${alongInner ? `index / ${depth}u` : `index % ${width / 4}u`};
      var elements = vec4f();
      for (var i = 0u; i < 4u; i++) { ${element("layer + k", "quad * 4u + i")} }
      ${target}[k * step + quad] = elements;
    }`;
  engine.run({
    name: right.name,
    variant: `${side} ${quads} ${aAlongInner} ${bAlongInner} ${epilogue.variant}`,
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
// One more than needed, so that threads which write along the other axis meet different banks.
const step = ${width / 4 + 1}u;
var<workgroup> left: array<vec4f, ${depth * (width / 4 + 1)}>;
var<workgroup> right: array<vec4f, ${depth * (width / 4 + 1)}>;
@compute @workgroup_size(${side * side})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let batch = group.z;
  let firstRow = group.y * ${width}u;
  let firstColumn = group.x * ${width}u;
  let ownRow = local / ${side}u;
  let ownColumn = local % ${side}u;
  ${names.map((name) => `var ${name} = vec4f();`).join("\n  ")}
  for (var layer = 0u; layer < values.inner; layer += ${depth}u) {
    ${load("left", aAlongInner, (k, line) => `
        let row = firstRow + ${line};
        if (row < values.rows && ${k} < values.inner) {
          elements[i] = ${of.a(`batch * values.a_batch + row * values.a_row + (${k}) * values.a_inner`)};
        }`)}
    ${load("right", bAlongInner, (k, line) => `
        let column = firstColumn + ${line};
        if (column < values.columns && ${k} < values.inner) { elements[i] = ${right.element(of, k, "column")}; }`)}
    workgroupBarrier();
    for (var k = 0u; k < ${depth}u; k++) {
      ${own.map((quad) => `let right_${quad} = right[k * step + ${quad * side}u + ownColumn];`).join("\n      ")}
      ${own.map((quad) => `let left_${quad} = left[k * step + ${quad * side}u + ownRow];`).join("\n      ")}
      ${sums
        .flatMap((row) =>
          own.map((quad) => `sum_${row}_${quad} += left_${row >> 2}.${"xyzw"[row & 3]} * right_${quad};`),
        )
        .join("\n      ")}
    }
    workgroupBarrier();
  }
  let all = array<vec4f, ${names.length}>(${names.join(", ")});
  for (var i = 0u; i < ${sums.length}u; i++) {
    let row = firstRow + (i / 4u * ${side}u + ownRow) * 4u + i % 4u;
    for (var j = 0u; j < ${quads * 4}u; j++) {
      let column = firstColumn + (j / 4u * ${side}u + ownColumn) * 4u + j % 4u;
      if (row < values.rows && column < values.columns) {
        let sum = all[i * ${quads}u + j / 4u][j % 4u];
        ${epilogue.store(of)}
      }
    }
  }
}`,
    workgroups: [along(columns, tile), along(rows, tile), batch],
  });
}
