import type { Dense, NormalizationKernels, RMSNormKernels, View } from "../../../contract/index.ts";
import { downColumns, piecesOf, reduceColumns, sum } from "../wgsl/columns.ts";
import type { Engine } from "../runtime/engine.ts";
import { functions } from "../wgsl/functions.ts";
import { relaid, split } from "../runtime/split-bindings.ts";
import { f32, reads, u32, writes } from "../runtime/program.ts";
import type { Elements } from "../runtime/program.ts";
import { exponentialsOfRow } from "../wgsl/row-exponentials.ts";
import { overRows } from "../wgsl/rows.ts";
import type { RowStep } from "../wgsl/rows.ts";

export function normalization(engine: Engine): NormalizationKernels & RMSNormKernels {
  return {
    layerNorm({ x, weight, bias, epsilon, out, mean, rstd }) {
      const saved = mean && rstd ? { mean: writes(mean), rstd: writes(rstd) } : undefined;
      overRows(engine, {
        name: "layerNorm",
        elements: { x: reads(x), out: writes(out) },
        columns: { weight: reads(weight), bias: reads(bias) },
        rows: saved,
        values: { rootOfEpsilon: f32(Math.sqrt(epsilon)) },
        functions: functions(["atTwoScales", "sumOfTwoScales", "squaresAtScales", "rootOfSquares", "deviationBeside", "hypotenuse"]),
        steps: [
          {
            name: "total",
            type: "vec2f",
            element: (of) => `atTwoScales(${of.x("i")})`,
            then: "let mean = sumOfTwoScales(total, f32(values.width));",
          },
          {
            name: "squares",
            type: "vec4f",
            element: (of) => `vec4f(squaresAtScales(${of.x("i")}, mean), ${of.x("i")} - mean)`,
            // What rounding the mean left of it, and the deviation from the mean with that. The reciprocal of a huge deviation
            // would be subnormal.
            then: `
  let distance = rootOfSquares(squares.xyz / f32(values.width));
  let rest = select(0.0, squares.w / f32(values.width), abs(squares.w) < 0x1p127f);
  let sigma = hypotenuse(deviationBeside(distance, rest), values.rootOfEpsilon);
  let scale = select(1.0, 0x1p-64f, sigma > 0x1p64f);
  let inverse = 1.0 / (sigma * scale);`,
          },
        ],
        each: (of) => `
    ${of.out("i")} = ((${of.x("i")} * scale - mean * scale) - rest * scale) * inverse * ${of.weight("i")} + ${of.bias("i")};`,
        once: saved && ((of) => `${of.mean("0u")} = mean; ${of.mean("1u")} = rest; ${of.rstd("0u")} = inverse * scale;`),
      });
    },

    layerNormGradient(call) {
      if (call.gradWeight || call.gradBias) gradientOfWeights(engine, call);
      const { x, weight, mean, rstd, grad, gradX } = call;
      overRows(engine, {
        name: "layerNormGradient",
        elements: { x: reads(x), grad: reads(grad), gradX: writes(gradX) },
        columns: { weight: reads(weight) },
        rows: { mean: reads(mean), rstd: reads(rstd) },
        begin: (of) => `let mean = vec2f(${of.mean("0u")}, ${of.mean("1u")}); let inverse = ${of.rstd("0u")};`,
        functions: functions(["normalized"]),
        steps: [
          {
            name: "totals",
            type: "vec4f",
            element: (of) => {
              const scaled = `vec2f(${of.grad("i")}, ${of.grad("i")} * 0x1p-64f) * ${of.weight("i")}`;
              return `(${scaled}).xyxy * vec2f(1.0, normalized(${of.x("i")}, mean, inverse)).xxyy`;
            },
            // At a second scale, which is right where the first one has overflowed on the way.
            then: `
  let isFinite = all((bitcast<vec2u>(totals.xz) & vec2u(0x7fffffffu)) < vec2u(0x7f800000u));
  let means = select(totals.yw, totals.xz, isFinite) / f32(values.width);
  let scale = select(0x1p-64f, 1.0, isFinite);`,
          },
        ],
        each: (of) => `
    let share = means.x + normalized(${of.x("i")}, mean, inverse) * means.y;
    ${of.gradX("i")} = inverse * (${of.grad("i")} * scale * ${of.weight("i")} - share) / scale;`,
      });
    },

    rmsNorm({ x, weight, epsilon, out }) {
      overRows(engine, {
        name: "rmsNorm",
        elements: { x: reads(x), out: writes(out) },
        columns: { weight: reads(weight) },
        values: { rootOfEpsilon: f32(Math.sqrt(epsilon)) },
        functions: functions(rootFunctions),
        steps: [inverseRoot],
        each: (of) => `${of.out("i")} = ${scaledByRoot(of)} * ${of.weight("i")};`,
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
          functions: functions(rootFunctions),
          steps: [
            inverseRoot,
            {
              name: "totals",
              type: "vec2f",
              element: (of) => `vec2f(${of.grad("i")}, ${of.grad("i")} * 0x1p-64f) * ${of.weight("i")} * (${scaledByRoot(of)})`,
              // At a second scale, which is right where the first one has overflowed on the way.
              then: `
  let isFinite = (bitcast<u32>(totals.x) & 0x7fffffffu) < 0x7f800000u;
  let share = select(totals.y, totals.x, isFinite) / f32(values.width);
  let size = select(0x1p-64f, 1.0, isFinite);`,
            },
          ],
          each: (of) => `
    let rest = ${of.grad("i")} * size * ${of.weight("i")} - ${scaledByRoot(of)} * share;
    ${of.gradX("i")} = rest * inverse * (scale / size);`,
          once: (of) => `${of.rstd("0u")} = inverse * scale;`,
        });
        if (gradWeight) gradientOfWeights(engine, { x, mean: null, rstd, grad, gradWeight, gradBias: null });
      });
    },

    softmax({ x, logarithm, out }) {
      overRows(engine, {
        name: "softmax",
        variant: `${logarithm}`,
        elements: { x: reads(x), out: writes(out) },
        ...exponentialsOfRow((of) => of.x("i"), logarithm ? "let logSum = logarithmOf1Plus(others);" : ""),
        each: (of) =>
          logarithm
            ? `${of.out("i")} = ${of.x("i")} - row_max - logSum;`
            : `${of.out("i")} = exponential(${of.x("i")} - row_max) / (1.0 + others);`,
      });
    },

    softmaxGradient({ y, logarithm, grad, out }) {
      overRows(engine, {
        name: "softmaxGradient",
        variant: `${logarithm}`,
        elements: { y: reads(y), grad: reads(grad), out: writes(out) },
        functions: functions(["exponential", "atTwoScales"]),
        // A sum of gradients, or twice one of them, may be beyond f32 where the result is not.
        steps: [
          logarithm
            ? {
                name: "totals",
                type: "vec2f",
                element: (of) => `atTwoScales(${of.grad("i")})`,
                then: `
  let isFinite = (bitcast<u32>(totals.x) & 0x7fffffffu) < 0x7f800000u;
  let total = select(totals.y, totals.x, isFinite);
  let scale = select(0x1p-40f, 1.0, isFinite);`,
              }
            : { name: "total", element: (of) => `${of.grad("i")} * ${of.y("i")}` },
        ],
        each: (of) =>
          logarithm
            ? `${of.out("i")} = 2.0 * (0.5 * ${of.grad("i")} - exponential(${of.y("i")}) * total * (0.5 / scale));`
            : `${of.out("i")} = 2.0 * ${of.y("i")} * (0.5 * ${of.grad("i")} - 0.5 * total);`,
      });
    },
  };
}

const rootFunctions = ["squaresAtScales", "rootOfSquares", "hypotenuse"] as const;

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
const scaledByRoot = (of: Elements): string => `${of.x("i")} * scale * inverse`;

/** What gradients of weights come from: those of a root mean square have no mean and no bias. */
type WeightGradients =
  & Readonly<Record<"x" | "rstd" | "grad", Dense>>
  & Readonly<Record<"mean" | "gradWeight" | "gradBias", Dense | null>>;

/** Adds the gradients of weight and bias, where they are wanted: workgroups add some rows each, then others add what those found. */
function gradientOfWeights(engine: Engine, { x, mean, rstd, grad, gradWeight, gradBias }: WeightGradients): void {
  const axes = {
    x: ["rows", "columns"], grad: ["rows", "columns"], mean: ["rows", null], rstd: ["rows"],
    gradWeight: ["columns"], gradBias: ["columns"],
  } as const;
  const all = { x, grad, mean, rstd, gradWeight, gradBias };
  for (const { operands } of split(engine, all, axes, ["gradWeight", "gradBias"])) {
    const { x, grad, mean, rstd, gradWeight, gradBias } = operands;
    const [rows, columns] = x.shape;
    const pieces = piecesOf(rows);
    const add = (found: Dense, to: View): void => {
      const each = relaid(found, { shape: [1, pieces, columns], strides: [0, columns, 1] });
      reduceColumns(engine, sum, each, relaid(to, { shape: [1, columns], strides: [0, 1] }), true);
    };
    engine.withScratch(pieces * columns, (weights) =>
      engine.withScratch(pieces * columns, (biases) => {
        downColumns(engine, {
          name: "gradients of weights",
          type: "vec2f",
          start: "vec2f()",
          combine: "a + b",
          functions: functions(["normalized"]),
          shape: { outer: 1, pieces, rows, columns },
          operands: {
            x: reads(x), ...(mean && { mean: reads(mean) }), rstd: reads(rstd), grad: reads(grad),
            weights: writes(weights), biases: writes(biases),
          },
          values: { x_row: u32(x.strides[0]) },
          element: (of) => {
            const place = "row * values.x_row + column";
            const center = mean ? `vec2f(${of.mean("2u * row")}, ${of.mean("2u * row + 1u")})` : "vec2f()";
            return `${of.grad(place)} * vec2f(normalized(${of.x(place)}, ${center}, ${of.rstd("row")}), 1.0)`;
          },
          store: (of) => `
    ${of.weights("piece * values.columns + column")} = all.x;
    ${of.biases("piece * values.columns + column")} = all.y;`,
        });
        if (gradWeight) add(weights, gradWeight);
        if (gradBias) add(biases, gradBias);
      }),
    );
  }
}
