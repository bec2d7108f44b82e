import { beforeEach, expect, test } from "vitest";
import { cpu } from "../backends/cpu/index.ts";
import type { Backend } from "../contract/index.ts";
import { attention, noGrad, scope, PackedWeight, rand, useBackend, zeros } from "../index.ts";
import type { AttentionArguments, PackedDType } from "../index.ts";

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
  const cache = { keys: zeros([4, 2, 4]), values: zeros([4, 2, 4]) };
  const qkv = rand([3, 24], { key, requiresGrad: true });
  const sequences = [{ queryStart: 0, queryCount: 3, keyStart: 0, keyCount: 3 }];
  expect(() => attention(qkv, { ...shape, sequences, cache })).toThrow("no gradient flows through a cache");
});

const sequence = { queryStart: 0, queryCount: 3, keyStart: 0, keyCount: 3 };

test("a stored cache is refused where its shapes or formats do not fit", () => {
  const attend = (keys: PackedWeight, values: PackedWeight) => () =>
    attention(rand([3, 24], { key }), { ...shape, sequences: [sequence], cache: { keys, values } });
  const part = (dtype: PackedDType, rows: number, width = 4): PackedWeight => PackedWeight.zeros(dtype, [rows, width]);
  expect(attend(part("int8", 8), part("int8", 8))().shape).toEqual([3, 8]);
  expect(attend(part("int8", 8), part("int8", 10))).toThrow(
    "attention: the stored cache is [10, 4], expected [2 · capacity, 4], keys and values alike",
  );
  expect(attend(part("int8", 7), part("int8", 7))).toThrow("the stored cache is [7, 4]");
  expect(attend(part("int8", 8, 5), part("int8", 8, 5))).toThrow("the stored cache is [8, 5]");
  expect(attend(part("int8", 8), part("f16", 8))).toThrow(
    "attention: the cache stores keys as int8 and values as f16; use one dtype",
  );
  expect(attend(part("int8", 4), part("int8", 4))).toThrow("does not fit 3 tokens and 2 keys");
});

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
