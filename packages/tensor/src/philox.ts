/**
 * Philox 4×32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): a counter-based generator. Each
 * block of four 32-bit words is a pure function of a key and a counter, so that any element of a random tensor can be
 * made again at any time, on any backend, in any order.
 */
export interface PhiloxKey {
  /** The generator's key: a seed, low and high word. */
  readonly seed: readonly [number, number];
  /** The upper half of the counter: which stream of numbers under the seed. The lower half counts blocks. */
  readonly stream: readonly [number, number];
}

const multiplier0 = 0xd2511f53;
const multiplier1 = 0xcd9e8d57;
const weyl0 = 0x9e3779b9;
const weyl1 = 0xbb67ae85;

/**
 * The upper 32 bits of the 64-bit product of two 32-bit words, from halves. No sum of these exceeds 32 bits, so that
 * engines compute it all in whole numbers.
 */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0;
  const carry = (Math.imul(aLow, bHigh) + (middle & 0xffff)) >>> 16;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + carry) | 0;
}

/** Writes the four words of block `block` (below 2⁵³) to `out`. */
export function philoxBlock({ seed, stream }: PhiloxKey, block: number, out: Uint32Array): void {
  philox(block, Math.floor(block / 0x1_0000_0000), stream[0], stream[1], seed[0], seed[1], out);
}

/** The generator itself: four words of counter, two of key (their lower 32 bits count), four words out. */
export function philox(
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
  out: Uint32Array,
): void {
  c0 |= 0;
  c1 |= 0;
  c2 |= 0;
  c3 |= 0;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(multiplier0, c0);
    const low0 = Math.imul(multiplier0, c0);
    const high1 = multiplyHigh(multiplier1, c2);
    const low1 = Math.imul(multiplier1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + weyl0) | 0;
    k1 = (k1 + weyl1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** Calls `visit(i, u)` for `count` uniform numbers in [0, 1) with 24 bits, in order. */
export function forEachUniform(key: PhiloxKey, count: number, visit: (index: number, uniform: number) => void): void {
  const words = new Uint32Array(4);
  for (let index = 0; index < count; index++) {
    if ((index & 3) === 0) philoxBlock(key, index / 4, words);
    visit(index, uniformOf(words[index & 3]));
  }
}

/** One of these numbers. */
export function uniformAt(key: PhiloxKey, index: number): number {
  const words = new Uint32Array(4);
  philoxBlock(key, Math.floor(index / 4), words);
  return uniformOf(words[index & 3]);
}

function uniformOf(word: number): number {
  return (word >>> 8) * 2 ** -24;
}
