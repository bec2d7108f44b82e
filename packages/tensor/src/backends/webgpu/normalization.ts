import type { NormalizationKernels } from "../../contract/index.ts";
import type { Engine } from "./engine.ts";
import { functions } from "./functions.ts";
import { entryArguments, groupIndex, spread } from "./grid.ts";
import { rowsOf } from "./parts.ts";
import { f32, reads, u32, writes } from "./program.ts";
import {
  columnThreads, combineColumn, downColumns, exponentialsOfRow, rowFunctions, rowThreads, together,
} from "./workgroup.ts";

export function normalization(engine: Engine): NormalizationKernels {
  return {
    layerNorm({ weight, bias, epsilon, ...all }) {
      for (const { x, out, mean, inverseDeviation } of rowsOf(engine, all)) {
        const [rows, width] = x.shape;
        const saves = mean && inverseDeviation;
        engine.run({
          name: "layerNorm",
          operands: {
            x: reads(x),
            weight: reads(weight),
            bias: reads(bias),
            out: writes(out),
            ...(saves ? { mean: writes(mean), inverseDeviation: writes(inverseDeviation) } : {}),
          },
          values: { rows: u32(rows), width: u32(width), epsilon: f32(epsilon) },
          source: (of) => `
${together("sum", "a + b")}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let row = ${groupIndex};
  if (row >= values.rows) { return; }
  let start = row * values.width;
  var part = 0.0;
  for (var i = local; i < values.width; i += ${rowThreads}u) { part += ${of.x("start + i")}; }
  let mean = sum(part, local) / f32(values.width);
  part = 0.0;
  for (var i = local; i < values.width; i += ${rowThreads}u) {
    let distance = ${of.x("start + i")} - mean;
    part += distance * distance;
  }
  let inverse = 1.0 / sqrt(sum(part, local) / f32(values.width) + values.epsilon);
  for (var i = local; i < values.width; i += ${rowThreads}u) {
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
        const saved = { x: reads(x), mean: reads(mean), inverseDeviation: reads(inverseDeviation), grad: reads(grad) };
        engine.run({
          name: "layerNormGradient of weights",
          operands: { ...saved, gradWeight: writes(gradWeight), gradBias: writes(gradBias) },
          values: { rows: u32(rows), width: u32(width) },
          source: (of) => `
${downColumns("vec2f", "a + b")}
fn gradient_of(row: u32, column: u32) -> vec2f {
  let place = row * values.width + column;
  let gradient = ${of.grad("place")};
  return vec2f(gradient * (${of.x("place")} - ${of.mean("row")}) * ${of.inverseDeviation("row")}, gradient);
}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let column = group.x * ${columnThreads}u + local % ${columnThreads}u;
  let lane = local / ${columnThreads}u;
  ${combineColumn({
    threads: columnThreads,
    start: "vec2f()",
    rows: "values.rows",
    columns: "values.width",
    element: "gradient_of(row, column)",
  })}
  if (lane == 0u && column < values.width) {
    ${of.gradWeight("column")} += parts[local].x;
    ${of.gradBias("column")} += parts[local].y;
  }
}`,
          workgroups: [Math.ceil(width / columnThreads)],
        });
        engine.run({
          name: "layerNormGradient",
          operands: { ...saved, weight: reads(weight), gradX: writes(gradX) },
          values: { rows: u32(rows), width: u32(width) },
          source: (of) => `
${together("sum", "a + b", rowThreads, "vec2f")}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let row = ${groupIndex};
  if (row >= values.rows) { return; }
  let start = row * values.width;
  let mean = ${of.mean("row")};
  let inverse = ${of.inverseDeviation("row")};
  var part = vec2f();
  for (var i = local; i < values.width; i += ${rowThreads}u) {
    let scaled = ${of.grad("start + i")} * ${of.weight("i")};
    part += vec2f(scaled, scaled * (${of.x("start + i")} - mean) * inverse);
  }
  let sums = sum(part, local) / f32(values.width);
  for (var i = local; i < values.width; i += ${rowThreads}u) {
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
        engine.run({
          name: "softmax",
          variant: logarithm ? "logarithm" : "",
          operands: { x: reads(x), out: writes(out) },
          values: { rows: u32(rows), width: u32(width) },
          source: (of) => `
${rowFunctions}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let row = ${groupIndex};
  if (row >= values.rows) { return; }
  let start = row * values.width;
  ${exponentialsOfRow("values.width", (i) => of.x(`start + ${i}`))}
  ${logarithm ? "let logSum = logarithm(all);" : ""}
  for (var i = local; i < values.width; i += ${rowThreads}u) {
    let distance = ${of.x("start + i")} - most;
    ${of.out("start + i")} = ${logarithm ? "distance - logSum" : "exponential(distance) / all"};
  }
}`,
          workgroups: spread(rows),
        });
      }
    },

    softmaxGradient({ logarithm, ...all }) {
      for (const { y, grad, out } of rowsOf(engine, all)) {
        const [rows, width] = y.shape;
        engine.run({
          name: "softmaxGradient",
          variant: logarithm ? "logarithm" : "",
          operands: { y: reads(y), grad: reads(grad), out: writes(out) },
          values: { rows: u32(rows), width: u32(width) },
          source: (of) => `
${functions(["exponential"])}
${together("sum", "a + b")}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let row = ${groupIndex};
  if (row >= values.rows) { return; }
  let start = row * values.width;
  var part = 0.0;
  for (var i = local; i < values.width; i += ${rowThreads}u) {
    part += ${of.grad("start + i")}${logarithm ? "" : ` * ${of.y("start + i")}`};
  }
  let all = sum(part, local);
  for (var i = local; i < values.width; i += ${rowThreads}u) {
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
