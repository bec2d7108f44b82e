/** Encoding matrices in the formats of packed weights, and decoding them. What the formats are: `contract/weights.ts`. */
import type { PackedDType } from "./contract/index.ts";
import { TensorError } from "./errors.ts";
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from "@gpt/common";
import type { Shape } from "./shape.ts";

/** Columns of a block. */
export const blockColumns = 32;

interface Encoding {
  /** Words of 32 bits that hold a block's values. */
  readonly words: number;
  readonly hasScales: boolean;
  /** Writes a block's values as words from `at` on, and returns the bits of its f16 scale. `block` has 32 elements. */
  encode(block: Float32Array, words: Int32Array, at: number, step: StepRule): number;
  /** The elements of a block. */
  decode(words: Int32Array, at: number, scale: number, block: Float32Array): void;
}

/**
 * How the scale of int4 is found: `best` leaves the least squared error among some candidates; `fit` takes the extreme of a
 * block to −8, which every device computes alike.
 */
type StepRule = "best" | "fit";

const encodings: Record<PackedDType, Encoding> = {
  f16: halves(checkedHalf, halfToFloat),
  bf16: halves(floatToBfloat, bfloatToFloat),
  int8: {
    words: 8,
    hasScales: true,
    encode(block, words, at) {
      const scale = scaleOf(Math.fround(Math.abs(extremeOf(block)) * oneOf127));
      const step = halfToFloat(scale);
      const code = (i: number): number => nearest(step === 0 ? 0 : block[i] / step, -127, 127);
      for (let i = 0; i < blockColumns; i += 4) {
        words[at++] = (code(i) & 0xff) | ((code(i + 1) & 0xff) << 8) | ((code(i + 2) & 0xff) << 16) | (code(i + 3) << 24);
      }
      return scale;
    },
    decode(words, at, scale, block) {
      for (let i = 0; i < blockColumns; i += 4) {
        const word = words[at++];
        for (let j = 0; j < 4; j++) block[i + j] = ((word << (24 - 8 * j)) >> 24) * scale;
      }
    },
  },
  int4: {
    words: 4,
    hasScales: true,
    encode(block, words, at, rule) {
      const scale = scaleOf(rule === "best" ? bestStep(block) : extremeOf(block) / -8);
      const step = halfToFloat(scale);
      const code = (i: number): number => nearest(step === 0 ? 0 : block[i] / step, -8, 7) + 8;
      for (let i = 0; i < 16; i += 4) {
        let word = 0;
        for (let j = 0; j < 4; j++) word |= (code(i + j) | (code(i + j + 16) << 4)) << (8 * j);
        words[at++] = word;
      }
      return scale;
    },
    decode(words, at, scale, block) {
      for (let i = 0; i < 16; i += 4) {
        const word = words[at++];
        for (let j = 0; j < 4; j++) {
          block[i + j] = (((word >>> (8 * j)) & 15) - 8) * scale;
          block[i + j + 16] = (((word >>> (8 * j + 4)) & 15) - 8) * scale;
        }
      }
    },
  },
};

/** Elements of 16 bits, two a word, from and to their bits. */
function halves(toBits: (value: number) => number, fromBits: (bits: number) => number): Encoding {
  return {
    words: blockColumns / 2,
    hasScales: false,
    encode(block, words, at) {
      for (let i = 0; i < blockColumns; i += 2) words[at++] = toBits(block[i]) | (toBits(block[i + 1]) << 16);
      return 0;
    },
    decode(words, at, _, block) {
      for (let i = 0; i < blockColumns; i += 2) {
        const word = words[at++];
        block[i] = fromBits(word & 0xffff);
        block[i + 1] = fromBits(word >>> 16);
      }
    },
  };
}

/** The formats in which this package can encode weights. */
export const packedDTypes = Object.keys(encodings) as PackedDType[];

/** The shapes of the parts that hold a matrix `[rows, columns]`. */
export function partShapes(dtype: PackedDType, [rows, columns]: Shape): { values: Shape; scales: Shape | undefined } {
  const { words, hasScales } = encodings[dtype];
  const blocks = Math.ceil(columns / blockColumns);
  return {
    values: [rows, blocks * words],
    scales: hasScales ? [rows, Math.ceil(blocks / 2)] : undefined,
  };
}

/** What a matrix is stored as: the words of its parts, row-major. */
export interface Encoded {
  readonly values: Int32Array;
  readonly scales: Int32Array | undefined;
}

/**
 * Rows of a cache as `appendPacked` encodes them: see its contract. Numbers beyond what the format holds become the largest
 * that it does.
 */
export function encodeRows(dtype: PackedDType, shape: Shape, elements: Float32Array): Encoded {
  const largest = largestOf[dtype];
  return encodeWeight(dtype, shape, elements.map((x) => Math.min(Math.max(x, -largest), largest)), "fit");
}

/** The largest elements that rows of a cache hold: f16 ends at 65,504, and so do scales. */
const largestOf: Record<PackedDType, number> = { f16: 65_504, bf16: Infinity, int8: 65_504 * 127, int4: 65_504 * 8 };

/** Encodes a row-major matrix. Throws `invalid-argument` where the format cannot hold an element. */
export function encodeWeight(dtype: PackedDType, shape: Shape, elements: Float32Array, rule: StepRule = "best"): Encoded {
  const [rows, columns] = shape;
  const { values: valuesShape, scales: scalesShape } = partShapes(dtype, shape);
  const { words, encode } = encodings[dtype];
  const values = new Int32Array(valuesShape[0] * valuesShape[1]);
  const scales = scalesShape && new Int32Array(scalesShape[0] * scalesShape[1]);
  const scaleHalves = scales && new Uint16Array(scales.buffer);
  const halvesOfRow = 2 * (scalesShape?.[1] ?? 0);
  const block = new Float32Array(blockColumns);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column += blockColumns) {
      const start = row * columns + column;
      const end = start + Math.min(blockColumns, columns - column);
      if (end - start < blockColumns) block.fill(0);
      block.set(elements.subarray(start, end));
      try {
        const scale = encode(block, values, at, rule);
        if (scaleHalves) scaleHalves[row * halvesOfRow + column / blockColumns] = scale;
      } catch (cause) {
        throw new TensorError(
          "invalid-argument",
          `${dtype} cannot hold row ${row}, columns ${column} to ${column + end - start - 1}: ${(cause as Error).message}`,
        );
      }
      at += words;
    }
  }
  return { values, scales };
}

/** The elements of some rows of a matrix, from the words of their parts, to `out`. */
export function decodeRows(
  dtype: PackedDType, columns: number, values: Int32Array, scales: Int32Array | undefined, out: Float32Array,
): void {
  const { words, decode } = encodings[dtype];
  const blocks = Math.ceil(columns / blockColumns);
  const halvesOfRow = 2 * Math.ceil(blocks / 2);
  const block = new Float32Array(blockColumns);
  for (let start = 0, row = 0; start < out.length; start += columns, row++) {
    for (let index = 0; index < blocks; index++) {
      const half = row * halvesOfRow + index;
      const scale = scales ? halfToFloat((scales[half >> 1] >>> (16 * (half & 1))) & 0xffff) : 0;
      decode(values, (row * blocks + index) * words, scale, block);
      const column = index * blockColumns;
      out.set(block.subarray(0, Math.min(blockColumns, columns - column)), start + column);
    }
  }
}

/** The f32 number nearest to 1/127: devices multiply alike, but may divide with an error. */
const oneOf127 = Math.fround(1 / 127);

/** A block's element of the largest size, of two the negative one. Throws where there is one that is not finite. */
function extremeOf(block: Float32Array): number {
  let size = 0;
  for (let i = 0; i < blockColumns; i++) {
    if (!Number.isFinite(block[i])) throw new Error(`${block[i]} is among them`);
    size = Math.max(size, Math.abs(block[i]));
  }
  return block.includes(-size) ? -size : size;
}

/** The bits of a number as f16. Throws where it is not finite, or too large. */
function checkedHalf(value: number): number {
  const half = floatToHalf(value);
  if ((half & 0x7fff) >= 0x7c00) throw new Error(`${value} is among them; the largest f16 is 65,504`);
  return half;
}

/** The bits of a block's scale. */
function scaleOf(step: number): number {
  const scale = floatToHalf(step);
  if ((scale & 0x7fff) === 0x7c00) throw new Error("they are too large: steps end at 65,504");
  return scale;
}

/** What the extreme of a block may be as a multiple of the step; integers, so that what was rounded once stays. */
const multiples = [-8, -8.5, -9, -7.5, -7, -6.5, -6, -5];

/**
 * The step of half bytes that leaves the least squared error among some candidates. For the codes q that a candidate
 * gives to elements x, the best step is Σxq / Σq², which leaves Σx² − (Σxq)² / Σq².
 */
function bestStep(block: Float32Array): number {
  const extreme = extremeOf(block);
  let [best, bestGain] = [0, 0];
  if (extreme === 0) return 0;
  for (const multiple of multiples) {
    const inverse = multiple / extreme;
    let [products, squares] = [0, 0];
    for (let i = 0; i < blockColumns; i++) {
      const x = block[i];
      const q = nearest(x * inverse, -8, 7);
      products += x * q;
      squares += q * q;
    }
    const gain = (products * products) / squares;
    // By more than rounding, so that elements which a step fits exactly keep that step.
    if (gain > bestGain * (1 + 1e-9)) [best, bestGain] = [products / squares, gain];
  }
  return best;
}

/** Added to a number and taken away again, it leaves the nearest whole number: there is no room for a fraction. */
const rounding = 1.5 * 2 ** 52;

/** The whole number nearest to a value, between two others. */
function nearest(value: number, min: number, max: number): number {
  const whole = value + rounding - rounding;
  if (whole < min) return min;
  return whole > max ? max : whole;
}
