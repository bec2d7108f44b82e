import type { ReduceKernels, ReduceOp } from "../../../contract/index.ts";
import { reduceColumns, sum } from "../wgsl/columns.ts";
import type { Reduction } from "../wgsl/columns.ts";
import { betterElement } from "../wgsl/better-element.ts";
import type { Engine } from "../runtime/engine.ts";
import { functions } from "../wgsl/functions.ts";
import { relaid } from "../runtime/split-bindings.ts";
import { reads, writes } from "../runtime/program.ts";
import { overRows } from "../wgsl/rows.ts";
import type { RowKernel } from "../wgsl/rows.ts";

const reductions: Record<ReduceOp, Reduction> = {
  sum,
  max: { name: "max", start: "-infinity()", combine: "larger(a, b)", functions: functions(["larger", "infinity"]) },
  min: { name: "min", start: "infinity()", combine: "smaller(a, b)", functions: functions(["smaller", "infinity"]) },
};

/** How a row is reduced: its `x` to its `out`. */
type RowReduction = Pick<RowKernel, "functions" | "steps" | "once">;

const sumOfRow: RowReduction = {
  functions: functions(["atTwoScales", "sumOfTwoScales"]),
  steps: [{ name: "sums", type: "vec2f", element: (of) => `atTwoScales(${of.x("i")})` }],
  once: (of) => `${of.out("0u")} = sumOfTwoScales(sums, 1.0);`,
};

function extremeOfRow({ functions, start, combine }: Reduction): RowReduction {
  return {
    functions,
    steps: [{ name: "result", start, combine, element: (of) => of.x("i") }],
    once: (of) => `${of.out("0u")} = result;`,
  };
}

export function reduce(engine: Engine): ReduceKernels {
  return {
    reduce({ op, x, out }) {
      const reduction = reductions[op];
      const [outer, length, inner] = x.shape;
      if (inner !== 1) {
        reduceColumns(engine, reduction, x, out);
        return;
      }
      const rows = relaid(x, { shape: [outer, length], strides: [length, 1] });
      overRows(engine, {
        name: `reduce ${reduction.name}`,
        elements: { x: reads(rows) },
        rows: { out: writes(relaid(out, { shape: [outer], strides: [1] })) },
        ...(op === "sum" ? sumOfRow : extremeOfRow(reduction)),
        shares: true,
      });
    },

    argmax({ x, out }) {
      overRows(engine, {
        name: "argmax",
        elements: { x: reads(x) },
        rows: { out: writes(out) },
        functions: betterElement,
        steps: [
          {
            name: "best",
            type: "vec2u",
            start: "noElement",
            combine: "better(a, b)",
            element: (of) => `vec2u(bitcast<u32>(${of.x("i")}), values.first + i)`,
          },
        ],
        once: (of) => `${of.out("0u")} = i32(best.y);`,
      });
    },
  };
}
