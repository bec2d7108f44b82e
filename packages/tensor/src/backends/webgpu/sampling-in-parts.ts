import type { Dense, SamplingKernels, View } from "../../contract/index.ts";
import type { Engine } from "./engine.ts";
import { functions } from "./functions.ts";
import { entryArguments } from "./grid.ts";
import { relaid, split } from "./parts.ts";
import { f32, reads, u32, writes } from "./program.ts";
import type { Elements } from "./program.ts";
import { overRows } from "./rows.ts";
import { drawFunctions, neighboursOf } from "./sampling-draw.ts";
import { rowThreads } from "./workgroup.ts";

type Call = Parameters<SamplingKernels["sample"]>[0];

/** Words that one kernel leaves for the next ones: bits of floats, and whole numbers. */
const words = [
  // The smallest weight that top-k keeps, how many that equal it, the sum of those above it, and what is enough for top-p.
  "smallest", "ties", "above", "enough",
  // The smallest weight that top-p keeps.
  "smallestOfSum",
  // The border, of what both keep.
  "border", "borderTies",
  // What there is in the parts before: weights that equal the border, sums, and the last index that is kept.
  "equals", "total", "running", "last",
] as const;

/** WGSL of a word of `state`. */
function wordOf(of: Elements, name: (typeof words)[number]): string {
  return of.state(`${words.indexOf(name)}u`);
}

function floatOf(of: Elements, name: (typeof words)[number]): string {
  return `bitcast<f32>(${wordOf(of, name)})`;
}

/** `sample` for one row that is beyond a binding: part by part, which leave for one another what they found. */
export function sampleInParts(engine: Engine, { logits, uniforms, out, ...options }: Call, weights: Dense): void {
  const { temperature, topK, topP, minP } = options;
  const [, width] = logits.shape;
  const row = relaid(weights, { shape: [1, width], strides: [width, 1] });
  engine.withScratch(words.length, (scratch) => {
    const state: Dense<"i32"> = { ...scratch, shape: [1, words.length], strides: [words.length, 1], dtype: "i32" };
    overRows(engine, {
      name: "sample weights",
      elements: { logits: reads(logits), weights: writes(row) },
      rows: { state: writes(state) },
      values: { factor: f32(1 / temperature), minP: f32(minP) },
      functions: functions(["exponential", "infinity"]),
      steps: [{ name: "most", start: "-infinity()", combine: "max(a, b)", element: (of) => of.logits("i") }],
      each: (of) => `${of.weights("i")} = exponential((${of.logits("i")} - most) * values.factor);`,
      once: (of) => `
    for (var word = 0u; word < ${words.length}u; word++) { ${of.state("word")} = 0; }
    ${wordOf(of, "borderTies")} = bitcast<i32>(f32(values.width));`,
    });
    if (topK < width || topP < 1) findBorder(engine, row, state, { topK, topP });
    for (const isDraw of [false, true]) {
      for (const { operands, starts } of split(engine, { weights: row }, { weights: [null, "columns"] }, ["weights"])) {
        const part = { weights: operands.weights, first: starts.columns, isLast: starts.columns + operands.weights.shape[1] === width };
        if (isDraw) drawPart(engine, part, state, { uniforms, out });
        else keepPart(engine, part, state, { minP, width });
      }
    }
  });
}

/** See `border` in `sampling.ts`: its rounds, each of which goes over the parts of the row. */
function findBorder(engine: Engine, weights: View, state: Dense<"i32">, { topK, topP }: Pick<Call, "topK" | "topP">): void {
  const round = (ofSum: boolean, bit: number): void => {
    overRows(engine, {
      name: "sample border",
      elements: { weights: reads(weights) },
      rows: { state: writes(state) },
      // After the last bit: those above what was found.
      values: { ofSum: u32(ofSum ? 1 : 0), bit: u32(bit), topK: u32(topK), topP: f32(topP) },
      functions: `
// A whole number, and the bits of a float.
fn both(a: vec2u, b: vec2u) -> vec2u {
  return vec2u(a.x + b.x, bitcast<u32>(bitcast<f32>(a.y) + bitcast<f32>(b.y)));
}`,
      begin: (of) => `
  let found = u32(select(${wordOf(of, "smallest")}, ${wordOf(of, "smallestOfSum")}, values.ofSum != 0u));
  let candidate = bitcast<f32>(select(found | values.bit, found + 1u, values.bit == 0u));`,
      steps: [
        {
          name: "atLeast",
          type: "vec2u",
          combine: "both(a, b)",
          element: (of) => `select(vec2u(), vec2u(1u, bitcast<u32>(${of.weights("i")})), ${of.weights("i")} >= candidate)`,
          then: "let sum = bitcast<f32>(atLeast.y);",
        },
      ],
      once: (of) => `
    if (values.bit != 0u) {
      if (values.ofSum == 0u && atLeast.x >= values.topK) { ${wordOf(of, "smallest")} = i32(found | values.bit); }
      if (values.ofSum != 0u && sum >= ${floatOf(of, "enough")}) { ${wordOf(of, "smallestOfSum")} = i32(found | values.bit); }
      return;
    }
    let all = f32(values.width);
    if (values.ofSum == 0u) {
      let ties = f32(values.topK - atLeast.x);
      let enough = values.topP * (sum + min(ties, all) * bitcast<f32>(found));
      ${wordOf(of, "above")} = bitcast<i32>(sum);
      ${wordOf(of, "enough")} = bitcast<i32>(enough);
      ${wordOf(of, "ties")} = bitcast<i32>(ties);
      ${wordOf(of, "border")} = i32(found);
      ${wordOf(of, "borderTies")} = bitcast<i32>(ties);
      return;
    }
    let ofCount = u32(${wordOf(of, "smallest")});
    let smallest = max(found, ofCount);
    let above = select(${floatOf(of, "above")}, sum, found > ofCount);
    let ties = select(${floatOf(of, "ties")}, all, found > ofCount);
    let some = max(1.0, ceil((${floatOf(of, "enough")} - above) / bitcast<f32>(smallest)));
    ${wordOf(of, "border")} = i32(smallest);
    ${wordOf(of, "borderTies")} = bitcast<i32>(min(ties, some));`,
    });
  };
  for (const ofSum of topP < 1 ? [false, true] : [false]) {
    for (let bit = 0x20000000; bit >= 1; bit /= 2) round(ofSum, bit);
    round(ofSum, 0);
  }
}

interface RowPart {
  readonly weights: View;
  readonly first: number;
  readonly isLast: boolean;
}

/** Leaves out the weights of a part that are not kept, and adds up what is. */
function keepPart(engine: Engine, { weights, first }: RowPart, state: Dense<"i32">, { minP, width }: { minP: number; width: number }): void {
  const count = weights.shape[1];
  engine.run({
    name: "sample keep",
    operands: { weights: writes(weights), state: writes(state) },
    values: { count: u32(count), neighbours: u32(neighboursOf(count)), before: u32(first), minP: f32(minP), width: u32(width) },
    source: (of) => `
${drawFunctions(of.weights)}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let first = min(local * values.neighbours, values.count);
  let end = min(first + values.neighbours, values.count);
  var border = Border(${floatOf(of, "border")}, ${floatOf(of, "borderTies")});
  if (values.minP > border.smallest) { border = Border(values.minP, f32(values.width)); }
  let equals = ${floatOf(of, "equals")};
  let total = ${floatOf(of, "total")};
  let kept_end = keep(first, end, border, equals, local);
  let equals_after = sums[${rowThreads - 1}];
  add_up_weights(first, end, total, local);
  if (local > 0u) { return; }
  let total_after = sums[${rowThreads - 1}];
  ${wordOf(of, "equals")} = bitcast<i32>(equals_after);
  ${wordOf(of, "total")} = bitcast<i32>(total_after);
  if (kept_end > 0u) { ${wordOf(of, "last")} = i32(values.before + kept_end) - 1; }
}`,
    workgroups: [1],
  });
}

function drawPart(
  engine: Engine, { weights, first, isLast }: RowPart, state: Dense<"i32">, { uniforms, out }: Pick<Call, "uniforms" | "out">,
): void {
  const count = weights.shape[1];
  engine.run({
    name: "sample draw",
    operands: { weights: writes(weights), state: writes(state), uniforms: reads(uniforms), out: writes(out) },
    values: { count: u32(count), neighbours: u32(neighboursOf(count)), before: u32(first), isLast: u32(isLast ? 1 : 0) },
    source: (of) => `
${drawFunctions(of.weights)}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let first = min(local * values.neighbours, values.count);
  let end = min(first + values.neighbours, values.count);
  let running = ${floatOf(of, "running")};
  add_up_weights(first, end, running, local);
  let after = sums[${rowThreads - 1}];
  let wanted = ${of.uniforms("0u")} * ${floatOf(of, "total")};
  let index = draw(first, end, wanted, running, local);
  if (index >= 0) { ${of.out("0u")} = i32(values.before) + index; }
  if (local > 0u) { return; }
  ${wordOf(of, "running")} = bitcast<i32>(after);
  if (values.isLast != 0u && !(wanted < after)) { ${of.out("0u")} = ${wordOf(of, "last")}; }
}`,
    workgroups: [1],
  });
}
