import type { Engine } from "./engine.ts";
import { entryArguments, groupIndex, spread } from "./grid.ts";
import { epilogueParts } from "./products.ts";
import type { Products } from "./products.ts";
import { reads, u32 } from "./program.ts";
import type { Elements, Operand, Value } from "./program.ts";
import { rowThreads } from "./workgroup.ts";

/** Up to so many rows, each element of the right operand is read once, by a thread that needs it for all of them. */
export const fewRows = 8;
/** From so many columns on, there are enough of them to keep a GPU busy with few threads for each. */
const manyColumns = 2048;

/** How many threads share a column: at least so many that together they read whole cache lines. */
function lanesFor(columns: number): number {
  return columns < manyColumns ? 32 : 8;
}

/** Whether it is best to read the right operand once, along its contiguous columns: decoding does that all the time. */
export function takesFewRows({ a, b }: Products): boolean {
  return a.shape[0] === 1 && a.shape[1] <= fewRows && b.strides[1] === 1 && a.strides[2] === 1;
}

export function multiplyFewRows(engine: Engine, products: Products): void {
  const { a, b, out, preactivation } = products;
  const [, rows, inner] = a.shape;
  const isAligned = [a.offset, b.offset, inner, a.strides[1], b.strides[2]].every((count) => count % 4 === 0);
  // A buffer that is written has one binding, of one width.
  const isApart = [out, preactivation].every((written) => written?.buffer !== a.buffer && written?.buffer !== b.buffer);
  const width = isAligned && isApart ? 4 : 1;
  multiplyByLanes(engine, products, {
    name: "matmul few rows",
    variant: width,
    operands: { a: reads(a, width), b: reads(b, width) },
    values: { inner: u32(inner / width), a_row: u32(a.strides[1] / width), b_column: u32(b.strides[2] / width) },
    functions: () => "",
    sumType: width === 4 ? "vec4f" : "f32",
    total: (sum) => (width === 4 ? `dot(${sum}, vec4f(1.0))` : sum),
    add: (of, lanes) => `
    for (var i = lane; i < values.inner; i += ${lanes}u) {
      let element = ${of.b("column * values.b_column + i")};
      ${eachRow(rows, (row) => `sums[${row}] += ${of.a(`${row} * values.a_row + i`)} * element;`)}
    }`,
  });
}

/** The operands of a product of a few rows, as threads read them that share a column. */
export interface LanesOperands {
  /** The kernel's name. */
  readonly name: string;
  readonly variant: string | number;
  readonly operands: Readonly<Record<string, Operand>>;
  readonly values: Readonly<Record<string, Value>>;
  /** WGSL of functions that `add` calls. */
  readonly functions: (of: Elements) => string;
  /** What a thread's sums are, and WGSL of the number that one of them amounts to. */
  readonly sumType: string;
  readonly total: (sum: string) => string;
  /** WGSL that adds to `sums[row]`, for all rows, every so many-th piece of `column` from number `lane` on. */
  readonly add: (of: Elements, lanes: number) => string;
}

/** Some threads share a column of the right operand and read it once, for all rows; then one of them adds their sums. */
export function multiplyByLanes(engine: Engine, products: Products, operands: LanesOperands): void {
  const { name, variant, sumType, total, add } = operands;
  const rows = products.a.shape[1];
  const columns = products.b.shape[2];
  const epilogue = epilogueParts(products);
  const lanes = lanesFor(columns);
  const columnsOfGroup = rowThreads / lanes;
  engine.run({
    name,
    variant: `${variant} ${rows} ${lanes} ${epilogue.variant}`,
    operands: { ...operands.operands, ...epilogue.operands },
    values: { columns: u32(columns), ...operands.values, ...epilogue.values },
    source: (of) => `
${epilogue.functions}
${operands.functions(of)}
var<workgroup> parts: array<array<f32, ${rowThreads}>, ${rows}>;
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let lane = local % ${lanes}u;
  let column = ${groupIndex} * ${columnsOfGroup}u + local / ${lanes}u;
  var sums: array<${sumType}, ${rows}>;
  if (column < values.columns) {
    ${add(of, lanes)}
  }
  ${eachRow(rows, (row) => `parts[${row}][local] = ${total(`sums[${row}]`)};`)}
  workgroupBarrier();
  if (column >= values.columns) { return; }
  let batch = 0u;
  for (var row = lane; row < ${rows}u; row += ${lanes}u) {
    var sum = 0.0;
    for (var i = 0u; i < ${lanes}u; i++) { sum += parts[row][local - lane + i]; }
    ${epilogue.store(of)}
  }
}`,
    workgroups: spread(Math.ceil(columns / columnsOfGroup)),
  });
}

/** WGSL of a line for each row. */
export function eachRow(rows: number, line: (row: string) => string): string {
  return rows === 1 ? line("0u") : `for (var row = 0u; row < ${rows}u; row++) { ${line("row")} }`;
}
