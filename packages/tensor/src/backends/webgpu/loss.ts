import type { LossKernels } from "../../contract/index.ts";
import { sizeOf } from "../../shape.ts";
import type { Engine } from "./engine.ts";
import { functions } from "./functions.ts";
import { entryArguments, groupIndex, linear, linearIndex, linearSize, spread } from "./grid.ts";
import { rowsOf } from "./parts.ts";
import { i32, reads, u32, writes } from "./program.ts";
import { othersOfRow, rowFunctions, rowThreads, rowThreadsFor, together } from "./workgroup.ts";

export function loss(engine: Engine): LossKernels {
  return {
    crossEntropy({ ignoreIndex, firstRow: _firstRow, count, ...all }) {
      for (const { logits, targets, losses, statistics } of rowsOf(engine, all)) {
        const [rows, classes] = logits.shape;
        const threads = rowThreadsFor(classes);
        engine.run({
          name: "crossEntropy",
          variant: threads,
          operands: {
            logits: reads(logits),
            targets: reads(targets),
            losses: writes(losses),
            statistics: writes(statistics),
          },
          values: { rows: u32(rows), classes: u32(classes), ignoreIndex: i32(ignoreIndex) },
          source: (of) => `
${rowFunctions(threads)}
@compute @workgroup_size(${threads})
fn main(${entryArguments}) {
  let row = ${groupIndex};
  if (row >= values.rows) { return; }
  let start = row * values.classes;
  ${othersOfRow({ width: "values.classes", element: (i) => of.logits(`start + ${i}`), threads })}
  if (local > 0u) { return; }
  let target_ = ${of.targets("row")};
  var loss = 0.0;
  if (target_ != values.ignoreIndex) {
    ${of.statistics("2u * row")} = most;
    ${of.statistics("2u * row + 1u")} = others;
    loss = nan();
    if (target_ >= 0 && target_ < i32(values.classes)) {
      loss = most - ${of.logits("start + u32(target_)")} + logarithmOf1Plus(others);
    }
  }
  ${of.losses("row")} = loss;
}`,
          workgroups: spread(rows),
        });
      }
      engine.run({
        name: "crossEntropy count",
        operands: { targets: reads(all.targets), count: writes(count) },
        values: { rows: u32(all.targets.shape[0]), ignoreIndex: i32(ignoreIndex) },
        source: (of) => `
${together("sum", "a + b", rowThreads)}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  var part = 0.0;
  for (var i = local; i < values.rows; i += ${rowThreads}u) {
    part += select(0.0, 1.0, ${of.targets("i")} != values.ignoreIndex);
  }
  let all = sum(part, local);
  if (local == 0u) { ${of.count("0")} = all; }
}`,
        workgroups: [1],
      });
    },

    crossEntropyGradient({ ignoreIndex, ...all }) {
      for (const { logits, targets, statistics, grad, out } of rowsOf(engine, all)) {
        const classes = logits.shape[1];
        const count = sizeOf(logits.shape);
        engine.run({
          name: "crossEntropyGradient",
          operands: {
            logits: reads(logits),
            targets: reads(targets),
            statistics: reads(statistics),
            grad: reads(grad),
            out: writes(out),
          },
          values: { count: u32(count), classes: u32(classes), ignoreIndex: i32(ignoreIndex) },
          source: (of) => `
${functions(["exponential", "nan"])}
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let i = ${linearIndex};
  if (i >= values.count) { return; }
  let row = i / values.classes;
  let target_ = ${of.targets("row")};
  var gradient = 0.0;
  if (target_ != values.ignoreIndex) {
    let x = ${of.logits("i")};
    let largest = ${of.statistics("2u * row")};
    let others = ${of.statistics("2u * row + 1u")};
    let sum = 1.0 + others;
    gradient = exponential(x - largest) / sum;
    // Without cancellation where the probability is close to 1.
    if (i32(i % values.classes) == target_) { gradient = select(gradient - 1.0, -others / sum, x == largest); }
    gradient *= ${of.grad("row")};
    if (target_ < 0 || target_ >= i32(values.classes)) { gradient = nan(); }
  }
  ${of.out("i")} = gradient;
}`,
          workgroups: linear(count),
        });
      }
    },
  };
}
