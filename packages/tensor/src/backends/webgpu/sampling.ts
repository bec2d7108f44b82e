import type { Dense, SamplingKernels } from "../../contract/index.ts";
import { sizeOf } from "../../shape.ts";
import type { Engine } from "./engine.ts";
import { functions } from "./functions.ts";
import { entryArguments, groupIndex, spread } from "./grid.ts";
import { fits, split } from "./parts.ts";
import { f32, reads, u32, writes } from "./program.ts";
import { drawFunctions, neighboursOf } from "./sampling-draw.ts";
import { sampleInParts } from "./sampling-in-parts.ts";
import { rowThreads, together } from "./workgroup.ts";

type Call = Parameters<SamplingKernels["sample"]>[0];

export function sampling(engine: Engine): SamplingKernels {
  return {
    sample({ logits, uniforms, out, ...options }) {
      const axes = { logits: ["rows", null], uniforms: ["rows"], out: ["rows"] } as const;
      for (const { operands } of split(engine, { logits, uniforms, out }, axes, ["out"])) {
        const isWithin = fits(engine, operands.logits);
        engine.withScratch(sizeOf(operands.logits.shape), (weights) => {
          (isWithin ? sampleAtOnce : sampleInParts)(engine, { ...options, ...operands }, weights);
        });
      }
    },
  };
}

/** A workgroup for each row. */
function sampleAtOnce(engine: Engine, { logits, uniforms, out, ...options }: Call, weights: Dense): void {
  const { temperature, topK, topP, minP } = options;
  const [rows, width] = logits.shape;
  const hasBorder = topK < width || topP < 1;
  engine.run({
    name: "sample",
    variant: `${hasBorder}`,
    operands: { logits: reads(logits), uniforms: reads(uniforms), weights: writes(weights), out: writes(out) },
    values: {
      rows: u32(rows),
      width: u32(width),
      neighbours: u32(neighboursOf(width)),
      factor: f32(1 / temperature),
      topK: u32(topK),
      topP: f32(topP),
      minP: f32(minP),
    },
    source: (of) => `
${functions(["exponential", "infinity"])}
${together("largest", "max(a, b)", rowThreads)}
${together("sum", "a + b", rowThreads, "vec2f")}
var<private> start: u32;
${drawFunctions((i) => of.weights(`start + ${i}`))}
${hasBorder ? border((i) => of.weights(`start + ${i}`)) : ""}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let row = ${groupIndex};
  if (row >= values.rows) { return; }
  start = row * values.width;
  var part = -infinity();
  for (var i = local; i < values.width; i += ${rowThreads}u) { part = max(part, ${of.logits("start + i")}); }
  let most = largest(part, local);
  for (var i = local; i < values.width; i += ${rowThreads}u) {
    ${of.weights("start + i")} = exponential((${of.logits("start + i")} - most) * values.factor);
  }
  storageBarrier();
  workgroupBarrier();
  var kept = ${hasBorder ? "border(local)" : "Border(0.0, f32(values.width))"};
  if (values.minP > kept.smallest) { kept = Border(values.minP, f32(values.width)); }
  let first = min(local * values.neighbours, values.width);
  let end = min(first + values.neighbours, values.width);
  let kept_end = keep(first, end, kept, 0.0, local);
  add_up_weights(first, end, 0.0, local);
  let all = sums[${rowThreads - 1}];
  let wanted = ${of.uniforms("row")} * all;
  let index = draw(first, end, wanted, 0.0, local);
  if (index >= 0) { ${of.out("row")} = index; }
  if (local == 0u && !(wanted < all)) { ${of.out("row")} = max(i32(kept_end), 1) - 1; }
}`,
    workgroups: spread(rows),
  });
}

/**
 * WGSL of the border of the weights that top-k and top-p keep: the smallest of them, and how many that equal it. It is
 * found bit by bit, floats from 0 to 1 being ordered as their bits are.
 */
function border(weight: (index: string) => string): string {
  return `
// How many weights are at least so large, and their sum.
fn at_least(bits: u32, local: u32) -> vec2f {
  let smallest = bitcast<f32>(bits);
  var part = vec2f();
  for (var i = local; i < values.width; i += ${rowThreads}u) {
    let weight = ${weight("i")};
    if (weight >= smallest) { part += vec2f(1.0, weight); }
  }
  return sum(part, local);
}
fn border(local: u32) -> Border {
  let wanted_count = f32(values.topK);
  var smallest_bits = 0u;
  for (var bit = 0x20000000u; bit > 0u; bit >>= 1u) {
    if (at_least(smallest_bits | bit, local).x >= wanted_count) { smallest_bits |= bit; }
  }
  // The sum of those above, which are those at least as large as the next float.
  var above = at_least(smallest_bits + 1u, local);
  var ties = wanted_count - above.x;
  let enough = values.topP * (above.y + min(ties, f32(values.width)) * bitcast<f32>(smallest_bits));
  if (values.topP < 1.0) {
    var bits = 0u;
    for (var bit = 0x20000000u; bit > 0u; bit >>= 1u) {
      if (at_least(bits | bit, local).y >= enough) { bits |= bit; }
    }
    // All threads together, whatever comes of it.
    let higher = at_least(bits + 1u, local);
    if (bits > smallest_bits) {
      smallest_bits = bits;
      above = higher;
      ties = f32(values.width);
    }
    ties = min(ties, max(1.0, ceil((enough - above.y) / bitcast<f32>(smallest_bits))));
  }
  return Border(bitcast<f32>(smallest_bits), ties);
}`;
}
