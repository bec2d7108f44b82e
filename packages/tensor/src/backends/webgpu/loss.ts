import type { LossKernels } from "../../contract/index.ts";
import { sizeOf } from "../../shape.ts";
import type { Engine } from "./engine.ts";
import { functions } from "./functions.ts";
import { entryArguments, linear, linearIndex, linearSize } from "./grid.ts";
import { relaid, split } from "./parts.ts";
import { i32, reads, u32, writes } from "./program.ts";
import { exponentialsOfRow } from "./row-exponentials.ts";
import { overRows } from "./rows.ts";

export function loss(engine: Engine): LossKernels {
  return {
    crossEntropy({ logits, targets, ignoreIndex, losses, statistics, count }) {
      overRows(engine, {
        name: "crossEntropy",
        elements: { logits: reads(logits) },
        rows: { targets: reads(targets), losses: writes(losses), statistics: writes(statistics) },
        values: { ignoreIndex: i32(ignoreIndex) },
        ...exponentialsOfRow((of) => of.logits("i")),
        once: (of) => `
    let target_ = ${of.targets("0u")};
    var loss = 0.0;
    if (target_ != values.ignoreIndex) {
      ${of.statistics("0u")} = most;
      ${of.statistics("1u")} = others;
      loss = nan();
      if (target_ >= 0 && target_ < i32(values.width)) {
        // Where the row comes in parts, one of them has the target.
        let i = u32(target_) - values.first;
        if (i >= values.count) { return; }
        loss = most - ${of.logits("i")} + logarithmOf1Plus(others);
      }
    }
    ${of.losses("0u")} = loss;`,
        onceReadsElements: true,
      });
      const [rows] = targets.shape;
      overRows(engine, {
        name: "crossEntropy count",
        elements: { targets: reads(relaid(targets, { shape: [1, rows], strides: [rows, 1] })) },
        rows: { count: writes(count) },
        values: { ignoreIndex: i32(ignoreIndex) },
        steps: [{ name: "all", element: (of) => `select(0.0, 1.0, ${of.targets("i")} != values.ignoreIndex)` }],
        once: (of) => `${of.count("0u")} = all;`,
        shares: true,
      });
    },

    crossEntropyGradient({ ignoreIndex, ...all }) {
      const axes = {
        logits: ["rows", "classes"], targets: ["rows"], statistics: ["rows", null], grad: ["rows"], out: ["rows", "classes"],
      } as const;
      for (const { operands, starts } of split(engine, all, axes, ["out"])) {
        const { logits, targets, statistics, grad, out } = operands;
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
          values: {
            count: u32(count),
            width: u32(logits.shape[1]),
            first: u32(starts.classes),
            classes: i32(all.logits.shape[1]),
            ignoreIndex: i32(ignoreIndex),
          },
          source: (of) => `
${functions(["exponential", "nan"])}
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let i = ${linearIndex};
  if (i >= values.count) { return; }
  let row = i / values.width;
  let target_ = ${of.targets("row")};
  var gradient = 0.0;
  if (target_ != values.ignoreIndex) {
    let x = ${of.logits("i")};
    let largest = ${of.statistics("2u * row")};
    let others = ${of.statistics("2u * row + 1u")};
    let sum = 1.0 + others;
    gradient = exponential(x - largest) / sum;
    // Without cancellation where the probability is close to 1.
    if (i32(values.first + i % values.width) == target_) {
      gradient = select(gradient - 1.0, -others / sum, x == largest);
    }
    gradient *= ${of.grad("row")};
    if (target_ < 0 || target_ >= values.classes) { gradient = nan(); }
  }
  ${of.out("i")} = gradient;
}`,
          workgroups: linear(count),
        });
      }
    },
  };
}
