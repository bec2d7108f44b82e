import type { TopKKernels } from "../../../contract/index.ts";
import type { Engine } from "../runtime/engine.ts";
import { betterElement } from "../wgsl/better-element.ts";
import { entryArguments, groupIndex, spread } from "../runtime/grid.ts";
import { reads, u32, writes } from "../runtime/program.ts";
import { split } from "../runtime/split-bindings.ts";
import { rowThreadsFor, together } from "../wgsl/workgroup.ts";

export function topK(engine: Engine): TopKKernels {
  return {
    topK({ x, out }) {
      const [, length] = x.shape;
      const threads = rowThreadsFor(length);
      for (const { operands } of split(engine, { x, out }, { x: ["rows", null], out: ["rows", null] }, ["out"])) {
        const { x, out } = operands;
        const [rows, k] = out.shape;
        engine.run({
          name: "topK",
          variant: threads,
          operands: { x: reads(x), out: writes(out) },
          values: { rows: u32(rows), length: u32(length), k: u32(k) },
          // In each round the best of those that come behind the last one that was found.
          source: (of) => `
${betterElement}
${together("best_of", "better(a, b)", threads, "vec2u")}
@compute @workgroup_size(${threads})
fn main(${entryArguments}) {
  let row = ${groupIndex};
  if (row >= values.rows) { return; }
  var last = vec2u();
  for (var round = 0u; round < values.k; round++) {
    var own = noElement;
    for (var i = local; i < values.length; i += ${threads}u) {
      let element = vec2u(bitcast<u32>(${of.x("row * values.length + i")}), i);
      if (round == 0u || (element.y != last.y && comesFirst(last, element))) { own = better(own, element); }
    }
    last = best_of(own, local);
    if (local == 0u) { ${of.out("row * values.k + round")} = i32(last.y); }
    workgroupBarrier();
  }
}`,
          workgroups: spread(rows),
        });
      }
    },
  };
}
