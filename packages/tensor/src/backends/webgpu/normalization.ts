import type { Dense, NormalizationKernels } from "../../contract/index.ts";
import type { Engine } from "./engine.ts";
import { functions } from "./functions.ts";
import { entryArguments, groupIndex, spread } from "./grid.ts";
import { rowsOf } from "./parts.ts";
import { f32, reads, u32, writes } from "./program.ts";
import type { Operand } from "./program.ts";
import {
  columnThreads, combineColumn, downColumns, othersOfRow, rowFunctions, rowsOfPiece, rowThreads, rowThreadsFor,
  together,
} from "./workgroup.ts";

/** Of gradients of a weight and a bias. */
const sums = { type: "vec2f", combine: "a + b", start: "vec2f()", threads: columnThreads, lanes: rowThreads / columnThreads };

export function normalization(engine: Engine): NormalizationKernels {
  return {
    layerNorm({ weight, bias, epsilon, ...all }) {
      for (const { x, out, mean, inverseDeviation } of rowsOf(engine, all)) {
        const [rows, width] = x.shape;
        const threads = rowThreadsFor(width);
        const saves = mean && inverseDeviation;
        engine.run({
          name: "layerNorm",
          variant: threads,
          operands: {
            x: reads(x),
            weight: reads(weight),
            bias: reads(bias),
            out: writes(out),
            ...(saves ? { mean: writes(mean), inverseDeviation: writes(inverseDeviation) } : {}),
          },
          values: { rows: u32(rows), width: u32(width), epsilon: f32(epsilon) },
          source: (of) => `
${together("sum", "a + b", threads)}
@compute @workgroup_size(${threads})
fn main(${entryArguments}) {
  let row = ${groupIndex};
  if (row >= values.rows) { return; }
  let start = row * values.width;
  var part = 0.0;
  for (var i = local; i < values.width; i += ${threads}u) { part += ${of.x("start + i")}; }
  let mean = sum(part, local) / f32(values.width);
  part = 0.0;
  for (var i = local; i < values.width; i += ${threads}u) {
    let distance = ${of.x("start + i")} - mean;
    part += distance * distance;
  }
  let inverse = 1.0 / sqrt(sum(part, local) / f32(values.width) + values.epsilon);
  for (var i = local; i < values.width; i += ${threads}u) {
    ${of.out("start + i")} = (${of.x("start + i")} - mean) * inverse * ${of.weight("i")} + ${of.bias("i")};
  }
  ${saves ? `if (local == 0u) { ${of.mean("row")} = mean; ${of.inverseDeviation("row")} = inverse; }` : ""}
}`,
          workgroups: spread(rows),
        });
      }
    },

    layerNormGradient({ weight, gradWeight, gradBias, ...all }) {
      for (const { x, mean, inverseDeviation, grad, gradX } of rowsOf(engine, all)) {
        const [rows, width] = x.shape;
        const threads = rowThreadsFor(width);
        const saved = { x: reads(x), mean: reads(mean), inverseDeviation: reads(inverseDeviation), grad: reads(grad) };
        gradientOfWeights(engine, { ...saved, rows, width }, gradWeight, gradBias);
        engine.run({
          name: "layerNormGradient",
          variant: threads,
          operands: { ...saved, weight: reads(weight), gradX: writes(gradX) },
          values: { rows: u32(rows), width: u32(width) },
          source: (of) => `
${together("sum", "a + b", threads, "vec2f")}
@compute @workgroup_size(${threads})
fn main(${entryArguments}) {
  let row = ${groupIndex};
  if (row >= values.rows) { return; }
  let start = row * values.width;
  let mean = ${of.mean("row")};
  let inverse = ${of.inverseDeviation("row")};
  var part = vec2f();
  for (var i = local; i < values.width; i += ${threads}u) {
    let scaled = ${of.grad("start + i")} * ${of.weight("i")};
    part += vec2f(scaled, scaled * (${of.x("start + i")} - mean) * inverse);
  }
  let sums = sum(part, local) / f32(values.width);
  for (var i = local; i < values.width; i += ${threads}u) {
    let normalized = (${of.x("start + i")} - mean) * inverse;
    ${of.gradX("start + i")} = inverse * (${of.grad("start + i")} * ${of.weight("i")} - sums.x - normalized * sums.y);
  }
}`,
          workgroups: spread(rows),
        });
      }
    },

    softmax({ logarithm, ...all }) {
      for (const { x, out } of rowsOf(engine, all)) {
        const [rows, width] = x.shape;
        const threads = rowThreadsFor(width);
        engine.run({
          name: "softmax",
          variant: `${threads} ${logarithm}`,
          operands: { x: reads(x), out: writes(out) },
          values: { rows: u32(rows), width: u32(width) },
          source: (of) => `
${rowFunctions(threads)}
@compute @workgroup_size(${threads})
fn main(${entryArguments}) {
  let row = ${groupIndex};
  if (row >= values.rows) { return; }
  let start = row * values.width;
  ${othersOfRow({ width: "values.width", element: (i) => of.x(`start + ${i}`), threads })}
  ${logarithm ? "let logSum = logarithmOf1Plus(others);" : ""}
  for (var i = local; i < values.width; i += ${threads}u) {
    let distance = ${of.x("start + i")} - most;
    ${of.out("start + i")} = ${logarithm ? "distance - logSum" : "exponential(distance) / (1.0 + others)"};
  }
}`,
          workgroups: spread(rows),
        });
      }
    },

    softmaxGradient({ logarithm, ...all }) {
      for (const { y, grad, out } of rowsOf(engine, all)) {
        const [rows, width] = y.shape;
        const threads = rowThreadsFor(width);
        engine.run({
          name: "softmaxGradient",
          variant: `${threads} ${logarithm}`,
          operands: { y: reads(y), grad: reads(grad), out: writes(out) },
          values: { rows: u32(rows), width: u32(width) },
          source: (of) => `
${functions(["exponential"])}
${together("sum", "a + b", threads)}
@compute @workgroup_size(${threads})
fn main(${entryArguments}) {
  let row = ${groupIndex};
  if (row >= values.rows) { return; }
  let start = row * values.width;
  var part = 0.0;
  for (var i = local; i < values.width; i += ${threads}u) {
    part += ${of.grad("start + i")}${logarithm ? "" : ` * ${of.y("start + i")}`};
  }
  let all = sum(part, local);
  for (var i = local; i < values.width; i += ${threads}u) {
    let y = ${of.y("start + i")};
    let gradient = ${of.grad("start + i")};
    ${of.out("start + i")} = ${logarithm ? "gradient - exponential(y) * all" : "y * (gradient - all)"};
  }
}`,
          workgroups: spread(rows),
        });
      }
    },
  };
}

type SavedRows = Readonly<Record<"x" | "mean" | "inverseDeviation" | "grad", Operand>> & {
  readonly rows: number;
  readonly width: number;
};

/** Adds the gradients of weight and bias: workgroups add some rows each, then others add what those found. */
function gradientOfWeights(engine: Engine, saved: SavedRows, gradWeight: Dense, gradBias: Dense): void {
  const { rows, width, ...operands } = saved;
  const strips = Math.ceil(width / columnThreads);
  const pieces = Math.ceil(rows / rowsOfPiece);
  const values = { rows: u32(rows), pieces: u32(pieces), width: u32(width) };
  const place = `
  let column = group.x * ${columnThreads}u + local % ${columnThreads}u;
  let lane = local / ${columnThreads}u;`;
  const weightOf = "2u * row * values.width + column";
  const biasOf = "(2u * row + 1u) * values.width + column";
  engine.withScratch(2 * pieces * width, (parts) => {
    engine.run({
      name: "layerNormGradient of weights",
      operands: { ...operands, parts: writes(parts) },
      values,
      source: (of) => `
${downColumns(sums)}
fn gradient_of(row: u32, column: u32) -> vec2f {
  let place = row * values.width + column;
  let gradient = ${of.grad("place")};
  return vec2f(gradient * (${of.x("place")} - ${of.mean("row")}) * ${of.inverseDeviation("row")}, gradient);
}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  ${place}
  let first = group.y * ${rowsOfPiece}u;
  let end = min(first + ${rowsOfPiece}u, values.rows);
  ${combineColumn(sums, {
    firstRow: "first",
    endRow: "end",
    columns: "values.width",
    element: "gradient_of(row, column)",
  })}
  if (lane == 0u && column < values.width) {
    let row = group.y;
    ${of.parts(weightOf)} = all.x;
    ${of.parts(biasOf)} = all.y;
  }
}`,
      workgroups: [strips, pieces],
    });
    engine.run({
      name: "layerNormGradient of weights together",
      operands: { parts: reads(parts), gradWeight: writes(gradWeight), gradBias: writes(gradBias) },
      values,
      source: (of) => `
${downColumns(sums)}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  ${place}
  ${combineColumn(sums, {
    endRow: "values.pieces",
    columns: "values.width",
    element: `vec2f(${of.parts(weightOf)}, ${of.parts(biasOf)})`,
  })}
  if (lane == 0u && column < values.width) {
    ${of.gradWeight("column")} += all.x;
    ${of.gradBias("column")} += all.y;
  }
}`,
      workgroups: [strips],
    });
  });
}
