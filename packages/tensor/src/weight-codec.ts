/** Elements from the bits of packed weights, and bits from elements. What they are: `contract/weights.ts`. */
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from "@gpt/common";
import type { EncodedRows, WeightCodec } from "./contract/index.ts";
import { sizeOf } from "./shape.ts";
import { blockColumns, partShapes, scaleBits, weightFormats } from "./weight-format.ts";
import type { PackedDType, WeightFormat } from "./weight-format.ts";

export function codecOf(dtype: PackedDType): WeightCodec {
  return {
    decode: (columns, rows, out) => decodeBlocks(dtype, columns, rows, out),
    encode(columns, elements) {
      const largest = largestOf[dtype] ?? Infinity;
      const held = elements.map((x) => Math.min(Math.max(x, -largest), largest));
      return encodeBlocks(dtype, columns, held, encoders[dtype]);
    },
  };
}

/** Writes the elements of the block whose words begin at `at`. */
type Decoder = (words: Int32Array, at: number, scale: number, block: Float32Array) => void;

const decoders: Readonly<Record<PackedDType, Decoder>> = {
  f16: halvesDecoder(halfToFloat),
  bf16: halvesDecoder(bfloatToFloat),
  int8(words, at, scale, block) {
    for (let i = 0; i < blockColumns; i += 4) {
      const word = words[at++];
      for (let j = 0; j < 4; j++) block[i + j] = ((word << (24 - 8 * j)) >> 24) * scale;
    }
  },
  int4: nibblesDecoder((code) => code - 8),
  mxfp4: nibblesDecoder((code) => (code < 8 ? 1 : -1) * fp4[code & 7]),
};

/** What half bytes of mxfp4 are, without their sign. */
const fp4 = [0, 0.5, 1, 1.5, 2, 3, 4, 6];

/** Elements of 16 bits, two a word. */
/* @__NO_SIDE_EFFECTS__ */
function halvesDecoder(toFloat: (bits: number) => number): Decoder {
  return (words, at, _, block) => {
    for (let i = 0; i < blockColumns; i += 2) {
      const word = words[at++];
      block[i] = toFloat(word & 0xffff);
      block[i + 1] = toFloat(word >>> 16);
    }
  };
}

/** Half bytes: byte `j` has those of elements `j` and `j + 16`. */
/* @__NO_SIDE_EFFECTS__ */
function nibblesDecoder(toFloat: (code: number) => number): Decoder {
  return (words, at, scale, block) => {
    for (let i = 0; i < 16; i += 4) {
      const word = words[at++];
      for (let j = 0; j < 4; j++) {
        block[i + j] = toFloat((word >>> (8 * j)) & 15) * scale;
        block[i + j + 16] = toFloat((word >>> (8 * j + 4)) & 15) * scale;
      }
    }
  };
}

const scaleToFloat: Readonly<Record<WeightFormat["scale"], (code: number) => number>> = {
  none: () => 1,
  f16: halfToFloat,
  e8m0: (code) => (code === 255 ? NaN : 2 ** (code - 127)),
};

function decodeBlocks(dtype: PackedDType, columns: number, { values, scales }: EncodedRows, out: Float32Array): void {
  const { words, scale } = weightFormats[dtype];
  const decode = decoders[dtype];
  const blocks = Math.ceil(columns / blockColumns);
  const block = new Float32Array(blockColumns);
  const bits = scaleBits[scale];
  const scaleWords = Math.ceil((blocks * bits) / 32);
  for (let start = 0, row = 0; start < out.length; start += columns, row++) {
    for (let index = 0; index < blocks; index++) {
      const word = scales ? scales[row * scaleWords + ((index * bits) >>> 5)] : 0;
      const code = (word >>> ((index * bits) & 31)) & (2 ** bits - 1);
      decode(values, (row * blocks + index) * words, scaleToFloat[scale](code), block);
      const column = index * blockColumns;
      out.set(block.subarray(0, Math.min(blockColumns, columns - column)), start + column);
    }
  }
}

/** Writes the elements of a block as words from `at` on, and returns the code of its scale. */
export type Encoder = (block: Float32Array, words: Int32Array, at: number) => number;

/** Of the dtypes that caches may have, every backend writes the same bits. */
export const encoders: Readonly<Record<PackedDType, Encoder>> = {
  f16: halvesEncoder(floatToHalf),
  bf16: halvesEncoder(floatToBfloat),
  int8: encodeInt8,
  int4: (block, words, at) => encodeInt4(block, words, at, extremeOf(block) / -8),
  mxfp4: encodeMXFP4,
};

/** The largest elements of dtypes that do not hold every number: f16 ends at 65,504, and so do its scales; mxfp4 has no ∞. */
export const largestOf: { readonly [D in PackedDType]?: number } = {
  f16: 65_504, int8: 65_504 * 127, int4: 65_504 * 8, mxfp4: (2 - 2 ** -23) * 2 ** 127,
};

export function encodeBlocks(dtype: PackedDType, columns: number, elements: Float32Array, encode: Encoder): EncodedRows {
  const rows = elements.length / Math.max(columns, 1);
  const { words, scale } = weightFormats[dtype];
  const shapes = partShapes(dtype, [rows, columns]);
  const values = new Int32Array(sizeOf(shapes.values));
  const scales = shapes.scales ? new Int32Array(sizeOf(shapes.scales)) : null;
  const blocks = Math.ceil(columns / blockColumns);
  const block = new Float32Array(blockColumns);
  for (let row = 0; row < rows; row++) {
    for (let index = 0; index < blocks; index++) {
      const start = row * columns + index * blockColumns;
      block.fill(0);
      block.set(elements.subarray(start, Math.min(start + blockColumns, (row + 1) * columns)));
      const code = encode(block, values, (row * blocks + index) * words);
      const bit = index * scaleBits[scale];
      if (scales) scales[(row * scales.length) / rows + (bit >>> 5)] |= code << (bit & 31);
    }
  }
  return { values, scales };
}

/** Elements of 16 bits, two a word. */
/* @__NO_SIDE_EFFECTS__ */
function halvesEncoder(toBits: (value: number) => number): Encoder {
  return (block, words, at) => {
    for (let i = 0; i < blockColumns; i += 2) words[at++] = toBits(block[i]) | (toBits(block[i + 1]) << 16);
    return 0;
  };
}

/** The f32 number nearest to 1/127: devices multiply alike, but may divide with an error. */
const oneOf127 = /* @__PURE__ */ Math.fround(1 / 127);

function encodeInt8(block: Float32Array, words: Int32Array, at: number): number {
  const scale = floatToHalf(Math.fround(Math.abs(extremeOf(block)) * oneOf127));
  const step = halfToFloat(scale);
  const code = (i: number): number => nearest(step === 0 ? 0 : block[i] / step, -127, 127);
  for (let i = 0; i < blockColumns; i += 4) {
    let word = 0;
    for (let j = 0; j < 4; j++) word |= (code(i + j) & 0xff) << (8 * j);
    words[at++] = word;
  }
  return scale;
}

/** With the f16 nearest to a step as the scale. */
export function encodeInt4(block: Float32Array, words: Int32Array, at: number, approximateStep: number): number {
  const scale = floatToHalf(approximateStep);
  const step = halfToFloat(scale);
  packNibbles(words, at, (i) => nearest(step === 0 ? 0 : block[i] / step, -8, 7) + 8);
  return scale;
}

/** Where numbers are in the middle of two of 0, ½, 1, 1½, 2, 3, 4 and 6. */
const middles = [0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5];

/**
 * As in the OCP's MX formats 1.0 (section 6.3): the scale takes the power of two in the largest size to 4, that in the largest
 * code; sizes are rounded to the nearest code, of two the even one, and to 6 beyond it.
 */
function encodeMXFP4(block: Float32Array, words: Int32Array, at: number): number {
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(extremeOf(block)))) - 2, -127);
  packNibbles(words, at, (i) => {
    const size = Math.abs(block[i]) / 2 ** exponent;
    let code = 0;
    while (size > middles[code] || (size === middles[code] && code % 2 === 1)) code++;
    return block[i] < 0 ? code + 8 : code;
  });
  return exponent + 127;
}

/** Writes half bytes: byte `j` has those of elements `j` and `j + 16`. */
function packNibbles(words: Int32Array, at: number, code: (i: number) => number): void {
  for (let i = 0; i < 16; i += 4) {
    let word = 0;
    for (let j = 0; j < 4; j++) word |= (code(i + j) | (code(i + j + 16) << 4)) << (8 * j);
    words[at++] = word;
  }
}

/** A block's element of the largest size, of two the negative one. */
export function extremeOf(block: Float32Array): number {
  let size = 0;
  for (const x of block) size = Math.max(size, Math.abs(x)); // Called for every block of a model: reduce takes far longer.
  return block.includes(-size) ? -size : size;
}

/** Added to a number and taken away again, it leaves the nearest whole number: there is no room for a fraction. */
const rounding = 1.5 * 2 ** 52;

/** The whole number nearest to a value, between two others. */
export function nearest(value: number, min: number, max: number): number {
  return Math.min(Math.max(value + rounding - rounding, min), max);
}
