import type { Engine } from "./engine.ts";
import { entryArguments, spread, groupIndex } from "./grid.ts";
import { epilogueParts } from "./products.ts";
import type { Products } from "./products.ts";
import { reads, u32 } from "./program.ts";
import { rowThreads } from "./reduce.ts";

/** Up to so many rows, each element of the right operand is read once, by a thread that needs it for all of them. */
export const fewRows = 8;
/** From so many columns on, there are enough of them to keep a GPU busy with few threads for each. */
const manyColumns = 2048;

/** How many threads share a column: at least so many that together they read whole cache lines. */
export function lanesFor(columns: number): number {
  return columns < manyColumns ? 32 : 8;
}

/** Whether it is best to read the right operand once, along its contiguous columns: decoding does that all the time. */
export function takesFewRows({ a, b }: Products): boolean {
  return a.shape[0] === 1 && a.shape[1] <= fewRows && b.strides[1] === 1 && a.strides[2] === 1;
}

export function multiplyFewRows(engine: Engine, products: Products): void {
  const { a, b, out, preactivation } = products;
  const [, rows, inner] = a.shape;
  const columns = b.shape[2];
  const epilogue = epilogueParts(products);
  const isAligned = [a.offset, b.offset, inner, a.strides[1], b.strides[2]].every((count) => count % 4 === 0);
  // A buffer that is written has one binding, of one width.
  const isApart = [out, preactivation].every((written) => written?.buffer !== a.buffer && written?.buffer !== b.buffer);
  const width = isAligned && isApart ? 4 : 1;
  const type = width === 4 ? "vec4f" : "f32";
  const lanes = lanesFor(columns);
  const columnsOfGroup = rowThreads / lanes;
  engine.run({
    name: "matmul few rows",
    variant: `${rows} ${width} ${lanes} ${epilogue.variant}`,
    operands: { a: reads(a, width), b: reads(b, width), ...epilogue.operands },
    values: {
      inner: u32(inner / width),
      columns: u32(columns),
      a_row: u32(a.strides[1] / width),
      b_column: u32(b.strides[2] / width),
      ...epilogue.values,
    },
    source: (of) => `
${epilogue.functions}
${sumOfLanes(rows, lanes)}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let lane = local % ${lanes}u;
  let column = ${groupIndex} * ${columnsOfGroup}u + local / ${lanes}u;
  var sums: array<${type}, ${rows}>;
  if (column < values.columns) {
    for (var i = lane; i < values.inner; i += ${lanes}u) {
      let element = ${of.b("column * values.b_column + i")};
      ${eachRow(rows, (row) => `sums[${row}] += ${of.a(`${row} * values.a_row + i`)} * element;`)}
    }
  }
  ${eachRow(rows, (row) => `parts[${row}][local] = ${width === 4 ? `dot(sums[${row}], vec4f(1.0))` : `sums[${row}]`};`)}
  workgroupBarrier();
  if (column >= values.columns) { return; }
  let batch = 0u;
  for (var row = lane; row < ${rows}u; row += ${lanes}u) {
    let sum = sum_of_lanes(row, local - lane);
    ${epilogue.store(of)}
  }
}`,
    workgroups: spread(Math.ceil(columns / columnsOfGroup)),
  });
}

/** WGSL of the workgroup's `parts`, by row and thread, and of their sums over the threads of a column. */
export function sumOfLanes(rows: number, lanes: number): string {
  return `
var<workgroup> parts: array<array<f32, ${rowThreads}>, ${rows}>;
fn sum_of_lanes(row: u32, first: u32) -> f32 {
  var sum = 0.0;
  for (var lane = 0u; lane < ${lanes}u; lane++) { sum += parts[row][first + lane]; }
  return sum;
}`;
}

/** WGSL of a line for each row. */
export function eachRow(rows: number, line: (row: string) => string): string {
  return rows === 1 ? line("0u") : `for (var row = 0u; row < ${rows}u; row++) { ${line("row")} }`;
}
