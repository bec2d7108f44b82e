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
    norm({ x, out }) {
      const parts = partsOf(engine, [flat(x)]);
      const groups = parts.map(([part]) => Math.min(sumGroups, Math.ceil(sizeOf(part.shape) / elementsOfGroup)));
      const total = groups.reduce((sum, count) => sum + count, 0);
      engine.withScratch(3 * total, (sums) => {
        let first = 0;
        parts.forEach(([part], i) => {
          sumSquares(engine, part as Dense, narrow(sums, 0, 3 * first, 3 * groups[i]));
          first += groups[i];
        });
        rootOfSums(engine, sums, out);
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

/**
 * Sums of squares are taken at three scales at once, so that one of them is right for any size: 2⁻⁷⁰ for elements whose
 * squares are beyond f32, 1, and 2⁶⁴ for those whose squares are too small for it.
 */
const scales = "vec3f(0x1p-70f, 1.0, 0x1p64f)";

/** Three sums for each workgroup, over every so many-th element. */
function sumSquares(engine: Engine, x: Dense, out: Dense): void {
  engine.run({
    name: "norm",
    operands: { x: reads(x), out: writes(out) },
    values: { count: u32(sizeOf(x.shape)) },
    source: (of) => `
${together("sum", "a + b", rowThreads, "vec3f")}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  var all = vec3f();
  var i = group.x * ${rowThreads}u + local;
  while (i < values.count) {
    var some = vec3f();
    for (var j = 0u; j < ${elementsInTurn}u && i < values.count; j++) {
      let x = ${of.x("i")} * ${scales};
      some += x * x;
      i += groups.x * ${rowThreads}u;
    }
    all += some;
  }
  let total = sum(all, local);
  if (local < 3u) { ${of.out("3u * group.x + local")} = total[local]; }
}`,
    workgroups: [sizeOf(out.shape) / 3],
  });
}

/** The root of what such sums are together. */
function rootOfSums(engine: Engine, sums: Dense, out: Dense): void {
  engine.run({
    name: "norm together",
    operands: { sums: reads(sums), out: writes(out) },
    values: { count: u32(sizeOf(sums.shape) / 3) },
    source: (of) => `
${together("sum", "a + b", rowThreads, "vec3f")}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  var all = vec3f();
  for (var i = local; i < values.count; i += ${rowThreads}u) {
    all += vec3f(${of.sums("3u * i")}, ${of.sums("3u * i + 1u")}, ${of.sums("3u * i + 2u")});
  }
  let total = sum(all, local);
  var norm = sqrt(total.y);
  if (total.y < 0x1p-60f) { norm = sqrt(total.z) * 0x1p-64f; }
  if (!(total.y < 0x1p127f)) { norm = sqrt(total.x) * 0x1p70f; }
  if (local == 0u) { ${of.out("0")} = norm; }
}`,
    workgroups: [1],
  });
}
