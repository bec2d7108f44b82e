import type { View } from "../../../contract/index.ts";
import type { Engine } from "../runtime/engine.ts";
import { entryArguments, groupIndex, spread } from "../runtime/grid.ts";
import { epilogueParts } from "./epilogue.ts";
import type { Products } from "./gemm.ts";
import { i32, reads, u32 } from "../runtime/program.ts";
import { matrixVec4 } from "../wgsl/vec4.ts";
import type { Vec4Access } from "../wgsl/vec4.ts";
import { rowThreads } from "../wgsl/workgroup.ts";

/** The largest number of rows for which one thread reads an element of the right operand, once, for all rows. */
export const maxMatvecRows = 8;
/** The number of columns from which few threads a column keep a GPU busy. */
const manyColumns = 2048;

/** How many threads share a column: enough to read whole cache lines together. */
function lanesFor(columns: number): number {
  return columns < manyColumns ? 32 : 8;
}

/** Whether it is best to read matrices on the right once: decoding does that all the time. */
export function takesMatvec({ a, choice, groups }: Products): boolean {
  return Boolean(choice) || (!groups && a.shape[0] === 1 && a.shape[1] <= maxMatvecRows);
}

export function matvec(engine: Engine, products: Products, b: View): void {
  const { out, preactivation } = products;
  const rows = rowsKept(products);
  const written = [out, preactivation];
  if (!products.choice && b.strides[2] === 1 && b.shape[2] > 1) {
    multiplyAlongColumns(engine, products, b);
    return;
  }
  const vec4s = { lines: 2, lineCount: "values.columns", along: "inner", beginsInside: true, written } as const;
  multiplyByLanes(engine, products, {
    ...matrixVec4("b", b, vec4s),
    name: "matmul few rows",
    matrices: b.shape[0],
    isInside: true,
    add: (lanes) => `
    for (var inner = lane * 4u; inner < values.inner; inner += ${4 * lanes}u) {
      let elements = b_vec4(matrix, inner, column);
      ${eachRow(rows, (row) => `sums[${row}] += a_vec4(batch, inner, ${rowThatIs(rows, row)}) * elements;`)}
    }`,
  });
}

/** Threads of a workgroup, and how many of them share some columns, where neighbouring columns touch. */
const columnsThreads = 64;
const columnsLanes = 8;

/** Some threads share four columns of the right operand, of which each reads every n-th layer. */
function multiplyAlongColumns(engine: Engine, products: Products, b: View): void {
  const { a, out, preactivation } = products;
  const inner = a.shape[2];
  const rows = rowsKept(products);
  const columns = out.shape[2];
  const written = [out, preactivation];
  const left = matrixVec4("a", a, { lines: 1, lineCount: "values.rows", along: "inner", written });
  const right = matrixVec4("b", b, { lines: 2, lineCount: "values.columns", along: "lines", written });
  const epilogue = epilogueParts(products);
  const vec4s = columnsThreads / columnsLanes;
  engine.run({
    name: "matmul few rows along columns",
    variant: `${rows} ${epilogue.variant}`,
    operands: { ...left.operands, ...right.operands, ...epilogue.operands },
    values: { rows: u32(a.shape[1]), inner: u32(inner), columns: u32(columns), ...left.values, ...right.values, ...epilogue.values },
    source: (of) => `
${epilogue.functions}
${left.functions(of)}
${right.functions(of)}
var<workgroup> parts: array<array<vec4f, ${columnsThreads}>, ${rows}>;
@compute @workgroup_size(${columnsThreads})
fn main(${entryArguments}) {
  let lane = local / ${vec4s}u;
  let first = (${groupIndex} * ${vec4s}u + local % ${vec4s}u) * 4u;
  var sums: array<vec4f, ${rows}>;
  for (var inner = lane * 4u; inner < values.inner; inner += ${4 * columnsLanes}u) {
    ${[0, 1, 2, 3].map((i) => `let elements_${i} = b_vec4(0u, inner + ${i}u, first);`).join("\n    ")}
    ${eachRow(rows, (row) => `
      let x = a_vec4(0u, inner, ${row});
      sums[${row}] += x.x * elements_0 + x.y * elements_1 + x.z * elements_2 + x.w * elements_3;`)}
  }
  ${eachRow(rows, (row) => `parts[${row}][local] = sums[${row}];`)}
  workgroupBarrier();
  let batch = 0u;
  let matrix = 0u;
  for (var row = lane; row < values.rows; row += ${columnsLanes}u) {
    var all = vec4f();
    for (var i = 0u; i < ${columnsLanes}u; i++) { all += parts[row][i * ${vec4s}u + local % ${vec4s}u]; }
    for (var i = 0u; i < 4u && first + i < values.columns; i++) {
      let column = first + i;
      let sum = all[i];
      ${epilogue.store(of)}
    }
  }
}`,
    workgroups: spread(Math.ceil(columns / (4 * vec4s))),
  });
}

/** The right operand of a product of a few rows, as threads read it that share a column. */
export interface LanesOperand extends Vec4Access {
  /** The kernel's name. */
  readonly name: string;
  /** How many matrices there are. */
  readonly matrices: number;
  /** Whether `add` reads activations of columns that there are only: stored blocks are filled up. */
  readonly isInside: boolean;
  /**
   * WGSL that adds to `sums[row]`, for all rows of `batch`, the products of every n-th piece of `column` of `matrix` from `lane`
   * on.
   */
  readonly add: (lanes: number) => string;
}

/** Some threads share a column of the right operand and read it once, for all rows; then one of them adds their sums. */
export function multiplyByLanes(engine: Engine, products: Products, right: LanesOperand): void {
  const { a, out, preactivation, choice } = products;
  const [batch, , inner] = a.shape;
  const rows = rowsKept(products);
  const columns = out.shape[2];
  const epilogue = epilogueParts(products);
  const lanes = lanesFor(columns);
  const columnsOfGroup = rowThreads / lanes;
  const written = [out, preactivation];
  const lines = { lines: 1, lineCount: "values.rows", along: "inner", beginsInside: right.isInside, written } as const;
  const left = matrixVec4("a", a, lines);
  engine.run({
    name: right.name,
    variant: `${right.isInside} ${rows} ${lanes} ${epilogue.variant}`,
    operands: { ...left.operands, ...right.operands, ...epilogue.operands, ...(choice && { ids: reads(choice.ids) }) },
    values: {
      rows: u32(a.shape[1]), inner: u32(inner), columns: u32(columns), ...left.values, ...right.values, ...epilogue.values,
      ...(choice && { first: i32(choice.first), matrices: u32(right.matrices) }),
    },
    source: (of) => `
${epilogue.functions}
${left.functions(of)}
${right.functions(of)}
var<workgroup> parts: array<array<f32, ${rowThreads}>, ${rows}>;
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let batch = ${choice ? "group.z" : "0u"};
  let matrix = ${choice ? `u32(${of.ids("batch")} - values.first)` : "0u"};
  ${choice ? "if (matrix >= values.matrices) { return; }" : ""}
  let lane = local % ${lanes}u;
  let column = ${groupIndex} * ${columnsOfGroup}u + local / ${lanes}u;
  var sums: array<vec4f, ${rows}>;
  if (column < values.columns) {
    ${right.add(lanes)}
  }
  ${eachRow(rows, (row) => `parts[${row}][local] = dot(sums[${row}], vec4f(1.0));`)}
  workgroupBarrier();
  if (column >= values.columns) { return; }
  for (var row = lane; row < values.rows; row += ${lanes}u) {
    var sum = 0.0;
    for (var i = 0u; i < ${lanes}u; i++) { sum += parts[row][local - lane + i]; }
    ${epilogue.store(of)}
  }
}`,
    workgroups: [...spread(Math.ceil(columns / columnsOfGroup)), batch],
  });
}

/** Rows for which sums are kept: as many as there are, or a few more, so that one program serves several numbers of them. */
export function rowsKept({ a }: Products): number {
  return 2 ** Math.ceil(Math.log2(a.shape[1]));
}

/** WGSL of what is done for each row that is kept. */
export function eachRow(rows: number, line: (row: string) => string): string {
  return rows === 1 ? line("0u") : `for (var row = 0u; row < ${rows}u; row++) { ${line("row")} }`;
}

/** WGSL of a row that there is, in the place of one that is kept. */
export function rowThatIs(rows: number, row: string): string {
  return rows > 2 ? `min(${row}, values.rows - 1u)` : row;
}
