import type { Dense, OptimizerKernels } from "../../contract/index.ts";
import { sizeOf } from "../../shape.ts";
import type { Engine } from "./engine.ts";
import { entryArguments, linear, linearIndex, linearSize } from "./grid.ts";
import { flat, narrow, partsOf, relaid } from "./parts.ts";
import { f32, reads, u32, writes } from "./program.ts";
import { overRows } from "./rows.ts";

/**
 * Sums of squares are taken at three scales at once, so that one of them is right for any size: 2⁻⁷⁰ for elements whose
 * squares are beyond f32, 1, and 2⁶⁴ for those whose squares are too small for it.
 */
const scales = "vec3f(0x1p-70f, 1.0, 0x1p64f)";

export function optimizer(engine: Engine): OptimizerKernels {
  return {
    norm({ x, out }) {
      const count = sizeOf(x.shape);
      overRows(engine, {
        name: "norm",
        elements: { x: reads(relaid(x, { shape: [1, count], strides: [count, 1] })) },
        rows: { out: writes(out) },
        functions: `
fn squares(x: f32) -> vec3f {
  let scaled = x * ${scales};
  return scaled * scaled;
}`,
        steps: [{ name: "total", type: "vec3f", element: (of) => `squares(${of.x("i")})` }],
        once: (of) => `
    var norm = sqrt(total.y);
    if (total.y < 0x1p-60f) { norm = sqrt(total.z) * 0x1p-64f; }
    if (!(total.y < 0x1p127f)) { norm = sqrt(total.x) * 0x1p70f; }
    ${of.out("0u")} = norm;`,
        shares: true,
      });
    },

    adamw({ parameters, gradients, firstMoments, secondMoments, gradScale, ranges, ...options }) {
      const { learningRate, beta1, beta2, epsilon, step } = options;
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
              inverse1: f32(1 / (1 - beta1 ** step)),
              // Of the root: before it, the correction might overflow.
              inverse2: f32(1 / Math.sqrt(1 - beta2 ** step)),
              epsilon: f32(epsilon),
              learningRate: f32(learningRate),
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
  let update = first * values.inverse1 / (sqrt(second) * values.inverse2 + values.epsilon);
  ${of.m("i")} = first;
  ${of.v("i")} = second;
  ${of.p("i")} = old - (values.decay * old + values.learningRate * update);
}`,
            workgroups: linear(count),
          });
        }
      }
    },
  };
}
