import type { View, WeightKernels } from "../../../contract/index.ts";
import { blockColumns } from "../../../weight-format.ts";
import type { Engine } from "../runtime/engine.ts";
import { floatTable, gather } from "./indexing.ts";
import { multiply } from "./matmul.ts";
import { eachRow, maxMatvecRows, multiplyByLanes, rowsKept, rowThatIs } from "./matvec.ts";
import { gemmTiled } from "./gemm-tiled.ts";
import type { RightOperand } from "./gemm-tiled.ts";
import { relaid } from "../runtime/split-bindings.ts";
import { noEpilogue } from "./epilogue.ts";
import { fitting } from "./gemm.ts";
import type { Products } from "./gemm.ts";
import { reads, u32 } from "../runtime/program.ts";
import { columnsOfStep, vec4sOfFour, packedAxes, packedFunctions, packedScales, packedSource } from "../wgsl/packed.ts";
import type { PackedMatrix } from "../wgsl/packed.ts";

export function weights(engine: Engine): WeightKernels {
  return {
    linear({ x, weight, out, bias, activation, preactivation, residual }) {
      const products: Products = {
        a: asBatch(x),
        out: asBatch(out),
        accumulate: false,
        bias,
        activation,
        preactivation: preactivation && asBatch(preactivation),
        residual: residual && asBatch(residual),
      };
      if (weight.dtype === "f32") {
        const { values } = weight;
        const [[outputs, inputs], [row, column]] = [values.shape, values.strides];
        multiply(engine, products, relaid(values, { shape: [1, inputs, outputs], strides: [0, column, row] }));
        return;
      }
      for (const [part, packed] of fittingPacked(engine, products, weight, "columns", "inner")) {
        if (part.a.shape[1] <= maxMatvecRows) matvecPacked(engine, part, packed);
        else gemmTiled(engine, part, rightOperand("linear", packed, "inner"));
      }
    },

    linearGradient({ grad, weight, out }) {
      const products: Products = { ...noEpilogue, a: asBatch(grad), out: asBatch(out) };
      if (weight.dtype === "f32") {
        multiply(engine, products, asBatch(weight.values));
        return;
      }
      for (const [part, packed] of fittingPacked(engine, products, weight, "inner", "columns")) {
        gemmTiled(engine, part, rightOperand("linearGradient", packed, "lines"));
      }
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

/** Where the rows and columns of a weight lie in a product. */
type WeightAxis = "inner" | "columns";

/** Products with a packed weight, in parts that bindings reach. */
function fittingPacked(
  engine: Engine, products: Products, { dtype, values, scales }: PackedMatrix, row: WeightAxis, column: WeightAxis,
): (readonly [Products, PackedMatrix])[] {
  const axes = packedAxes(dtype, row, column);
  return fitting(engine, products, { values, scales }, axes, { [column]: columnsOfStep(dtype) }).map(({ products, right }) => {
    const lengths = { inner: products.a.shape[2], columns: products.out.shape[2] };
    return [products, { dtype, shape: [lengths[row], lengths[column]], ...right }];
  });
}

/** A packed weight on the right of a product, of which its rows are the columns, or, for gradients, the rows. */
function rightOperand(name: string, weight: PackedMatrix, along: "inner" | "lines"): RightOperand {
  const source = packedSource("weight", weight);
  return {
    name: `${name} ${weight.dtype}`,
    operands: source.operands,
    values: source.values,
    functions: (of) => `
${packedFunctions(weight.dtype)}
${source.functions(of)}
// Blocks are filled up with zeros.
fn b_vec4(batch: u32, inner: u32, line: u32) -> vec4f {
  if (inner >= values.inner || line >= values.columns) { return vec4f(); }
  return ${along === "inner" ? "weight_vec4(line, inner / 4u)" : "weight_vec4(inner, line / 4u)"};
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
  const sum = (row: string): string =>
    vec4s.map((_, i) => `vec4_${i} * a_vec4(0u, first + ${4 * i}u, ${rowThatIs(rows, row)})`).join(" + ");
  multiplyByLanes(engine, products, {
    name: `linear few rows ${dtype}`,
    isInside: weight.shape[1] % blockColumns === 0,
    operands: { b_values: reads(values, width), ...scales?.operands },
    values: { b_row: u32(values.strides[0] / 4), b_fours: u32(values.shape[1] / 4), ...scales?.values },
    functions: (of) => {
      const single = (i: number): string => of.b_values(`place * 4u + ${i}u`);
      return `
${packedFunctions(dtype)}
${scales?.functions(of) ?? ""}
fn b_four(column: u32, i: u32) -> vec4u {
  let place = column * values.b_row + i;
  return bitcast<vec4u>(${width === 4 ? of.b_values("place") : `vec4i(${[0, 1, 2, 3].map(single).join(", ")})`});
}`;
    },
    add(lanes) {
      type Change = (x: string) => string;
      const pass = (element: Change, sumOfProducts: Change): string => `
    for (var i = lane; i < values.b_fours; i += ${lanes}u) {
      let words = b_four(column, i);
      let first = i * ${4 * vec4s.length}u;
      ${scales ? `let scale = ${scales.scale("column", `first / ${blockColumns}u`)};` : ""}
      ${vec4s.map((vec4, i) => `let vec4_${i} = ${element(vec4)};`).join("\n      ")}
      ${eachRow(rows, (row) => `sums[${row}] += ${sumOfProducts(`(${sum(row)})`)};`)}
    }`;
      const same: Change = (x) => x;
      if (!scales) return pass(same, same);
      const scaled: Change = (x) => scales.times(x, "scale");
      return `${pass(same, scaled)}
    var isFinite = true;
    ${eachRow(rows, (row) => `isFinite &= all((bitcast<vec4u>(sums[${row}]) & vec4u(0x7fffffffu)) < vec4u(0x7f800000u));`)}
    if (!isFinite) {
      ${eachRow(rows, (row) => `sums[${row}] = vec4f();`)}
      ${pass(scaled, same)}
    }`;
    },
  });
}

function asBatch(view: View): View {
  return relaid(view, { shape: [1, ...view.shape], strides: [0, ...view.strides] });
}
