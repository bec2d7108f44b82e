import type { Dense, RMSNormKernels, View } from "../../../contract/index.ts";
import { downColumns, piecesOf, reduceColumns, sum } from "../wgsl/columns.ts";
import type { Engine } from "../runtime/engine.ts";
import { functions } from "../wgsl/functions.ts";
import { relaid, split } from "../runtime/split-bindings.ts";
import { f32, reads, u32, writes } from "../runtime/program.ts";
import type { Elements } from "../runtime/program.ts";
import { overRows } from "../wgsl/rows.ts";
import type { RowStep } from "../wgsl/rows.ts";

/** The inverse of the root of the mean square, of rows made smaller by `scale`: that of a huge root would be subnormal. */
const inverseRoot: RowStep = {
  name: "squares",
  type: "vec3f",
  element: (of) => `squaresAtScales(${of.x("i")}, 0.0)`,
  then: `
  let root = hypotenuse(rootOfSquares(squares / f32(values.width)), values.rootOfEpsilon);
  let scale = select(1.0, 0x1p-64f, root > 0x1p64f);
  let inverse = 1.0 / (root * scale);`,
};
const names = ["squaresAtScales", "rootOfSquares", "hypotenuse"] as const;
const normalized = (of: Elements): string => `${of.x("i")} * scale * inverse`;

export function rmsNorm(engine: Engine): RMSNormKernels {
  return {
    rmsNorm({ x, weight, epsilon, out }) {
      overRows(engine, {
        name: "rmsNorm",
        elements: { x: reads(x), out: writes(out) },
        columns: { weight: reads(weight) },
        values: { rootOfEpsilon: f32(Math.sqrt(epsilon)) },
        functions: functions(names),
        steps: [inverseRoot],
        each: (of) => `${of.out("i")} = ${normalized(of)} * ${of.weight("i")};`,
      });
    },

    rmsNormGradient({ x, weight, epsilon, grad, gradX, gradWeight }) {
      const [rows] = x.shape;
      engine.withScratch(rows, (rstd) => {
        overRows(engine, {
          name: "rmsNormGradient",
          elements: { x: reads(x), grad: reads(grad), gradX: writes(gradX) },
          columns: { weight: reads(weight) },
          rows: { rstd: writes(rstd) },
          values: { rootOfEpsilon: f32(Math.sqrt(epsilon)) },
          functions: functions(names),
          steps: [
            inverseRoot,
            {
              name: "totals",
              type: "vec2f",
              element: (of) => `vec2f(${of.grad("i")}, ${of.grad("i")} * 0x1p-64f) * ${of.weight("i")} * (${normalized(of)})`,
              // At a second scale, which is right where the first one has overflowed on the way.
              then: `
  let isFinite = (bitcast<u32>(totals.x) & 0x7fffffffu) < 0x7f800000u;
  let share = select(totals.y, totals.x, isFinite) / f32(values.width);
  let size = select(0x1p-64f, 1.0, isFinite);`,
            },
          ],
          each: (of) => `
    let rest = ${of.grad("i")} * size * ${of.weight("i")} - ${normalized(of)} * share;
    ${of.gradX("i")} = rest * inverse * (scale / size);`,
          once: (of) => `${of.rstd("0u")} = inverse * scale;`,
        });
        gradientOfWeight(engine, { x, grad, rstd, gradWeight });
      });
    },
  };
}

/** Adds the gradient of the weight: workgroups add some rows each, then others add what those found. */
function gradientOfWeight(engine: Engine, all: Record<"x" | "grad" | "rstd" | "gradWeight", Dense>): void {
  const axes = { x: ["rows", "columns"], grad: ["rows", "columns"], rstd: ["rows"], gradWeight: ["columns"] } as const;
  for (const { operands } of split<Record<keyof typeof all, View>, "rows" | "columns">(engine, all, axes, ["gradWeight"])) {
    const { x, grad, rstd, gradWeight } = operands;
    const [rows, columns] = x.shape;
    const pieces = piecesOf(rows);
    engine.withScratch(pieces * columns, (weights) => {
      downColumns(engine, {
        name: "rmsNormGradient of weight",
        type: "f32",
        start: "0.0",
        combine: "a + b",
        functions: functions(["normalized"]),
        shape: { outer: 1, pieces, rows, columns },
        operands: { x: reads(x), rstd: reads(rstd), grad: reads(grad), weights: writes(weights) },
        values: { x_row: u32(x.strides[0]) },
        element: (of) => {
          const place = "row * values.x_row + column";
          return `${of.grad(place)} * normalized(${of.x(place)}, vec2f(), ${of.rstd("row")})`;
        },
        store: (of) => `${of.weights("piece * values.columns + column")} = all;`,
      });
      const each = relaid(weights, { shape: [1, pieces, columns], strides: [0, columns, 1] });
      reduceColumns(engine, sum, each, relaid(gradWeight, { shape: [1, columns], strides: [0, 1] }), true);
    });
  }
}
