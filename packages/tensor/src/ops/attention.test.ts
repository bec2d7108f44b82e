import { beforeEach, describe, expect, test } from "vitest";
import { cpu } from "../backends/cpu/index.ts";
import type { Backend } from "../contract/index.ts";
import {
  attention, AttentionBatch, concat, dropout, full, mul, ones, PackedWeight, rand, scope, slice, tensor, useBackend, zeros,
} from "../index.ts";
import type { AttentionArguments, AttentionCache, PackedDType, SequenceTokens, Tensor, Weight } from "../index.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

const shape = { heads: 2, headDim: 4 };
const key = { seed: [1, 0], stream: [0, 0] } as const;
/** Three tokens in a page. */
const inPage = (queryCount = 3): AttentionBatch => new AttentionBatch([{ queryCount, keyCount: 3, pages: [0] }]);

test("sequences share the pages of a prefix", () => {
  const qkv = rand([3, 24], { key });
  const cache = { keys: zeros([2 * 96, 4]), values: zeros([2 * 96, 4]) };
  const whole = attention(qkv, shape);
  attention(slice(qkv, 0, 0, 2), { ...shape, cache, batch: new AttentionBatch([{ queryCount: 2, pages: [1] }]) });
  // The third token twice, once beside another one that is longer.
  const twice = concat([slice(qkv, 0, 2), qkv], 0);
  const batch = new AttentionBatch([{ queryCount: 1, keyCount: 3, pages: [1] }, { queryCount: 3, pages: [0] }]);
  expect(attention(twice, { ...shape, cache, batch }).dataSync()).toEqual(concat([slice(whole, 0, 2), whole], 0).dataSync());
});

test("a cache has no gradient", () => {
  const cache = { keys: zeros([96, 4]), values: zeros([96, 4]) };
  const qkv = rand([3, 24], { key, requiresGrad: true });
  expect(() => attention(qkv, { ...shape, batch: inPage(), cache })).toThrow("no gradient flows through a cache");
});

test("a cache is refused where its shapes or dtypes do not fit", () => {
  const attend = (keys: Weight, values: Weight, batch = inPage()) => () =>
    attention(rand([3, 24], { key }), { ...shape, batch, cache: { keys, values } as AttentionCache });
  const part = (dtype: PackedDType, rows: number, width = 4): PackedWeight => PackedWeight.zeros(dtype, [rows, width]);
  expect(attend(part("int8", 96), part("int8", 96))().shape).toEqual([3, 8]);
  expect(attend(part("int8", 96), part("int8", 192))).toThrow(
    "attention: the cache is [192, 4], expected [2 · 48 · pages, 4], keys and values alike",
  );
  expect(attend(part("int8", 144), part("int8", 144))).toThrow("the cache is [144, 4]");
  expect(attend(part("int8", 96, 5), part("int8", 96, 5))).toThrow("the cache is [96, 5]");
  expect(attend(part("int8", 96), part("f16", 96))).toThrow(
    "attention: the cache holds keys as int8 and values as f16; use one dtype",
  );
  expect(attend(zeros([96, 4]), part("f16", 96))).toThrow("the cache holds keys as f32 and values as f16; use one dtype");
  expect(attend(zeros([96]), zeros([96]))).toThrow("the cache is [96]");
  expect(attend(part("mxfp4", 96), part("mxfp4", 96))).toThrow(
    "attention: the cache is of mxfp4, which is for weights alone; use f32, f16, bf16, int8, int4",
  );
  const gapped = slice(zeros([96, 5]), 1, 0, 4);
  expect(attend(gapped, gapped)).toThrow("the cache has gaps");
  const beyond = new AttentionBatch([{ queryCount: 3, pages: [1] }]);
  expect(attend(zeros([96, 4]), zeros([96, 4]), beyond)).toThrow("the batch has page 1, the cache ends with page 0");
  const nowhere = new AttentionBatch([{ queryCount: 3 }]);
  expect(attend(zeros([96, 4]), zeros([96, 4]), nowhere)).toThrow("sequence 0 of the batch has no pages of the cache");
});

test("a batch is refused that does not fit the tokens, or has pages of no cache", () => {
  const attend = (batch: AttentionBatch) => () => attention(zeros([3, 24]), { ...shape, batch });
  expect(attend(new AttentionBatch([{ queryCount: 2 }]))).toThrow("attention: the batch is of 2 tokens, qkv of 3");
  expect(attend(inPage())).toThrow("attention: the batch has pages, but there is no cache");
});

test.each<[string, SequenceTokens]>([
  ["half a token", { queryCount: 0.5 }],
  ["a count that is no number", { queryCount: 1, keyCount: NaN, pages: [0] }],
  ["more queries than keys", { queryCount: 3, keyCount: 2, pages: [0] }],
  ["keys that are nowhere", { queryCount: 1, keyCount: 2 }],
  ["fewer pages than the keys need", { queryCount: 1, keyCount: 49, pages: [0] }],
  ["a page before the first one", { queryCount: 1, pages: [-1] }],
])("no batch is of %s", (_, sequence) => {
  expect(() => new AttentionBatch([{ queryCount: 1 }, sequence])).toThrow(/^AttentionBatch: sequence 1, /);
  expect(backend.memory.liveBuffers).toBe(0);
});

describe("the pattern", () => {
  const projections = (): Tensor => rand([5, 24], { key, requiresGrad: true });

  test("of sequences of several lengths is 0 behind their ends, and sums to 1 for each query", () => {
    let pattern: number[][][][] = [];
    attention(projections(), { ...shape, batch: new AttentionBatch([{ queryCount: 2 }, { queryCount: 3 }]), pattern: (seen) => void (pattern = nested(seen)) });
    for (const head of [0, 1]) {
      expect(pattern[0][head].map((row) => row.slice(2))).toEqual([[0], [0], [0]]);
      expect(pattern[0][head][2]).toEqual([0, 0, 0]);
      expect(pattern[1][head][0]).toEqual([1, 0, 0]);
      for (const [b, count] of [2, 3].entries()) {
        for (const row of pattern[b][head].slice(0, count)) expect(sumOf(row)).toBeCloseTo(1, 6);
      }
    }
  });

  test("leaves to the sink what is the sink's", () => {
    let pattern: number[][][][] = [];
    const sinks = tensor([0, 1000]);
    attention(projections(), { ...shape, sinks, pattern: (seen) => void (pattern = nested(seen)) });
    expect(pattern[0][0].map(sumOf).every((sum) => sum > 0 && sum < 1)).toBe(true);
    expect(pattern[0][1].map(sumOf)).toEqual([0, 0, 0, 0, 0]);
  });

  test("gives way to another one, through which gradients flow", () => {
    const [qkv, same] = [projections(), projections()];
    const out = attention(qkv, { ...shape, pattern: (seen) => mul(seen, 2) });
    expect(out.dataSync()).toEqual(mul(attention(qkv, { ...shape, pattern: () => undefined }), 2).dataSync());
    out.backward(ones([5, 8]));
    attention(same, shape).backward(full([5, 8], 2));
    const [twice, expected] = [qkv, same].map(({ grad }) => grad?.dataSync() ?? []);
    expect(twice).toHaveLength(5 * 24);
    for (const [i, value] of twice.entries()) expect(value).toBeCloseTo(expected[i], 5);
  });

  test("is dropped out by the key", () => {
    const qkv = projections();
    const [probability, dropKey] = [0.4, { seed: [3, 0], stream: [4, 0] }] as const;
    const dropped = attention(qkv, { ...shape, dropout: { probability, key: dropKey } });
    const byHand = attention(qkv, { ...shape, pattern: (seen) => dropout(seen, probability, dropKey) });
    expect(dropped.dataSync()).toEqual(byHand.dataSync());
    expect(dropped.dataSync()).not.toEqual(attention(qkv, { ...shape, pattern: () => undefined }).dataSync());
  });

  test("is refused in another shape, and dropout without sense", () => {
    const attend = (options: Partial<AttentionArguments>) => () => attention(projections(), { ...shape, ...options });
    expect(attend({ pattern: () => ones([2, 5, 5]) })).toThrow("attention: the pattern is [1, 2, 5, 5], not [2, 5, 5]");
    expect(attend({ pattern: 1 as never })).toThrow("attention: pattern must be a function");
    expect(attend({ dropout: { probability: 1, key } })).toThrow("attention: the probability 1 must be at least 0 and below 1");
    expect(attend({ dropout: { probability: 0.5, key: 1 as never } })).toThrow("attention: the key of dropout must be a key");
  });
});

const sumOf = (row: readonly number[]): number => row.reduce((sum, x) => sum + x, 0);

function nested(pattern: Tensor): number[][][][] {
  const [B, H, T, S] = pattern.shape;
  const data = pattern.dataSync();
  const lengths = (length: number): number[] => [...Array(length).keys()];
  return lengths(B).map((b) => lengths(H).map((h) => lengths(T).map((t) => {
    const start = ((b * H + h) * T + t) * S;
    return [...data.subarray(start, start + S)];
  })));
}

test("sinks are refused that are not one for each head", () => {
  for (const sinks of [zeros([3]), zeros([]), zeros([1, 2])]) {
    const { shape: found } = sinks;
    expect(() => attention(zeros([3, 24]), { ...shape, sinks })).toThrow(
      `attention: the sinks are [${found.join(", ")}], expected one for each head, [2]`,
    );
  }
});

test.each<[string, Partial<AttentionArguments>]>([
  ["heads that are no multiple", { heads: 3, kvHeads: 2 }],
  ["a window of half a position", { window: 0.5 }],
  ["a window without causal attention", { window: 2, causal: false }],
  ["sequences of half a row", { sequenceLength: 1.5 }],
  ["sequences of another length", { sequenceLength: 2 }],
])("refuses %s, and keeps nothing", (_, options) => {
  expect(() => scope(() => void attention(zeros([3, 24]), { ...shape, ...options }))).toThrow(/^attention: /);
  expect(backend.memory.liveBuffers).toBe(0);
});
