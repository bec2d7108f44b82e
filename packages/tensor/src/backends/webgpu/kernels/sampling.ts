import type { Dense, SamplingKernels } from "../../../contract/index.ts";
import { sizeOf } from "../../../shape.ts";
import type { Engine } from "../runtime/engine.ts";
import { functions } from "../wgsl/functions.ts";
import { entryArguments, groupIndex, spread } from "../runtime/grid.ts";
import { fits, split } from "../runtime/split-bindings.ts";
import { f32, reads, u32, writes } from "../runtime/program.ts";
import type { Operand, Value } from "../runtime/program.ts";
import { sampleInParts } from "./sampling-split.ts";
import { factorOf, weightFunction } from "../wgsl/sampling-weights.ts";
import { rowThreads, together } from "../wgsl/workgroup.ts";

type SampleCall = Parameters<SamplingKernels["sample"]>[0];

export function sampling(engine: Engine): SamplingKernels {
  return {
    sample({ logits, uniforms, settings, out }) {
      const axes = { logits: ["rows", null], uniforms: ["rows"], out: ["rows"] } as const;
      for (const { operands, starts } of split(engine, { logits, uniforms, out }, axes, ["out"])) {
        const [rows] = operands.out.shape;
        const own = settings.length > 1 ? settings.slice(starts.rows, starts.rows + rows) : settings;
        const sampleRows = fits(engine, operands.logits) ? sampleAtOnce : sampleInParts;
        engine.withScratch(sizeOf(operands.logits.shape), (weights) => {
          sampleRows(engine, { ...operands, settings: own }, weights);
        });
      }
    },
  };
}

/** A workgroup for each row. Settings are numbers of the call where all rows have the same, else a table. */
function sampleAtOnce(engine: Engine, call: SampleCall, weights: Dense): void {
  const settings = call.settings.map(({ temperature, topK, topP, minP }) => [factorOf(temperature), topK, topP, minP]);
  if (settings.length === 1) {
    const [factor, topK, topP, minP] = settings[0].map(f32);
    run(engine, call, weights, {}, { factor, topK, topP, minP });
    return;
  }
  engine.withScratch(4 * settings.length, (table) => {
    engine.write(table, Float32Array.from(settings.flat()));
    run(engine, call, weights, { settings: reads(table, 4) }, {});
  });
}

function run(
  engine: Engine,
  { logits, uniforms, settings, out }: SampleCall,
  weights: Dense,
  table: Readonly<Record<string, Operand>>,
  numbers: Readonly<Record<string, Value>>,
): void {
  const [rows, width] = logits.shape;
  const isFiltered = settings.some(({ topK, topP }) => topK < width || topP < 1);
  engine.run({
    name: "sample",
    variant: `${isFiltered}`,
    operands: { logits: reads(logits), uniforms: reads(uniforms), ...table, weights: writes(weights), out: writes(out) },
    values: {
      rows: u32(rows),
      width: u32(width),
      // Of what each thread draws from.
      share: u32(Math.ceil(width / rowThreads)),
      ...numbers,
    },
    source: (of) => `
${functions(["infinity"])}
${weightFunction}
${together("largest", "max(a, b)", rowThreads)}
${together("sum", "a + b", rowThreads, "vec2f")}
struct Border { smallest: f32, ties: f32 }
${isFiltered ? border((i) => of.weights(`start + ${i}`)) : ""}
var<workgroup> ties: array<f32, ${rowThreads}>;
var<workgroup> ends: array<f32, ${rowThreads}>;
var<workgroup> lasts: array<u32, ${rowThreads}>;
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let row = ${groupIndex};
  if (row >= values.rows) { return; }
  let start = row * values.width;
  let setting = ${"settings" in table ? of.settings("row") : "vec4f(values.factor, values.topK, values.topP, values.minP)"};
  let factor = setting.x;
  let topK = setting.y;
  let topP = setting.z;
  let minP = setting.w;
  var part = -infinity();
  for (var i = local; i < values.width; i += ${rowThreads}u) { part = max(part, ${of.logits("start + i")}); }
  let row_max = largest(part, local);
  for (var i = local; i < values.width; i += ${rowThreads}u) {
    ${of.weights("start + i")} = weigh(${of.logits("start + i")}, row_max, factor);
  }
  storageBarrier();
  workgroupBarrier();
  var kept = Border(0.0, f32(values.width));
  if (factor == 0.0) {
    kept = Border(1.0, 1.0);
  } ${isFiltered ? "else if (topK < f32(values.width) || topP < 1.0) { kept = border(start, local, topK, topP); }" : ""}
  if (minP > kept.smallest) { kept = Border(minP, f32(values.width)); }

  // Each thread has some neighbours; how many of them equal the smallest decides which of the next threads' stay.
  let first = min(local * values.share, values.width);
  let end = min(first + values.share, values.width);
  var equals = 0.0;
  for (var i = first; i < end; i++) { equals += select(0.0, 1.0, ${of.weights("start + i")} == kept.smallest); }
  ties[local] = equals;
  workgroupBarrier();
  if (local == 0u) {
    var before = 0.0;
    for (var i = 0u; i < ${rowThreads}u; i++) {
      let own = ties[i];
      ties[i] = before;
      before += own;
    }
  }
  workgroupBarrier();
  var own = 0.0;
  var last = 0u;
  equals = ties[local];
  for (var i = first; i < end; i++) {
    var weight = ${of.weights("start + i")};
    if (weight == kept.smallest) {
      equals += 1.0;
      if (equals > kept.ties) { weight = 0.0; }
    }
    if (weight < kept.smallest) { weight = 0.0; }
    if (weight > 0.0) { last = i; }
    own += weight;
    ${of.weights("start + i")} = weight;
  }
  ends[local] = own;
  lasts[local] = last;
  workgroupBarrier();
  if (local == 0u) {
    var running = 0.0;
    var all_last = 0u;
    for (var i = 0u; i < ${rowThreads}u; i++) {
      running += ends[i];
      ends[i] = running;
      all_last = max(all_last, lasts[i]);
    }
    lasts[0] = all_last;
  }
  workgroupBarrier();
  let wanted = ${of.uniforms("row")} * ends[${rowThreads - 1}];
  var running = 0.0;
  if (local > 0u) { running = ends[local - 1u]; }
  if (wanted >= running && wanted < ends[local]) {
    var index = first;
    for (var i = first; i < end; i++) {
      let weight = ${of.weights("start + i")};
      running += weight;
      if (weight > 0.0) { index = i; }
      if (running > wanted) { break; }
    }
    ${of.out("row")} = i32(index);
  } else if (local == 0u && !(wanted < ends[${rowThreads - 1}])) {
    ${of.out("row")} = i32(lasts[0]);
  }
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
fn at_least(bits: u32, start: u32, local: u32) -> vec2f {
  let smallest = bitcast<f32>(bits);
  var part = vec2f();
  for (var i = local; i < values.width; i += ${rowThreads}u) {
    let weight = ${weight("i")};
    if (weight >= smallest) { part += vec2f(1.0, weight); }
  }
  return sum(part, local);
}
fn border(start: u32, local: u32, wanted_count: f32, topP: f32) -> Border {
  var smallest_bits = 0u;
  for (var bit = 0x20000000u; bit > 0u; bit >>= 1u) {
    if (at_least(smallest_bits | bit, start, local).x >= wanted_count) { smallest_bits |= bit; }
  }
  // The sum of those above, which are those at least as large as the next float.
  var above = at_least(smallest_bits + 1u, start, local);
  var ties = wanted_count - above.x;
  let enough = topP * (above.y + min(ties, f32(values.width)) * bitcast<f32>(smallest_bits));
  if (topP < 1.0) {
    var bits = 0u;
    for (var bit = 0x20000000u; bit > 0u; bit >>= 1u) {
      if (at_least(bits | bit, start, local).y >= enough) { bits |= bit; }
    }
    // All threads together, whatever comes of it.
    let higher = at_least(bits + 1u, start, local);
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
