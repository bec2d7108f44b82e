import type { AttentionKernels, PackedCacheDType, View } from "../../../contract/index.ts";
import type { DType } from "../../../dtype.ts";
import { blockColumns, weightFormats } from "../../../weight-format.ts";
import { sequenceFunctions, sequenceOfRow, sequencesOf, sequenceTable } from "./attention-sequences.ts";
import type { Sequences } from "./attention-sequences.ts";
import type { Engine } from "../runtime/engine.ts";
import { entryArguments, linear, linearIndex, linearSize } from "../runtime/grid.ts";
import { split } from "../runtime/split-bindings.ts";
import type { AxesOf, SteppedAxis } from "../runtime/split-bindings.ts";
import { reads, u32, writes } from "../runtime/program.ts";
import type { Elements } from "../runtime/program.ts";
import { halfFunction } from "../wgsl/packed.ts";

/** Columns of two blocks, whose scales share a word. */
const pairColumns = 2 * blockColumns;

/** What is written, and of which rows: those of `x`, and of the cache. */
interface Operands {
  readonly x: View;
  readonly out: View<DType>;
  readonly scales: View<"i32"> | null;
}

export function append(engine: Engine, { x, target, batch }: Parameters<AttentionKernels["append"]>[0]): void {
  const { dtype, values, scales } = target;
  const sequences = sequencesOf(batch);
  if (sequences.count === 0) return;
  const column = (step: number): SteppedAxis<"columns"> => ({ axis: "columns", step });
  const [read, written] = dtype === "f32" ? [1, 1] : [pairColumns, 2 * weightFormats[dtype].words];
  const whole = { x, out: values as View<DType>, scales };
  const axes: AxesOf<typeof whole, "queries" | "keys" | "heads" | "columns"> = {
    x: ["queries", "heads", column(read)],
    out: ["keys", "heads", column(written)],
    scales: ["keys", "heads", "columns"],
  };
  for (const { operands, starts } of split(engine, whole, axes, ["out", "scales"])) {
    appendPart(engine, dtype, sequences, operands, starts);
  }
}

function appendPart(
  engine: Engine, dtype: PackedCacheDType | "f32", sequences: Sequences, { x, out, scales }: Operands,
  starts: { readonly queries: number; readonly keys: number },
): void {
  const [count, heads, width] = x.shape;
  const pairs = Math.ceil(width / (dtype === "f32" ? 1 : pairColumns));
  const total = count * heads * pairs;
  const mask = { causal: true, window: null };
  const [queryRows, keyRows] = [{ first: starts.queries, count }, { first: starts.keys, count: out.shape[0] }];
  const table = sequenceTable(sequences, mask, queryRows, keyRows);
  engine.run({
    name: "append",
    variant: dtype,
    operands: { x: reads(x), ...table.operands, out: writes(out), ...(scales ? { scales: writes(scales) } : {}) },
    values: {
      ...table.values,
      total: u32(total),
      pairs: u32(pairs),
      heads: u32(heads),
      width: u32(width),
      x_row: u32(x.strides[0]),
      x_head: u32(x.strides[1]),
      out_row: u32(out.strides[0]),
      out_head: u32(out.strides[1]),
      scales_row: u32(scales?.strides[0] ?? 0),
      scales_head: u32(scales?.strides[1] ?? 0),
    },
    source: (of) => `
${dtype === "f32" ? "" : halfFunction + toHalf + nearestCode}
${sequenceFunctions(of, sequences.isPaged)}
${sequenceOfRow}
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let index = ${linearIndex};
  if (index >= values.total) { return; }
  let pair = index % values.pairs;
  let head = (index / values.pairs) % values.heads;
  let row = index / values.pairs / values.heads;
  let sequence = sequence_at(sequence_of_row(i32(row)));
  if (i32(row) < sequence.first || i32(row) >= sequence.end) { return; }
  let target_row = key_row(sequence, u32(sequence.position + i32(row)));
  if (!row_is_there(target_row)) { return; }
  let origin = row * values.x_row + head * values.x_head;
  let to = u32(target_row) * values.out_row + head * values.out_head;
  ${
    dtype === "f32"
      ? `${of.out("to + pair")} = ${of.x("origin + pair")};`
      : blocksOfPair(dtype, of, scales !== null)
  }
}`,
    workgroups: linear(total),
  });
}

/** WGSL of a thread for two blocks of a row, whose scales share a word. */
function blocksOfPair(dtype: PackedCacheDType, of: Elements, hasScales: boolean): string {
  const { words } = weightFormats[dtype];
  return `
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
    ${encoders[dtype]}
    for (var i = 0u; i < ${words}u; i++) {
      ${of.out(`to + block * ${words}u + i`)} = bitcast<i32>(words[i]);
    }
  }
  ${hasScales ? `${of.scales("u32(target_row) * values.scales_row + head * values.scales_head + pair")} = bitcast<i32>(scale_word);` : ""}`;
}

/** WGSL of the bits of the binary16 number nearest to a finite one, the even one of two; 65,504 beyond. */
const toHalf = `
fn to_half(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let sign = (bits >> 16u) & 0x8000u;
  let size = min(bits & 0x7fffffffu, 0x477fe000u);
  // Subnormal: adding ½ lets the addition round to multiples of 2⁻²⁴.
  if (size < 0x38800000u) { return sign | (bitcast<u32>(abs(x) + 0.5) - 0x3f000000u); }
  return sign | ((size + 0xfffu + ((size >> 13u) & 1u) - 0x38000000u) >> 13u);
}`;

/**
 * WGSL of the whole number nearest to x / scale, the even one of two, between −200 and 200; 0 where the scale is 0. The
 * product with a reciprocal may be one off, which the rest tells: the scale has 11 bits, so that the rest is exact.
 */
const nearestCode = `
fn nearest_code(x: f32, scale: f32) -> i32 {
  if (scale == 0.0) { return 0; }
  let part = select(x, -x, scale < 0.0);
  let size = abs(scale);
  let quotient = clamp(round(part * (1.0 / size)), -200.0, 200.0);
  let code = i32(quotient);
  let rest = part - quotient * size;
  let half_size = 0.5 * size;
  let is_odd = (code & 1) == 1;
  if (rest > half_size || (rest == half_size && is_odd)) { return code + 1; }
  if (rest < -half_size || (rest == -half_size && is_odd)) { return code - 1; }
  return code;
}`;

/** WGSL that declares the element of the largest size, of two the negative one. */
const extreme = `
    var size = 0.0;
    for (var i = 0u; i < ${blockColumns}u; i++) { size = max(size, abs(x[i])); }
    var extreme = size;
    for (var i = 0u; i < ${blockColumns}u; i++) { if (x[i] == -size) { extreme = -size; } }`;

const scale = (step: string): string => `
    let bits = to_half(${step});
    let step = half(bits);
    scale_word |= bits << (16u * side);`;

/** WGSL that encodes `x` as `words`, as `weight-format.ts` does. */
const encoders: Record<PackedCacheDType, string> = {
  f16: `
    for (var i = 0u; i < ${blockColumns}u; i += 2u) { words[i / 2u] = to_half(x[i]) | (to_half(x[i + 1u]) << 16u); }`,
  bf16: `
    for (var i = 0u; i < ${blockColumns}u; i++) {
      let bits = bitcast<u32>(x[i]);
      let rounded = (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
      words[i / 2u] |= select(rounded, 0x7fc0u, (bits & 0x7fffffffu) > 0x7f800000u) << (16u * (i & 1u));
    }`,
  int8: `${extreme}
    ${scale(`size * ${Math.fround(1 / 127)}`)}
    for (var i = 0u; i < ${blockColumns}u; i++) {
      let code = clamp(nearest_code(x[i], step), -127, 127);
      words[i / 4u] |= (bitcast<u32>(code) & 0xffu) << (8u * (i & 3u));
    }`,
  int4: `${extreme}
    ${scale("extreme * -0.125")}
    for (var i = 0u; i < ${blockColumns}u; i++) {
      let code = u32(clamp(nearest_code(x[i], step), -8, 7) + 8);
      words[(i & 15u) / 4u] |= code << (8u * (i & 3u) + 4u * (i / 16u));
    }`,
};
