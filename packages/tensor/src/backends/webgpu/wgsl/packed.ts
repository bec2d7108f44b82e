import type { PackedView, PackedDType } from "../../../contract/index.ts";
import { blockColumns } from "../../../weight-format.ts";
import type { AxesOf } from "../runtime/split-bindings.ts";
import { reads, u32 } from "../runtime/program.ts";
import type { Vec4Access } from "./vec4.ts";

/** Words of 32 bits of a block's values. */
export const blockWords: Record<PackedDType, number> = { f16: 16, bf16: 16, int8: 8, int4: 4 };

/** The scales of a packed matrix as an operand of a kernel; its function is `name_scale(row, block)`. */
export function packedScales(name: string, { scales }: PackedView): Vec4Access {
  return {
    operands: scales ? { [`${name}_scales`]: reads(scales) } : {},
    values: scales ? { [`${name}_scale_words`]: u32(scales.strides[0]) } : {},
    functions: (of) => `
fn ${name}_scale(row: u32, block: u32) -> f32 {
  ${scales ? halfOfWord(of[`${name}_scales`](`row * values.${name}_scale_words + block / 2u`)) : "return 1.0;"}
}`,
  };
}

/** A packed matrix as operands of a kernel; its functions are `name_vec4(row, group)` and `name_element(row, column)`. */
export function packedSource(name: string, view: PackedView): Vec4Access {
  const { dtype, values } = view;
  const scales = packedScales(name, view);
  return {
    operands: { [`${name}_values`]: reads(values), ...scales.operands },
    values: { [`${name}_words`]: u32(values.strides[0]), ...scales.values },
    functions: (of) => `
${scales.functions(of)}
fn ${name}_word(row: u32, index: u32) -> u32 {
  return u32(${of[`${name}_values`](`row * values.${name}_words + index`)});
}
fn ${name}_vec4(row: u32, group: u32) -> vec4f {
  ${vec4s[dtype](name)}
}
fn ${name}_element(row: u32, column: u32) -> f32 { return ${name}_vec4(row, column / 4u)[column % 4u]; }`,
  };
}

function halfOfWord(word: string): string {
  return `return half(u32(${word}) >> (16u * (block & 1u)));`;
}

/** WGSL of the value of the binary16 number in the lower bits of a word. */
export const halfFunction = `
fn half(bits: u32) -> f32 {
  let size = (bits & 0x7fffu) << 13u;
  // Numbers below 2⁻¹⁴ have no leading one: they get one, and lose it again.
  let is_small = size < 0x00800000u;
  let value = bitcast<f32>(size + select(0x38000000u, 0x38800000u, is_small)) - select(0.0, 6.103515625e-5, is_small);
  return bitcast<f32>(bitcast<u32>(value) | ((bits & 0x8000u) << 16u));
}`;

const unpackHalves = (expression: string): string => `
fn unpack(low: u32, high: u32) -> vec4f { return ${expression}; }`;

const unpacking: Record<PackedDType, string> = {
  f16: unpackHalves("vec4f(half(low), half(low >> 16u), half(high), half(high >> 16u))"),
  bf16: unpackHalves("bitcast<vec4f>(vec4u(low << 16u, low & 0xffff0000u, high << 16u, high & 0xffff0000u))"),
  int8: `
fn unpack(word: u32) -> vec4f { return vec4f((vec4i(bitcast<i32>(word)) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u)); }`,
  int4: `
fn unpack(word: u32) -> vec4f { return vec4f((vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(15u)) - 8.0; }`,
};

/**
 * WGSL of `half`, and of `unpack`, the four codes, or numbers, of a word or two; in int4 those of the lower bits of the
 * bytes.
 */
export function packedFunctions(dtype: PackedDType): string {
  return halfFunction + unpacking[dtype];
}

/** WGSL of a vec4 of a row. */
const vec4s: Record<PackedDType, (name: string) => string> = {
  f16: (name) => `return unpack(${name}_word(row, 2u * group), ${name}_word(row, 2u * group + 1u));`,
  bf16: (name) => `return unpack(${name}_word(row, 2u * group), ${name}_word(row, 2u * group + 1u));`,
  int8: (name) => `return unpack(${name}_word(row, group)) * ${name}_scale(row, group / ${blockColumns / 4}u);`,
  int4: (name) => `
  let block = group / ${blockColumns / 4}u;
  let place = group % ${blockColumns / 4}u;
  return unpack(${name}_word(row, block * 4u + place % 4u) >> (place / 4u * 4u)) * ${name}_scale(row, block);`,
};

/** WGSL of the vec4s of four `words`, in their order, without their scale. */
const halvesOfFour = ["unpack(words.x, words.y)", "unpack(words.z, words.w)"];
const bytesOfFour = ["x", "y", "z", "w"].map((i) => `unpack(words.${i})`);
export const vec4sOfFour: Record<PackedDType, readonly string[]> = {
  f16: halvesOfFour,
  bf16: halvesOfFour,
  int8: bytesOfFour,
  int4: [...bytesOfFour, ...["x", "y", "z", "w"].map((i) => `unpack(words.${i} >> 4u)`)],
};

/** The memory of a packed matrix. */
export type PackedViews = Pick<PackedView, "values" | "scales">;

/** Columns between places where rows may be cut: scales of two blocks share a word. */
export const columnsOfStep = 2 * blockColumns;

/** The axes of a packed matrix, whose columns are cut in steps. */
export function packedAxes<Axis extends string>(dtype: PackedDType, row: Axis, column: Axis): AxesOf<PackedViews, Axis> {
  return { values: [row, { axis: column, step: 2 * blockWords[dtype] }], scales: [row, column] };
}
