import type { ReduceKernels, ReduceOp } from "../../contract/index.ts";
import type { Engine } from "./engine.ts";
import type { FunctionName } from "./functions.ts";
import { functions } from "./functions.ts";
import { groupIndex, spread } from "./grid.ts";
import { f32, reads, u32, writes } from "./program.ts";

/** Threads of a workgroup that reduces one row. */
export const rowThreads = 256;

/** Arguments of an entry point whose workgroup is one row's. */
export const rowArguments =
  "@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32";

/** WGSL of `name(x, local)`: what all threads of a workgroup give together, combined in a fixed order. */
export function together(name: string, combine: string, threads = rowThreads, type = "f32"): string {
  return `
var<workgroup> ${name}Parts: array<${type}, ${threads}>;
fn ${name}(x: ${type}, local: u32) -> ${type} {
  ${name}Parts[local] = x;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half >>= 1u) {
    if (local < half) {
      let a = ${name}Parts[local];
      let b = ${name}Parts[local + half];
      ${name}Parts[local] = ${combine};
    }
    workgroupBarrier();
  }
  let all = ${name}Parts[0];
  workgroupBarrier();
  return all;
}`;
}

interface Reduction {
  readonly start: number;
  readonly combine: string;
  readonly uses: readonly FunctionName[];
}

const reductions: Record<ReduceOp, Reduction> = {
  sum: { start: 0, combine: "a + b", uses: [] },
  max: { start: -Infinity, combine: "larger(a, b)", uses: ["larger"] },
  min: { start: Infinity, combine: "smaller(a, b)", uses: ["smaller"] },
};

/** Columns and rows of a workgroup that reduces columns. */
export const columnThreads = 32;
export const rowLanes = rowThreads / columnThreads;
/** Elements that a thread combines one after the other before it adds the result to others. */
const run = 32;

export function reduce(engine: Engine): ReduceKernels {
  return {
    reduce({ op, x, out }) {
      const [outer, length, inner] = x.shape;
      const { start, combine, uses } = reductions[op];
      const [threads, lanes] = inner === 1 ? [1, rowThreads] : [columnThreads, rowLanes];
      const strips = Math.ceil(inner / threads);
      engine.run({
        name: `reduce ${op}`,
        variant: threads,
        operands: { x: reads(x), out: writes(out) },
        values: { count: u32(outer * strips), strips: u32(strips), length: u32(length), inner: u32(inner), start: f32(start) },
        source: ({ x: element, out: result }) => `
${functions(uses)}
var<workgroup> parts: array<f32, ${rowThreads}>;
fn combine(a: f32, b: f32) -> f32 { return ${combine}; }
@compute @workgroup_size(${rowThreads})
fn main(${rowArguments}) {
  let index = ${groupIndex};
  if (index >= values.count) { return; }
  let outer = index / values.strips;
  let column = (index % values.strips) * ${threads}u + local % ${threads}u;
  let lane = local / ${threads}u;
  var all = values.start;
  if (column < values.inner) {
    var row = lane;
    while (row < values.length) {
      var some = values.start;
      for (var i = 0u; i < ${run}u && row < values.length; i++) {
        some = combine(some, ${element("(outer * values.length + row) * values.inner + column")});
        row += ${lanes}u;
      }
      all = combine(all, some);
    }
  }
  parts[local] = all;
  workgroupBarrier();
  for (var half = ${lanes / 2}u; half > 0u; half >>= 1u) {
    if (lane < half) { parts[local] = combine(parts[local], parts[local + half * ${threads}u]); }
    workgroupBarrier();
  }
  if (lane == 0u && column < values.inner) { ${result("outer * values.inner + column")} = parts[local]; }
}`,
        workgroups: spread(outer * strips),
      });
    },

    argmax({ x, out }) {
      const [rows, length] = x.shape;
      engine.run({
        name: "argmax",
        operands: { x: reads(x), out: writes(out) },
        values: { rows: u32(rows), length: u32(length) },
        source: ({ x: element, out: result }) => `
${functions(["isNaN"])}
struct Best { value: f32, index: u32 }
fn better(a: Best, b: Best) -> Best {
  let first = a.index < b.index;
  let aIsNaN = isNaN(a.value);
  let bIsNaN = isNaN(b.value);
  let same = (aIsNaN && bIsNaN) || (!aIsNaN && !bIsNaN && a.value == b.value);
  let takesA = (same && first) || (!same && (aIsNaN || (!bIsNaN && a.value > b.value)));
  if (takesA) { return a; }
  return b;
}
${together("best", "better(a, b)", rowThreads, "Best")}
@compute @workgroup_size(${rowThreads})
fn main(${rowArguments}) {
  let row = ${groupIndex};
  if (row >= values.rows) { return; }
  // Threads without an element of their own look at the first one.
  var mine = Best(${element("row * values.length")}, 0u);
  for (var i = local; i < values.length; i += ${rowThreads}u) {
    mine = better(mine, Best(${element("row * values.length + i")}, i));
  }
  let all = best(mine, local);
  if (local == 0u) { ${result("row")} = i32(all.index); }
}`,
        workgroups: spread(rows),
      });
    },
  };
}
