import { RandomNumbers } from "@gpt/testing/mutate";
import { ggufFormats, ggufTypes } from "../src/gguf/types.ts";
import type { GGUFType } from "../src/gguf/types.ts";

/** Types whose elements are in blocks. */
export const quantizedTypes = ggufTypes.filter((type) => ggufFormats[type].block > 1);

/** Where the halves are that scale a block. */
const halves: { readonly [T in GGUFType]?: readonly number[] } = {
  q4_0: [0], q4_1: [0, 2], q5_0: [0], q5_1: [0, 2], q8_0: [0], iq4_nl: [0], q2_K: [80, 82], q3_K: [108], q4_K: [0, 2], q5_K: [0, 2], q6_K: [208],
};

/** Blocks of random bits, of which no scale is infinite or NaN. */
export function blocksOf(type: GGUFType, count: number): Uint8Array {
  const { bytes: size, id } = ggufFormats[type];
  const random = new RandomNumbers(id + 1);
  const bytes = Uint8Array.from({ length: count * size }, () => random.below(256));
  for (let start = 0; start < bytes.length; start += size) {
    for (const at of halves[type] ?? []) bytes[start + at + 1] &= 0xbf;
  }
  return bytes;
}

/** Elements of all sizes: each block of 32 has another, and some have ties between codes. */
export function elementsOf(count: number): Float32Array {
  const random = new RandomNumbers(1);
  const unit = (): number => random.below(2 ** 31) / 2 ** 30 - 1;
  return Float32Array.from({ length: count }, (_, i) => {
    const block = Math.floor(i / 32);
    if (block % 4 === 0) return 0.1 + 2 * Math.cos(i);
    if (block % 4 === 1) return Math.round(unit() * 16) / 8;
    return unit() * 10 ** ((block % 8) - 6);
  });
}
