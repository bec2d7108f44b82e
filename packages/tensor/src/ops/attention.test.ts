import { beforeEach, describe, expect, test } from "vitest";
import { cpu } from "../backends/cpu/index.ts";
import type { Backend } from "../contract/index.ts";
import { attention, dropout, full, mul, noGrad, ones, PackedWeight, rand, scope, slice, tensor, useBackend, zeros } from "../index.ts";
import type { AttentionArguments, AttentionCache, PackedDType, Tensor, Weight } from "../index.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

const shape = { heads: 2, headDim: 4 };
const key = { seed: [1, 0], stream: [0, 0] } as const;
const shared = [
  { queryStart: 0, queryCount: 2, keyStart: 0, keyCount: 2 },
  { queryStart: 2, queryCount: 1, keyStart: 0, keyCount: 3 },
];

test("a shared prefix can be read, but has no gradient", () => {
  const qkv = rand([3, 24], { key, requiresGrad: true });
  const whole = noGrad(() => attention(qkv, shape));
  const parts = noGrad(() => attention(qkv, { ...shape, sequences: shared }));
  expect(parts.dataSync()).toEqual(whole.dataSync());
  expect(() => attention(qkv, { ...shape, sequences: shared })).toThrowErrorMatchingInlineSnapshot(`[TensorError: attention: the sequence {"queryStart":2,"queryCount":1,"keyStart":0,"keyCount":3} reads keys of others, which has no gradient; run under noGrad]`);
});

test("a cache has no gradient", () => {
  const cache = { keys: zeros([8, 4]), values: zeros([8, 4]) };
  const qkv = rand([3, 24], { key, requiresGrad: true });
  const sequences = [{ queryStart: 0, queryCount: 3, keyStart: 0, keyCount: 3 }];
  expect(() => attention(qkv, { ...shape, sequences, cache })).toThrow("no gradient flows through a cache");
});

const sequence = { queryStart: 0, queryCount: 3, keyStart: 0, keyCount: 3 };

test("a cache is refused where its shapes or dtypes do not fit", () => {
  const attend = (keys: Weight, values: Weight) => () =>
    attention(rand([3, 24], { key }), { ...shape, sequences: [sequence], cache: { keys, values } as AttentionCache });
  const part = (dtype: PackedDType, rows: number, width = 4): PackedWeight => PackedWeight.zeros(dtype, [rows, width]);
  expect(attend(part("int8", 8), part("int8", 8))().shape).toEqual([3, 8]);
  expect(attend(part("int8", 8), part("int8", 10))).toThrow(
    "attention: the cache is [10, 4], expected [2 · capacity, 4], keys and values alike",
  );
  expect(attend(part("int8", 7), part("int8", 7))).toThrow("the cache is [7, 4]");
  expect(attend(part("int8", 8, 5), part("int8", 8, 5))).toThrow("the cache is [8, 5]");
  expect(attend(part("int8", 8), part("f16", 8))).toThrow(
    "attention: the cache holds keys as int8 and values as f16; use one dtype",
  );
  expect(attend(part("int8", 4), part("int8", 4))).toThrow("does not fit 3 tokens and 2 keys");
  expect(attend(zeros([8, 4]), part("f16", 8))).toThrow("the cache holds keys as f32 and values as f16; use one dtype");
  expect(attend(zeros([8]), zeros([8]))).toThrow("the cache is [8]");
  expect(attend(part("mxfp4", 8), part("mxfp4", 8))).toThrow(
    "attention: the cache is of mxfp4, which is for weights alone; use f32, f16, bf16, int8, int4",
  );
  const gapped = slice(zeros([8, 5]), 1, 0, 4);
  expect(attend(gapped, gapped)).toThrow("the cache has gaps");
});

describe("the pattern", () => {
  const projections = (): Tensor => rand([5, 24], { key, requiresGrad: true });
  const lengths = [2, 3].map((count, i) => ({ queryStart: 2 * i, queryCount: count, keyStart: 2 * i, keyCount: count }));

  test("of sequences of several lengths is 0 behind their ends, and sums to 1 for each query", () => {
    let pattern: number[][][][] = [];
    attention(projections(), { ...shape, sequences: lengths, pattern: (seen) => void (pattern = nested(seen)) });
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
  ["half a row", { sequences: [{ ...sequence, keyStart: -0.5 }] }],
  ["a count that is no number", { sequences: [{ ...sequence, keyCount: NaN }] }],
  ["more keys than there are", { sequences: [{ ...sequence, keyCount: 4 }] }],
  ["more queries than keys", { sequences: [{ ...sequence, keyCount: 2 }] }],
  ["tokens left over", { sequences: [{ ...sequence, queryCount: 2 }] }],
  ["a gap between sequences", { sequences: [{ ...sequence, queryCount: 1 }, { ...sequence, queryStart: 2 }] }],
])("refuses %s, and keeps nothing", (_, options) => {
  expect(() => scope(() => void attention(zeros([3, 24]), { ...shape, ...options }))).toThrow(/^attention: /);
  expect(backend.memory.liveBuffers).toBe(0);
});
