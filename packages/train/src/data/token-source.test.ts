import { expect, test } from "vitest";
import { fingerprint } from "./fingerprint.ts";
import { joinTokens, splitTokens, tokenRange, tokensInMemory } from "./token-source.ts";
import type { TokenSource } from "./token-source.ts";

const all = (source: TokenSource): Promise<Int32Array> => source.read(0, source.length);

test.each([[[1, 2, 3]], [Int32Array.of(1, 2, 3)], [Uint16Array.of(1, 2, 3)], [Uint32Array.of(1, 2, 3)]])(
  "reads %o by position",
  async (tokens) => {
    expect(await tokensInMemory(tokens).read(1, 2)).toEqual(Int32Array.of(2, 3));
  },
);

test("splits at nine tenths, or elsewhere, without losing a token", async () => {
  const source = tokensInMemory(Int32Array.from({ length: 101 }, (_, i) => i));
  const { train, validation } = splitTokens(source);
  expect([train.length, validation.length]).toEqual([90, 11]);
  expect([...(await all(train)), ...(await all(validation))]).toEqual([...(await all(source))]);
  expect(splitTokens(source, { validationFraction: 0.5 }).validation.length).toBe(51);
  expect(() => splitTokens(source, { validationFraction: 1 })).toThrow("must be a number between 0 and 1, not 1");
});

test.each([[[1, 1.5]], [[1, NaN]], [[-1]], [[2 ** 31]], [["1"]], [new Array<number>(2)], [[1n]], [Float32Array.of(1)], ["abc"], [undefined]])(
  "refuses %o, which are no ids",
  (tokens) => {
    expect(() => tokensInMemory(tokens as number[])).toThrow(/^tokens(\[\d\])? must be .*, not /);
  },
);

test("takes parts that lie inside a source alone", async () => {
  const source = tokensInMemory([5, 6, 7]);
  expect(await all(tokenRange(source, 0, 3))).toEqual(Int32Array.of(5, 6, 7));
  expect(await all(tokenRange(source, 3, 3))).toEqual(new Int32Array());
  for (const [start, end] of [[-1, 2], [2, 1], [0, 4], [0.5, 2], [0, NaN]]) {
    expect(() => tokenRange(source, start, end)).toThrow(/^(start|end) must be /);
  }
  expect(() => tokenRange([5, 6] as unknown as TokenSource, 0, 1)).toThrow("source must be a source of tokens");
});

test("a fingerprint tells data from other data", async () => {
  const print = (tokens: readonly number[]): Promise<string> => fingerprint(tokensInMemory(tokens));
  expect(await print([1, 2, 3])).toBe(await fingerprint(tokenRange(tokensInMemory([0, 1, 2, 3, 4]), 1, 4)));
  const prints = await Promise.all([[], [0], [0, 0], [1, 2], [2, 1], [1, 3], [65_537, 2], [1, 2, 0]].map(print));
  expect(new Set(prints).size).toBe(prints.length);
});

test("a fingerprint changes with any token, whichever piece it is in", async () => {
  const whole = Int32Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 50_257);
  // Hashed in pieces of 65,536: short data are one, long ones several and a rest.
  const lengths = [1, 2, 65_535, 65_536, 65_537, 131_072, 200_000];
  const prints = await Promise.all(lengths.map((length) => fingerprint(tokensInMemory(whole.slice(0, length)))));
  expect(new Set(prints).size).toBe(lengths.length);
  const edges = [0, 1, 65_535, 65_536, 131_071, 131_072, 196_607, 196_608, 199_999];
  for (const [i, length] of lengths.entries()) {
    for (const index of edges.filter((index) => index < length)) {
      const changed = whole.slice(0, length);
      changed[index] = (changed[index] + 1) % 50_257;
      expect(await fingerprint(tokensInMemory(changed))).not.toBe(prints[i]);
    }
  }
});

test("a fingerprint of data beyond 16 million tokens reads a sample from the first to the last", async () => {
  let tokensRead = 0;
  let end = 0;
  const source: TokenSource = {
    length: 10 ** 9,
    read: async (start, count) => {
      tokensRead += count;
      end = Math.max(end, start + count);
      return new Int32Array(count);
    },
  };
  await fingerprint(source);
  expect(tokensRead).toBe(2 ** 24);
  expect(end).toBe(10 ** 9);
});

test("sources are joined in their order, and read across their ends", async () => {
  const joined = joinTokens([[0, 1, 2], [], [3], [4, 5, 6, 7]].map((tokens) => tokensInMemory(tokens)));
  expect(joined.length).toBe(8);
  for (let start = 0; start < 8; start++) {
    for (let end = start; end <= 8; end++) {
      expect([...(await joined.read(start, end - start))]).toEqual(Array.from({ length: end - start }, (_, i) => start + i));
    }
  }
  expect(() => joinTokens([{ length: 3 } as never])).toThrow("sources[0]");
});
