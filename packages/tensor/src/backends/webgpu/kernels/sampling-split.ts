import type { Dense, SamplingKernels } from "../../../contract/index.ts";
import type { Filters } from "../../../sampling.ts";
import type { Engine } from "../runtime/engine.ts";
import { functions } from "../wgsl/functions.ts";
import { relaid } from "../runtime/split-bindings.ts";
import { f32, reads, u32, writes } from "../runtime/program.ts";
import type { Elements } from "../runtime/program.ts";
import { overRows } from "../wgsl/rows.ts";
import { factorOf, weightFunction } from "../wgsl/sampling-weights.ts";

/** What is searched for, each by the ones before: the order of the searches. */
const smallestOfCount = 0;
const smallestOfSum = 1;
const endOfTies = 2;
const index = 3;

/** Words that a round leaves for the next ones: bits of floats, and whole numbers. */
const words = [
  // Of the search that goes on, so far.
  "found",
  // The smallest weight that is kept, how many that equal it, and the index behind the last of them.
  "smallest", "ties", "end",
  // Sums of weights: those above the smallest of top-k, what is enough for top-p, and all that are kept.
  "above", "enough", "total",
] as const;

function wordOf(of: Elements, name: (typeof words)[number]): string {
  return of.state(`${words.indexOf(name)}u`);
}
const floatOf = (of: Elements, name: (typeof words)[number]): string => `bitcast<f32>(${wordOf(of, name)})`;

const firstOfLargest: Filters = { topK: 1, topP: 1, minP: 0 };

/**
 * `sample` for one row that is beyond a binding. Three numbers are found by binary search over their bits, each in rounds over
 * all parts of the row: the smallest weight that top-k and top-p keep (floats from 0 to 1 have the order of their bits), the
 * last index that is kept among weights equal to it, and the index that is drawn, at which the running sum of the weights
 * passes the random number.
 */
export function sampleInParts(
  engine: Engine,
  { logits, uniforms, out, settings }: Parameters<SamplingKernels["sample"]>[0],
  memory: Dense,
): void {
  const { temperature, ...filters } = settings[0];
  const { topK, topP, minP } = temperature === 0 ? firstOfLargest : filters;
  const [, width] = logits.shape;
  const weights = relaid(memory, { shape: [1, width], strides: [width, 1] });
  engine.withScratch(words.length, (scratch) => {
    const state: Dense<"i32"> = { ...scratch, shape: [1, words.length], strides: [words.length, 1], dtype: "i32" };
    overRows(engine, {
      name: "sample weights",
      elements: { logits: reads(logits), weights: writes(weights) },
      rows: { state: writes(state) },
      values: { factor: f32(factorOf(temperature)) },
      functions: `${functions(["infinity"])}${weightFunction}`,
      steps: [{ name: "row_max", start: "-infinity()", combine: "max(a, b)", element: (of) => of.logits("i") }],
      each: (of) => `${of.weights("i")} = weigh(${of.logits("i")}, row_max, values.factor);`,
      once: (of) => `${wordOf(of, "found")} = 0;`,
    });
    const round = (search: number, bit: number): void => {
      overRows(engine, {
        name: "sample round",
        elements: { weights: reads(weights) },
        rows: { state: writes(state), uniforms: reads(uniforms), out: writes(out) },
        values: {
          search: u32(search), bit: u32(bit), topK: u32(topK), topP: f32(topP),
          // Above the other borders are found.
          minP: f32(search === (topP < 1 ? smallestOfSum : smallestOfCount) ? minP : 0),
        },
        functions: `
// A count, and the bits of a sum.
fn both(a: vec2u, b: vec2u) -> vec2u {
  return vec2u(a.x + b.x, bitcast<u32>(bitcast<f32>(a.y) + bitcast<f32>(b.y)));
}
fn see(weight: f32, index: u32, candidate: u32, threshold: f32, smallest: f32, end: u32) -> vec2u {
  var isSeen = weight >= threshold;
  if (values.search >= ${endOfTies}u) {
    let isTie = weight == smallest && index < end;
    let isAbove = weight > smallest && (values.search == ${index}u || values.bit == 0u);
    isSeen = (isTie || isAbove) && (values.search == ${endOfTies}u || index < candidate);
  }
  return select(vec2u(), vec2u(1u, bitcast<u32>(weight)), isSeen);
}`,
        begin: (of) => `
  let found = u32(${wordOf(of, "found")});
  let candidate = found | values.bit;
  let threshold = bitcast<f32>(select(candidate, found + 1u, values.bit == 0u));
  let smallest = ${floatOf(of, "smallest")};
  let end = select(u32(${wordOf(of, "end")}), candidate, values.search == ${endOfTies}u);`,
        steps: [
          {
            name: "seen",
            type: "vec2u",
            combine: "both(a, b)",
            element: (of) => `see(${of.weights("i")}, values.first + i, candidate, threshold, smallest, end)`,
            then: "let sum = bitcast<f32>(seen.y);",
          },
        ],
        once: (of) => `
    if (values.bit != 0u) {
      var isRight = seen.x >= values.topK;
      if (values.search == ${smallestOfSum}u) { isRight = sum >= ${floatOf(of, "enough")}; }
      if (values.search == ${endOfTies}u) { isRight = f32(seen.x) <= ${floatOf(of, "ties")}; }
      if (values.search == ${index}u) {
        let total = ${floatOf(of, "total")};
        isRight = sum <= ${of.uniforms("0u")} * total && sum < total;
      }
      if (isRight) { ${wordOf(of, "found")} = i32(candidate); }
      return;
    }
    ${wordOf(of, "found")} = 0;
    if (values.search == ${index}u) {
      ${of.out("0u")} = i32(min(found, values.width - 1u));
      return;
    }
    if (values.search == ${endOfTies}u) {
      ${wordOf(of, "end")} = i32(found);
      ${wordOf(of, "total")} = bitcast<i32>(sum);
      return;
    }
    var border = bitcast<f32>(found);
    var ties = f32(values.topK - seen.x);
    if (values.search == ${smallestOfCount}u) {
      ${wordOf(of, "above")} = bitcast<i32>(sum);
      ${wordOf(of, "enough")} = bitcast<i32>(values.topP * (sum + ties * border));
    } else {
      var above = sum;
      ties = f32(values.width);
      if (border <= smallest) {
        border = smallest;
        above = ${floatOf(of, "above")};
        ties = ${floatOf(of, "ties")};
      }
      ties = min(ties, max(1.0, ceil((${floatOf(of, "enough")} - above) / border)));
    }
    if (values.minP > border) {
      border = values.minP;
      ties = f32(values.width);
    }
    ${wordOf(of, "smallest")} = bitcast<i32>(border);
    ${wordOf(of, "ties")} = bitcast<i32>(ties);`,
      });
    };
    for (const search of [smallestOfCount, ...(topP < 1 ? [smallestOfSum] : []), endOfTies, index]) {
      for (let bit = 2 ** 29; bit >= 1; bit /= 2) round(search, bit);
      // What was found is made use of.
      round(search, 0);
    }
  });
}
