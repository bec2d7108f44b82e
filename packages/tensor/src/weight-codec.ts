/** Elements from the bits of packed weights, and the bits of caches from elements. What they are: `contract/weights.ts`. */
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from "@gpt/common";
import { sizeOf } from "./shape.ts";
import type { Shape } from "./shape.ts";
import { blockColumns, partShapes, scaleBits, weightFormats } from "./weight-format.ts";
import type { PackedCacheDType, PackedDType, ScaleDType } from "./weight-format.ts";

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
  int4: nibblesDecoder([-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7]),
};

/** Elements of 16 bits, two a word. */
function halvesDecoder(toFloat: (bits: number) => number): Decoder {
  return (words, at, _, block) => {
    for (let i = 0; i < blockColumns; i += 2) {
      const word = words[at++];
      block[i] = toFloat(word & 0xffff);
      block[i + 1] = toFloat(word >>> 16);
    }
  };
}

/** Half bytes, which stand for these numbers: byte `j` has those of elements `j` and `j + 16`. */
function nibblesDecoder(numbers: readonly number[]): Decoder {
  return (words, at, scale, block) => {
    for (let i = 0; i < 16; i += 4) {
      const word = words[at++];
      for (let j = 0; j < 4; j++) {
        block[i + j] = numbers[(word >>> (8 * j)) & 15] * scale;
        block[i + j + 16] = numbers[(word >>> (8 * j + 4)) & 15] * scale;
      }
    }
  };
}

const scaleToFloat: Readonly<Record<ScaleDType, (code: number) => number>> = { f16: halfToFloat };

/** The elements of rows of `columns` that fill `out`, from the words of their parts. */
export function decodeRows(
  dtype: PackedDType, columns: number, values: Int32Array, scales: Int32Array | null, out: Float32Array,
): void {
  const { words, scale } = weightFormats[dtype];
  const decode = decoders[dtype];
  const blocks = Math.ceil(columns / blockColumns);
  const block = new Float32Array(blockColumns);
  const scaleWords = scale === "none" ? 0 : Math.ceil((blocks * scaleBits[scale]) / 32);
  for (let start = 0, row = 0; start < out.length; start += columns, row++) {
    for (let index = 0; index < blocks; index++) {
      let factor = 1;
      if (scale !== "none" && scales) {
        const bits = scaleBits[scale];
        const word = scales[row * scaleWords + ((index * bits) >>> 5)];
        factor = scaleToFloat[scale]((word >>> ((index * bits) & 31)) & (2 ** bits - 1));
      }
      decode(values, (row * blocks + index) * words, factor, block);
      const column = index * blockColumns;
      out.set(block.subarray(0, Math.min(blockColumns, columns - column)), start + column);
    }
  }
}

/** Writes the elements of a block as words from `at` on, and returns the code of its scale. */
export type Encoder = (block: Float32Array, words: Int32Array, at: number) => number;

/** The encoders of caches, whose every backend writes the same bits. */
export const cacheEncoders: Readonly<Record<PackedCacheDType, Encoder>> = {
  f16: halvesEncoder(floatToHalf),
  bf16: halvesEncoder(floatToBfloat),
  int8: encodeInt8,
  int4: (block, words, at) => encodeInt4(block, words, at, extremeOf(block) / -8),
};

/** Rows of a cache as `appendPacked` encodes them: numbers beyond what the dtype holds become the largest that it does. */
export function encodeRows(dtype: PackedCacheDType, shape: Shape, elements: Float32Array): EncodedRows {
  const largest = largestOf[dtype] ?? Infinity;
  return encodeBlocks(dtype, shape, elements.map((x) => Math.min(Math.max(x, -largest), largest)), cacheEncoders[dtype]);
}

/** The largest elements of dtypes that do not hold every number: f16 ends at 65,504, and so do scales. */
export const largestOf: { readonly [D in PackedDType]?: number } = { f16: 65_504, int8: 65_504 * 127, int4: 65_504 * 8 };

/** The words of the parts of rows. */
export interface EncodedRows {
  readonly values: Int32Array;
  readonly scales: Int32Array | null;
}

export function encodeBlocks(dtype: PackedDType, shape: Shape, elements: Float32Array, encode: Encoder): EncodedRows {
  const [rows, columns] = shape;
  const { words, scale } = weightFormats[dtype];
  const shapes = partShapes(dtype, shape);
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
      if (scale === "none" || !scales) continue;
      const bit = index * scaleBits[scale];
      scales[(row * scales.length) / rows + (bit >>> 5)] |= code << (bit & 31);
    }
  }
  return { values, scales };
}

/** Elements of 16 bits, two a word. */
function halvesEncoder(toBits: (value: number) => number): Encoder {
  return (block, words, at) => {
    for (let i = 0; i < blockColumns; i += 2) words[at++] = toBits(block[i]) | (toBits(block[i + 1]) << 16);
    return 0;
  };
}

/** The f32 number nearest to 1/127: devices multiply alike, but may divide with an error. */
const oneOf127 = Math.fround(1 / 127);

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

/** Writes half bytes: byte `j` has those of elements `j` and `j + 16`. */
export function packNibbles(words: Int32Array, at: number, code: (i: number) => number): void {
  for (let i = 0; i < 16; i += 4) {
    let word = 0;
    for (let j = 0; j < 4; j++) word |= (code(i + j) | (code(i + j + 16) << 4)) << (8 * j);
    words[at++] = word;
  }
}

/** A block's element of the largest size, of two the negative one. */
export function extremeOf(block: Float32Array): number {
  const size = block.reduce((size, x) => Math.max(size, Math.abs(x)), 0);
  return block.includes(-size) ? -size : size;
}

/** Added to a number and taken away again, it leaves the nearest whole number: there is no room for a fraction. */
const rounding = 1.5 * 2 ** 52;

/** The whole number nearest to a value, between two others. */
export function nearest(value: number, min: number, max: number): number {
  return Math.min(Math.max(value + rounding - rounding, min), max);
}
