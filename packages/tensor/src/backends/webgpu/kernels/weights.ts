import type { PackedView, View, WeightKernels } from "../../../contract/index.ts";
import { blockColumns } from "../../../weight-format.ts";
import type { Engine } from "../runtime/engine.ts";
import { gather } from "./indexing.ts";
import { eachRow, maxMatvecRows, multiplyByLanes, rowsKept, rowThatIs } from "./matvec.ts";
import { gemmTiled } from "./gemm-tiled.ts";
import type { RightOperand } from "./gemm-tiled.ts";
import { relaid } from "../runtime/split-bindings.ts";
import { noEpilogue } from "./epilogue.ts";
import { fitting } from "./gemm.ts";
import type { Products } from "./gemm.ts";
import { reads, u32 } from "../runtime/program.ts";
import { columnsOfStep, vec4sOfFour, packedAxes, packedFunctions, packedScales, packedSource } from "../wgsl/packed.ts";
import type { PackedViews } from "../wgsl/packed.ts";

export function weights(engine: Engine): WeightKernels {
  return {
    linearPacked({ x, weight, out, bias, activation, preactivation, residual }) {
      const { format } = weight;
      const products: Products = {
        a: asBatch(x),
        out: asBatch(out),
        accumulate: false,
        bias,
        activation,
        preactivation: preactivation && asBatch(preactivation),
        residual: residual && asBatch(residual),
      };
      const axes = packedAxes(format, "columns", "inner");
      for (const part of fitting(engine, products, viewsOf(weight), axes, { inner: columnsOfStep })) {
        const [, rows, inner] = part.products.a.shape;
        const own: PackedView = { format, shape: [part.products.out.shape[2], inner], ...part.right };
        if (rows <= maxMatvecRows) matvecPacked(engine, part.products, own);
        else gemmTiled(engine, part.products, rightOperand("linearPacked", own, "inner"));
      }
    },

    linearPackedGradient({ grad, weight, out }) {
      const { format } = weight;
      const products: Products = { ...noEpilogue, a: asBatch(grad), out: asBatch(out) };
      const axes = packedAxes(format, "inner", "columns");
      for (const part of fitting(engine, products, viewsOf(weight), axes, { columns: columnsOfStep })) {
        const own: PackedView = { format, shape: [part.products.a.shape[2], part.products.out.shape[2]], ...part.right };
        gemmTiled(engine, part.products, rightOperand("linearPackedGradient", own, "lines"));
      }
    },

    gatherPacked({ weight, ids, out }) {
      const { format } = weight;
      gather(engine, `gatherPacked ${format}`, ids, out, {
        entries: weight.shape[0],
        views: viewsOf(weight),
        axes: packedAxes(format, "entries", "columns"),
        step: columnsOfStep,
        source(views) {
          const table = packedSource("table", { ...weight, ...views });
          return { ...table, functions: (of) => packedFunctions(format) + table.functions(of) };
        },
      });
    },
  };
}

/** A packed weight on the right of a product, of which its rows are the columns, or, for gradients, the rows. */
function rightOperand(name: string, weight: PackedView, along: "inner" | "lines"): RightOperand {
  const source = packedSource("weight", weight);
  return {
    name: `${name} ${weight.format}`,
    operands: source.operands,
    values: source.values,
    functions: (of) => `
${packedFunctions(weight.format)}
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
function matvecPacked(engine: Engine, products: Products, weight: PackedView): void {
  const rows = rowsKept(products);
  const { format, values, scales } = weight;
  const scaling = packedScales("b", weight);
  const width = values.offset % 4 === 0 ? 4 : 1;
  const vec4s = vec4sOfFour[format];
  const sum = (row: string): string =>
    vec4s.map((_, i) => `vec4_${i} * a_vec4(0u, first + ${4 * i}u, ${rowThatIs(rows, row)})`).join(" + ");
  multiplyByLanes(engine, products, {
    name: `linearPacked few rows ${format}`,
    isInside: weight.shape[1] % blockColumns === 0,
    operands: { b_values: reads(values, width), ...scaling.operands },
    values: { b_row: u32(values.strides[0] / 4), b_fours: u32(values.shape[1] / 4), ...scaling.values },
    functions: (of) => {
      const single = (i: number): string => of.b_values(`place * 4u + ${i}u`);
      return `
${packedFunctions(format)}
${scaling.functions(of)}
fn b_four(column: u32, i: u32) -> vec4u {
  let place = column * values.b_row + i;
  return bitcast<vec4u>(${width === 4 ? of.b_values("place") : `vec4i(${[0, 1, 2, 3].map(single).join(", ")})`});
}`;
    },
    add(lanes) {
      const pass = (before: string, after: string): string => `
    for (var i = lane; i < values.b_fours; i += ${lanes}u) {
      let words = b_four(column, i);
      let first = i * ${4 * vec4s.length}u;
      ${scales ? `let scale = b_scale(column, first / ${blockColumns}u);` : ""}
      ${vec4s.map((vec4, i) => `let vec4_${i} = ${vec4}${before};`).join("\n      ")}
      ${eachRow(rows, (row) => `sums[${row}] += (${sum(row)})${after};`)}
    }`;
      if (!scales) return pass("", "");
      return `${pass("", " * scale")}
    var isFinite = true;
    ${eachRow(rows, (row) => `isFinite &= all((bitcast<vec4u>(sums[${row}]) & vec4u(0x7fffffffu)) < vec4u(0x7f800000u));`)}
    if (!isFinite) {
      ${eachRow(rows, (row) => `sums[${row}] = vec4f();`)}
      ${pass(" * scale", "")}
    }`;
    },
  });
}

function asBatch(view: View): View {
  return relaid(view, { shape: [1, ...view.shape], strides: [0, ...view.strides] });
}

function viewsOf({ values, scales }: PackedView): PackedViews {
  return { values, scales };
}
