import type { Dense, OptimizerKernels } from "../../contract/index.ts";
import { sizeOf } from "../../shape.ts";
import type { Engine } from "./engine.ts";
import { entryArguments, linear, linearIndex, linearSize } from "./grid.ts";
import { flat, narrow, partsOf } from "./parts.ts";
import { f32, reads, u32, writes } from "./program.ts";
import { elementsInTurn, rowThreads, together } from "./workgroup.ts";

/** Workgroups that share a sum, at the most, and elements that each should have. */
const sumGroups = 512;
const elementsOfGroup = 8 * rowThreads;

export function optimizer(engine: Engine): OptimizerKernels {
  return {
    sumSquares({ x, out }) {
      const parts = partsOf(engine, [flat(x)]);
      const groups = parts.map(([part]) => Math.min(sumGroups, Math.ceil(sizeOf(part.shape) / elementsOfGroup)));
      const total = groups.reduce((sum, count) => sum + count, 0);
      engine.withScratch(total, (sums) => {
        let first = 0;
        parts.forEach(([part], i) => {
          sumInto(engine, "sumSquares", part as Dense, narrow(sums, 0, first, groups[i]), "x * x");
          first += groups[i];
        });
        sumInto(engine, "sumSquares together", sums, out, "x");
      });
    },

    adamw({ parameters, gradients, firstMoments, secondMoments, gradScale, ranges, ...options }) {
      const { learningRate, beta1, beta2, epsilon, step } = options;
      const buckets = [parameters, gradients, firstMoments, secondMoments].map(flat);
      for (const { start, end, weightDecay } of ranges) {
        if (start === end) continue;
        const some = buckets.map((bucket) => narrow(bucket, 0, start, end - start));
        for (const [p, gradient, m, v] of partsOf(engine, some)) {
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
              inverse2: f32(1 / (1 - beta2 ** step)),
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
  let update = first * values.inverse1 / (sqrt(second * values.inverse2) + values.epsilon);
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

/** `out[group] = Σ of expression(x)` over every so many-th element, one sum for each workgroup. */
function sumInto(engine: Engine, name: string, x: Dense, out: Dense, expression: string): void {
  const groups = sizeOf(out.shape);
  engine.run({
    name,
    operands: { x: reads(x), out: writes(out) },
    values: { count: u32(sizeOf(x.shape)) },
    source: (of) => `
${together("sum", "a + b", rowThreads)}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  var all = 0.0;
  var i = group.x * ${rowThreads}u + local;
  while (i < values.count) {
    var some = 0.0;
    for (var j = 0u; j < ${elementsInTurn}u && i < values.count; j++) {
      let x = ${of.x("i")};
      some += ${expression};
      i += groups.x * ${rowThreads}u;
    }
    all += some;
  }
  let total = sum(all, local);
  if (local == 0u) { ${of.out("group.x")} = total; }
}`,
    workgroups: [groups],
  });
}
