import type { PhiloxKey } from "../../philox.ts";
import type { NdArray } from "./array.ts";

type Words = readonly [bigint, bigint, bigint, bigint];

const mask = 0xffffffffn;

/** Philox 4×32-10 as the paper defines it (Salmon et al. 2011, section 3.3), in whole numbers of any size. */
export function philox(counter: Words, key: readonly [bigint, bigint]): Words {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const product0 = 0xd2511f53n * c0;
    const product1 = 0xcd9e8d57n * c2;
    [c0, c1, c2, c3] = [(product1 >> 32n) ^ c1 ^ k0, product1 & mask, (product0 >> 32n) ^ c3 ^ k1, product0 & mask];
    k0 = (k0 + 0x9e3779b9n) & mask;
    k1 = (k1 + 0xbb67ae85n) & mask;
  }
  return [c0, c1, c2, c3];
}

/** The uniform numbers of a key: the upper 24 bits of each word. */
export function uniform(key: PhiloxKey, count: number): NdArray {
  const [k0, k1, c2, c3] = [...key.seed, ...key.stream].map((word) => BigInt(word));
  const data = new Float64Array(count);
  for (let block = 0; block * 4 < count; block++) {
    philox([BigInt(block), 0n, c2, c3], [k0, k1]).forEach((word, i) => {
      if (block * 4 + i < count) data[block * 4 + i] = Number(word >> 8n) / 2 ** 24;
    });
  }
  return { shape: [count], data };
}

/** Normal numbers by Box & Muller 1958, two from each pair of uniform ones. */
export function normal(key: PhiloxKey, count: number): NdArray {
  const u = uniform(key, count + (count % 2)).data;
  const data = Float64Array.from({ length: count }, (_, i) => {
    const pair = i - (i % 2);
    const radius = Math.sqrt(-2 * Math.log(1 - u[pair]));
    const angle = 2 * Math.PI * u[pair + 1];
    return radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  });
  return { shape: [count], data };
}

/** Elements survive where their uniform number is at least the probability, and grow by a factor that is an f32 number. */
export function dropout(x: NdArray, probability: number, key: PhiloxKey): NdArray {
  const u = uniform(key, x.data.length).data;
  return { shape: x.shape, data: x.data.map((value, i) => (u[i] >= probability ? value * survivorScale(probability) : 0)) };
}

export function survivorScale(probability: number): number {
  return Math.fround(1 / (1 - probability));
}
