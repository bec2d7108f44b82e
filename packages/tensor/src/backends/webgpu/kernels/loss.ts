import type { LossKernels } from "../../../contract/index.ts";
import type { Engine } from "../runtime/engine.ts";
import { functions } from "../wgsl/functions.ts";
import { relaid } from "../runtime/split-bindings.ts";
import { i32, reads, writes } from "../runtime/program.ts";
import { exponentialsOfRow } from "../wgsl/row-exponentials.ts";
import { overRows } from "../wgsl/rows.ts";

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
      ${of.statistics("0u")} = row_max;
      ${of.statistics("1u")} = others;
      loss = nan();
      if (target_ >= 0 && target_ < i32(values.width)) {
        // Where the row comes in parts, one of them has the target.
        let i = u32(target_) - values.first;
        if (i >= values.count) { return; }
        loss = row_max - ${of.logits("i")} + logarithmOf1Plus(others);
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

    crossEntropyGradient({ logits, targets, ignoreIndex, statistics, grad, out }) {
      overRows(engine, {
        name: "crossEntropyGradient",
        elements: { logits: reads(logits), out: writes(out) },
        rows: { targets: reads(targets), statistics: reads(statistics), grad: reads(grad) },
        values: { ignoreIndex: i32(ignoreIndex) },
        functions: functions(["exponential", "nan"]),
        begin: (of) => `
  let target_ = ${of.targets("0u")};
  let largest = ${of.statistics("0u")};
  let others = ${of.statistics("1u")};
  let sum = 1.0 + others;`,
        steps: [],
        each: (of) => `
    var gradient = 0.0;
    if (target_ != values.ignoreIndex) {
      let x = ${of.logits("i")};
      gradient = exponential(x - largest) / sum;
      // Without cancellation where the probability is close to 1.
      if (i32(values.first + i) == target_) { gradient = select(gradient - 1.0, -others / sum, x == largest); }
      gradient *= ${of.grad("0u")};
      if (target_ < 0 || target_ >= i32(values.width)) { gradient = nan(); }
    }
    ${of.out("i")} = gradient;`,
        shares: true,
      });
    },
  };
}
