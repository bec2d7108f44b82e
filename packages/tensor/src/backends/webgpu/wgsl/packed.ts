import type { PackedDType, PackedView } from "../../../contract/index.ts";
import { blockColumns, scaleBits, weightFormats } from "../../../weight-format.ts";
import type { ScaleDType } from "../../../weight-format.ts";
import type { AxesOf } from "../runtime/split-bindings.ts";
import { reads, u32 } from "../runtime/program.ts";
import type { Vec4Access } from "./vec4.ts";

/** A packed matrix, as WGSL decodes it. */
export type PackedMatrix = Omit<PackedView, "codec">;

/** WGSL that decodes the values of a dtype, without their scales. */
interface Decoder {
  /** A function `unpack`: the vec4 of a word or two. */
  readonly functions: string;
  /** Vec4 `group` of a row, or `place` of a `block`, where `word(i)` reads a word of the row. */
  readonly vec4: (word: (i: string) => string) => string;
  /** The vec4s of four `words` in their order. */
  readonly vec4sOfFour: readonly string[];
}

const [x, y, z, w] = ["words.x", "words.y", "words.z", "words.w"];

/** Elements of 16 bits. */
const halves = (expression: string): Decoder => ({
  functions: `
fn unpack(low: u32, high: u32) -> vec4f { return ${expression}; }`,
  vec4: (word) => `unpack(${word("2u * group")}, ${word("2u * group + 1u")})`,
  vec4sOfFour: [`unpack(${x}, ${y})`, `unpack(${z}, ${w})`],
});

/** Half bytes, of which `unpack` takes the lower ones of a word. */
const nibbles = (functions: string): Decoder => ({
  functions,
  vec4: (word) => `unpack(${word("block * 4u + place % 4u")} >> (place / 4u * 4u))`,
  vec4sOfFour: [...[x, y, z, w].map((word) => `unpack(${word})`), ...[x, y, z, w].map((word) => `unpack(${word} >> 4u)`)],
});

const decoders: Readonly<Record<PackedDType, Decoder>> = {
  f16: halves("vec4f(half(low), half(low >> 16u), half(high), half(high >> 16u))"),
  bf16: halves("bitcast<vec4f>(vec4u(low << 16u, low & 0xffff0000u, high << 16u, high & 0xffff0000u))"),
  int8: {
    functions: `
fn unpack(word: u32) -> vec4f { return vec4f((vec4i(bitcast<i32>(word)) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u)); }`,
    vec4: (word) => `unpack(${word("group")})`,
    vec4sOfFour: [x, y, z, w].map((word) => `unpack(${word})`),
  },
  int4: nibbles(`
fn unpack(word: u32) -> vec4f { return vec4f((vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(15u)) - 8.0; }`),
  mxfp4: nibbles(`
fn unpack(word: u32) -> vec4f {
  let codes = vec4u(word) >> vec4u(0u, 8u, 16u, 24u);
  let sizes = codes & vec4u(7u);
  // 0 and ½ have no leading one: they get one, and lose it again.
  let are_small = sizes < vec4u(2u);
  let bits = (sizes << vec4u(22u)) + select(vec4u(0x3f000000u), vec4u(0x3f800000u), are_small);
  let values = bitcast<vec4f>(bits) - select(vec4f(), vec4f(1.0), are_small);
  return bitcast<vec4f>(bitcast<vec4u>(values) | ((codes & vec4u(8u)) << vec4u(28u)));
}`),
};

/** WGSL of the value of the binary16 number in the lower bits of a word. */
export const halfFunction = `
fn half(bits: u32) -> f32 {
  let size = (bits & 0x7fffu) << 13u;
  // Numbers below 2⁻¹⁴ have no leading one: they get one, and lose it again.
  let is_small = size < 0x00800000u;
  let value = bitcast<f32>(size + select(0x38000000u, 0x38800000u, is_small)) - select(0.0, 6.103515625e-5, is_small);
  return bitcast<f32>(bitcast<u32>(value) | ((bits & 0x8000u) << 16u));
}`;

/** WGSL of scales. */
interface Scaling {
  readonly type: string;
  /** The scale whose code is in the lower bits of an expression. */
  readonly decode: (bits: string) => string;
  /** A product with a scale. */
  readonly times: (x: string, scale: string) => string;
  readonly functions?: string;
}

const scalings: Readonly<Record<ScaleDType, Scaling>> = {
  f16: { type: "f32", decode: (bits) => `half(${bits})`, times: (x, scale) => `${x} * ${scale}` },
  // 2⁻¹²⁷ is subnormal, and may be flushed, though products with it need not be: such powers are two factors.
  e8m0: {
    type: "vec2f",
    decode: (bits) => `power(${bits} & 255u)`,
    times: (x, scale) => `${x} * ${scale}.x * ${scale}.y`,
    functions: `
fn power(exponent: u32) -> vec2f {
  let bits = select(max(exponent, 1u) << 23u, 0x7fc00000u, exponent == 255u);
  return vec2f(bitcast<f32>(bits), select(1.0, 0.5, exponent == 0u));
}`,
  },
};

function scalingOf(dtype: PackedDType): Scaling | undefined {
  const { scale } = weightFormats[dtype];
  return scale === "none" ? undefined : scalings[scale];
}

/** WGSL that the functions of packed matrices use, once for all matrices of a dtype. */
export function packedFunctions(dtype: PackedDType): string {
  return halfFunction + decoders[dtype].functions + (scalingOf(dtype)?.functions ?? "");
}

/** WGSL of the vec4s of four `words`, in their order, without their scale. */
export function vec4sOfFour(dtype: PackedDType): readonly string[] {
  return decoders[dtype].vec4sOfFour;
}

/** The scales of a packed matrix as an operand of a kernel, where it has any. */
export interface ScaleAccess extends Vec4Access {
  /** WGSL of the scale of a block. */
  readonly scale: (row: string, block: string) => string;
  /** WGSL of a product with a scale. */
  readonly times: (x: string, scale: string) => string;
}

export function packedScales(name: string, { dtype, scales }: PackedMatrix): ScaleAccess | undefined {
  const { scale } = weightFormats[dtype];
  if (scale === "none" || !scales) return undefined;
  const { type, decode, times } = scalings[scale];
  const bits = scaleBits[scale];
  const ofWord = 32 / bits;
  return {
    operands: { [`${name}_scales`]: reads(scales) },
    values: { [`${name}_scale_words`]: u32(scales.strides[0]) },
    functions: (of) => `
fn ${name}_scale(row: u32, block: u32) -> ${type} {
  let word = u32(${of[`${name}_scales`](`row * values.${name}_scale_words + block / ${ofWord}u`)});
  return ${decode(`(word >> (${bits}u * (block % ${ofWord}u)))`)};
}`,
    scale: (row, block) => `${name}_scale(${row}, ${block})`,
    times,
  };
}

/** A packed matrix as operands of a kernel; its functions are `name_vec4(row, group)` and `name_element(row, column)`. */
export function packedSource(name: string, view: PackedMatrix): Vec4Access {
  const { dtype, values } = view;
  const scales = packedScales(name, view);
  const vec4 = decoders[dtype].vec4((i) => `${name}_word(row, ${i})`);
  return {
    operands: { [`${name}_values`]: reads(values), ...scales?.operands },
    values: { [`${name}_words`]: u32(values.strides[0]), ...scales?.values },
    functions: (of) => `
${scales?.functions(of) ?? ""}
fn ${name}_word(row: u32, index: u32) -> u32 {
  return u32(${of[`${name}_values`](`row * values.${name}_words + index`)});
}
fn ${name}_vec4(row: u32, group: u32) -> vec4f {
  let block = group / ${blockColumns / 4}u;
  let place = group % ${blockColumns / 4}u;
  return ${scales ? scales.times(vec4, scales.scale("row", "block")) : vec4};
}
fn ${name}_element(row: u32, column: u32) -> f32 { return ${name}_vec4(row, column / 4u)[column % 4u]; }`,
  };
}

/** The memory of a packed matrix. */
export type PackedViews = Pick<PackedMatrix, "values" | "scales">;

/** Rows may be cut at multiples of this many columns: those whose scales fill a word. */
export function columnsOfStep(dtype: PackedDType): number {
  const { scale } = weightFormats[dtype];
  return blockColumns * (scale === "none" ? 1 : 32 / scaleBits[scale]);
}

/** The axes of a packed matrix, whose columns are cut in steps. */
export function packedAxes<Axis extends string>(dtype: PackedDType, row: Axis, column: Axis): AxesOf<PackedViews, Axis> {
  const step = (columnsOfStep(dtype) / blockColumns) * weightFormats[dtype].words;
  return { values: [row, { axis: column, step }], scales: [row, column] };
}
