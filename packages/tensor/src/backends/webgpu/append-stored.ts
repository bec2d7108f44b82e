import type { AttentionKernels, WeightFormat } from "../../contract/index.ts";
import { blockColumns } from "../../weight-format.ts";
import type { Engine } from "./engine.ts";
import { entryArguments, linear, linearIndex, linearSize } from "./grid.ts";
import { reads, u32, writes } from "./program.ts";

import { blockWords, halfFunction } from "./stored.ts";

type Call = Parameters<AttentionKernels["appendStored"]>[0];

/** A thread for two blocks of a row, whose scales share a word. */
export function appendStored(engine: Engine, { x, cache, start }: Call): void {
  const { format, shape, values, scales } = cache;
  const [count, kvHeads, headDim] = x.shape;
  const pairs = Math.ceil(headDim / (2 * blockColumns));
  const total = count * kvHeads * pairs;
  const words = blockWords[format];
  engine.run({
    name: "appendStored",
    variant: format,
    operands: { x: reads(x), out: writes(values), ...(scales ? { scales: writes(scales) } : {}) },
    values: {
      total: u32(total),
      pairs: u32(pairs),
      heads: u32(kvHeads),
      width: u32(headDim),
      capacity: u32(shape[0] / kvHeads),
      start: u32(start),
      x_row: u32(x.strides[0]),
      x_head: u32(x.strides[1]),
      words: u32(values.shape[1]),
      scale_words: u32(scales?.shape[1] ?? 0),
    },
    source: (of) => `
${halfFunction}
${toHalf}
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let index = ${linearIndex};
  if (index >= values.total) { return; }
  let pair = index % values.pairs;
  let head = (index / values.pairs) % values.heads;
  let row = index / values.pairs / values.heads;
  let to = head * values.capacity + values.start + row;
  let origin = row * values.x_row + head * values.x_head;
  var scale_word = 0u;
  for (var side = 0u; side < 2u; side++) {
    let block = pair * 2u + side;
    if (block * ${blockColumns}u >= values.width) { continue; }
    var x = array<f32, ${blockColumns}>();
    for (var i = 0u; i < ${blockColumns}u; i++) {
      let column = block * ${blockColumns}u + i;
      if (column < values.width) { x[i] = ${of.x("origin + column")}; }
    }
    var words = array<u32, ${words}>();
    ${encoders[format]}
    for (var i = 0u; i < ${words}u; i++) {
      ${of.out(`to * values.words + block * ${words}u + i`)} = bitcast<i32>(words[i]);
    }
  }
  ${scales ? `${of.scales("to * values.scale_words + pair")} = bitcast<i32>(scale_word);` : ""}
}`,
    workgroups: linear(total),
  });
}

/** WGSL of the bits of the binary16 number nearest to a finite one, the even one of two. */
const toHalf = `
fn to_half(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let sign = (bits >> 16u) & 0x8000u;
  let size = bits & 0x7fffffffu;
  // Subnormal: adding ½ lets the addition round to multiples of 2⁻²⁴.
  if (size < 0x38800000u) { return sign | (bitcast<u32>(abs(x) + 0.5) - 0x3f000000u); }
  return sign | ((size + 0xfffu + ((size >> 13u) & 1u) - 0x38000000u) >> 13u);
}`;

const extreme = `
    var extreme = 0.0;
    for (var i = 0u; i < ${blockColumns}u; i++) { if (abs(x[i]) > abs(extreme)) { extreme = x[i]; } }`;

const scale = (step: string): string => `
    let bits = to_half(${step});
    let step = half(bits);
    let inverse = select(1.0 / step, 0.0, step == 0.0);
    scale_word |= bits << (16u * side);`;

/** WGSL that encodes `x` as `words`, as `weight-format.ts` does. */
const encoders: Record<WeightFormat, string> = {
  f16: `
    for (var i = 0u; i < ${blockColumns}u; i += 2u) { words[i / 2u] = to_half(x[i]) | (to_half(x[i + 1u]) << 16u); }`,
  bf16: `
    for (var i = 0u; i < ${blockColumns}u; i++) {
      let bits = bitcast<u32>(x[i]);
      words[i / 2u] |= ((bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u) << (16u * (i & 1u));
    }`,
  int8: `${extreme}
    ${scale("abs(extreme) / 127.0")}
    for (var i = 0u; i < ${blockColumns}u; i++) {
      let code = i32(clamp(round(x[i] * inverse), -127.0, 127.0));
      words[i / 4u] |= (bitcast<u32>(code) & 0xffu) << (8u * (i & 3u));
    }`,
  // The step with the least squared error among some candidates; with codes q it is Σxq / Σq².
  int4: `${extreme}
    var multiples = array<f32, 8>(-8.0, -8.5, -9.0, -7.5, -7.0, -6.5, -6.0, -5.0);
    var best = 0.0;
    var best_gain = 0.0;
    for (var candidate = 0u; candidate < 8u && extreme != 0.0; candidate++) {
      let inverse = multiples[candidate] / extreme;
      var products = 0.0;
      var squares = 0.0;
      for (var i = 0u; i < ${blockColumns}u; i++) {
        let q = clamp(round(x[i] * inverse), -8.0, 7.0);
        products += x[i] * q;
        squares += q * q;
      }
      let gain = products * products / squares;
      // By more than rounding, so that elements which a step fits exactly keep that step.
      if (gain > best_gain * 1.000001) {
        best = products / squares;
        best_gain = gain;
      }
    }
    ${scale("best")}
    for (var i = 0u; i < ${blockColumns}u; i++) {
      let code = u32(clamp(round(x[i] * inverse), -8.0, 7.0) + 8.0);
      words[(i & 15u) / 4u] |= code << (8u * (i & 3u) + 4u * (i / 16u));
    }`,
};
