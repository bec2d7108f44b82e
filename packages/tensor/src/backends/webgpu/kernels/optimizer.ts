import type { Dense, OptimizerKernels } from "../../../contract/index.ts";
import { momentFactors } from "../../../moment-factors.ts";
import { sizeOf } from "../../../shape.ts";
import type { Engine } from "../runtime/engine.ts";
import { functions } from "../wgsl/functions.ts";
import { entryArguments, linear, linearIndex, linearSize } from "../runtime/grid.ts";
import { flat, narrow, partsOf, relaid } from "../runtime/split-bindings.ts";
import { f32, reads, u32, writes } from "../runtime/program.ts";
import { overRows } from "../wgsl/rows.ts";

export function optimizer(engine: Engine): OptimizerKernels {
  return {
    norm({ x, out }) {
      const count = sizeOf(x.shape);
      overRows(engine, {
        name: "norm",
        elements: { x: reads(relaid(x, { shape: [1, count], strides: [count, 1] })) },
        rows: { out: writes(out) },
        functions: functions(["squaresAtScales", "rootOfSquares"]),
        steps: [{ name: "squares", type: "vec3f", element: (of) => `squaresAtScales(${of.x("i")}, 0.0)` }],
        once: (of) => `${of.out("0u")} = rootOfSquares(squares);`,
        shares: true,
      });
    },

    adamw({ parameters, gradients, firstMoments, secondMoments, gradScale, ranges, ...options }) {
      const { learningRate, beta1, beta2, epsilon, step } = options;
      const { before, after } = momentFactors(options);
      for (const { start, end, weightDecay } of ranges) {
        if (start === end) continue;
        const some = (bucket: Dense): Dense => narrow(flat(bucket), 0, start, end - start);
        const buckets = { p: some(parameters), gradient: some(gradients), m: some(firstMoments), v: some(secondMoments) };
        for (const { operands } of partsOf(engine, buckets, ["p", "m", "v"])) {
          const { p, gradient, m, v } = operands;
          const count = sizeOf(p.shape);
          engine.run({
            name: "adamw",
            operands: { p: writes(p), m: writes(m), v: writes(v), gradient: reads(gradient), scale: reads(gradScale) },
            values: {
              count: u32(count),
              beta1: f32(beta1),
              rest1: f32(1 - beta1),
              beta2: f32(beta2),
              rest2: f32(1 - beta2),
              before: f32(before),
              after: f32(after),
              // Of the root: before it, the correction might overflow.
              inverse2: f32(1 / Math.sqrt(1 - beta2 ** step)),
              epsilon: f32(epsilon),
              decay: f32(learningRate * weightDecay),
            },
            source: (of) => `
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let i = ${linearIndex};
  if (i >= values.count) { return; }
  let gradient = ${of.gradient("i")} * ${of.scale("0")};
  let first = values.beta1 * ${of.m("i")} + values.rest1 * gradient;
  let second = values.beta2 * ${of.v("i")} + values.rest2 * gradient * gradient;
  let old = ${of.p("i")};
  let update = first * values.before / (sqrt(second) * values.inverse2 + values.epsilon) * values.after;
  ${of.m("i")} = first;
  ${of.v("i")} = second;
  ${of.p("i")} = old - (values.decay * old + update);
}`,
            workgroups: linear(count),
          });
        }
      }
    },
  };
}
