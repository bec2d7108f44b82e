import type { Dense, View, WeightKernels, WeightView } from "../../../contract/index.ts";
import type { DType } from "../../../dtype.ts";
import { blockColumns } from "../../../weight-format.ts";
import type { Engine } from "../runtime/engine.ts";
import { floatTable, gather } from "./indexing.ts";
import { multiply } from "./matmul.ts";
import { eachRow, multiplyByLanes, rowsKept, rowThatIs, takesMatvec } from "./matvec.ts";
import { gemmTiled } from "./gemm-tiled.ts";
import type { RightOperand } from "./gemm-tiled.ts";
import { relaid } from "../runtime/split-bindings.ts";
import type { Axes } from "../runtime/split-bindings.ts";
import { noEpilogue } from "./epilogue.ts";
import { fitting, matrixAxis } from "./gemm.ts";
import type { ProductAxis, Products } from "./gemm.ts";
import { reads, u32 } from "../runtime/program.ts";
import type { Vec4Access } from "../wgsl/vec4.ts";
import { columnsOfStep, vec4sOfFour, packedAxes, packedFunctions, packedScales, packedSource } from "../wgsl/packed.ts";
import type { PackedMatrix } from "../wgsl/packed.ts";

export function weights(engine: Engine): WeightKernels {
  return {
    linear({ x, weight, out, bias, activation, preactivation, residual }) {
      const products: Products = {
        a: asBatch(x),
        out: asBatch(out),
        accumulate: false,
        bias: bias && asBatch(bias),
        activation,
        preactivation: preactivation && asBatch(preactivation),
        residual: residual && asBatch(residual),
      };
      multiplyByTransposedWeight(engine, products, weight);
    },

    linearGradient({ grad, weight, out }) {
      multiplyByWeight(engine, { ...noEpilogue, a: asBatch(grad), out: asBatch(out) }, weight);
    },

    gather({ weight, ids, out }) {
      if (weight.dtype === "f32") {
        gather(engine, "gatherRows", ids, out, floatTable(weight.values));
        return;
      }
      const { dtype, shape, values, scales } = weight;
      gather(engine, `gather ${dtype}`, ids, out, {
        entries: shape[0],
        views: { values, scales },
        axes: packedAxes(dtype, "entries", "columns"),
        step: columnsOfStep(dtype),
        source(views) {
          const table = packedSource("table", { dtype, shape, ...views });
          return { ...table, functions: (of) => packedFunctions(dtype) + table.functions(of) };
        },
      });
    },
  };
}

/** Products with the transposed matrices of a weight. */
export function multiplyByTransposedWeight(engine: Engine, products: Products, weight: WeightView): void {
  if (weight.dtype === "f32") {
    const { shape: [matrices, rows, columns], strides: [matrix, row, column] } = matricesOf(weight.values);
    multiply(engine, products, relaid(weight.values, { shape: [matrices, columns, rows], strides: [matrix, column, row] }));
    return;
  }
  for (const [part, packed] of fittingPacked(engine, products, weight, "columns", "inner")) {
    if (takesMatvec(part)) matvecPacked(engine, part, packed);
    else gemmTiled(engine, part, rightOperand("linear", packed, "inner"));
  }
}

/** Products with the matrices of a weight, for gradients. */
export function multiplyByWeight(engine: Engine, products: Products, weight: WeightView): void {
  if (weight.dtype === "f32") {
    multiply(engine, products, matricesOf(weight.values));
    return;
  }
  for (const [part, packed] of fittingPacked(engine, products, weight, "inner", "columns")) {
    gemmTiled(engine, part, rightOperand("linearGradient", packed, "lines"));
  }
}

/** Where the rows and columns of a weight lie in a product. */
type WeightAxis = "inner" | "columns";

/** Products with packed matrices, in parts that bindings reach, whose memory is `[rows, matrices, words]`. */
function fittingPacked(
  engine: Engine, products: Products, { dtype, shape, values, scales }: PackedMatrix, row: WeightAxis, column: WeightAxis,
): (readonly [Products, PackedMatrix])[] {
  const [rows] = shape.slice(-2);
  const ofMatrices = (part: Dense<"i32">): View<"i32"> => {
    const [, words] = part.shape;
    return relaid(part, { shape: [rows, shape.length > 2 ? shape[0] : 1, words], strides: [words, rows * words, 1] });
  };
  const axes = packedAxes(dtype, row, column);
  const withMatrices = ([row, column]: Axes<ProductAxis>): Axes<ProductAxis> => [row, matrixAxis(products), column];
  const parts = fitting(
    engine, products,
    { values: ofMatrices(values), scales: scales && ofMatrices(scales) },
    { values: withMatrices(axes.values), scales: withMatrices(axes.scales) },
    { [column]: columnsOfStep(dtype) },
  );
  return parts.map(({ products, right }) => {
    const lengths = { inner: products.a.shape[2], columns: products.out.shape[2] };
    return [products, { dtype, shape: [lengths[row], lengths[column]], ...right }];
  });
}

/** WGSL of a row of `matrix` among those of all, and what it reads: nothing more where there is one matrix. */
function rowOfMatrix({ values }: PackedMatrix): { readonly values: Vec4Access["values"]; readonly row: (row: string) => string } {
  const [rowStride, matrixStride] = values.strides;
  return values.shape[1] > 1
    ? { values: { matrix_rows: u32(matrixStride / rowStride) }, row: (row) => `matrix * values.matrix_rows + ${row}` }
    : { values: {}, row: (row) => row };
}

/** A packed weight on the right of a product, of which its rows are the columns, or, for gradients, the rows. */
function rightOperand(name: string, weight: PackedMatrix, along: "inner" | "lines"): RightOperand {
  const source = packedSource("weight", weight);
  const { values, row } = rowOfMatrix(weight);
  return {
    name: `${name} ${weight.dtype}`,
    operands: source.operands,
    values: { ...source.values, ...values },
    functions: (of) => `
${packedFunctions(weight.dtype)}
${source.functions(of)}
// Blocks are filled up with zeros.
fn b_vec4(matrix: u32, inner: u32, line: u32) -> vec4f {
  if (inner >= values.inner || line >= values.columns) { return vec4f(); }
  return ${along === "inner" ? `weight_vec4(${row("line")}, inner / 4u)` : `weight_vec4(${row("inner")}, line / 4u)`};
}`,
    along,
  };
}

/**
 * A packed weight, read once: threads that share a column take its words in turn, four at a time. The scale comes after the
 * sum of products with codes. Where that sum has overflowed, all is done again with the scale first.
 */
function matvecPacked(engine: Engine, products: Products, weight: PackedMatrix): void {
  const rows = rowsKept(products);
  const { dtype, values } = weight;
  const scales = packedScales("b", weight);
  const width = values.offset % 4 === 0 ? 4 : 1;
  const vec4s = vec4sOfFour(dtype);
  const ofMatrix = rowOfMatrix(weight);
  const sum = (row: string): string =>
    vec4s.map((_, i) => `vec4_${i} * a_vec4(batch, first + ${4 * i}u, ${rowThatIs(rows, row)})`).join(" + ");
  multiplyByLanes(engine, products, {
    name: `linear few rows ${dtype}`,
    matrices: values.shape[1],
    isInside: weight.shape[1] % blockColumns === 0,
    operands: { b_values: reads(values, width), ...scales?.operands },
    values: {
      b_row: u32(values.strides[0] / 4), b_fours: u32(values.shape[2] / 4), ...ofMatrix.values, ...scales?.values,
    },
    functions: (of) => {
      const single = (i: number): string => of.b_values(`place * 4u + ${i}u`);
      return `
${packedFunctions(dtype)}
${scales?.functions(of) ?? ""}
fn b_four(row: u32, i: u32) -> vec4u {
  let place = row * values.b_row + i;
  return bitcast<vec4u>(${width === 4 ? of.b_values("place") : `vec4i(${[0, 1, 2, 3].map(single).join(", ")})`});
}`;
    },
    add(lanes) {
      type Change = (x: string) => string;
      const pass = (element: Change, sumOfProducts: Change): string => `
    for (var i = lane; i < values.b_fours; i += ${lanes}u) {
      let words = b_four(b_row, i);
      let first = i * ${4 * vec4s.length}u;
      ${scales ? `let scale = ${scales.scale("b_row", `first / ${blockColumns}u`)};` : ""}
      ${vec4s.map((vec4, i) => `let vec4_${i} = ${element(vec4)};`).join("\n      ")}
      ${eachRow(rows, (row) => `sums[${row}] += ${sumOfProducts(`(${sum(row)})`)};`)}
    }`;
      const same: Change = (x) => x;
      const start = `let b_row = ${ofMatrix.row("column")};`;
      if (!scales) return start + pass(same, same);
      const scaled: Change = (x) => scales.times(x, "scale");
      return `${start}
    ${pass(same, scaled)}
    var isFinite = true;
    ${eachRow(rows, (row) => `isFinite &= all((bitcast<vec4u>(sums[${row}]) & vec4u(0x7fffffffu)) < vec4u(0x7f800000u));`)}
    if (!isFinite) {
      ${eachRow(rows, (row) => `sums[${row}] = vec4f();`)}
      ${pass(scaled, same)}
    }`;
    },
  });
}

/** The matrices of a weight of f32. */
function matricesOf(values: View): View {
  return values.shape.length > 2 ? values : asBatch(values);
}

/** A matrix, or a line of elements, as one of a batch. */
export function asBatch<D extends DType>(view: View<D>): View<D> {
  return relaid(view, { shape: [1, ...view.shape], strides: [0, ...view.strides] });
}
