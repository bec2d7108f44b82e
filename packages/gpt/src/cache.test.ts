import { beforeEach, describe, expect, test } from "vitest";
import { AttentionBatch, keep, noGrad, scope, useBackend } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { KeyValueCache } from "./cache.ts";
import type { Hooks } from "./hooks.ts";
import { GPT } from "./model.ts";
import { architectures, compositions, idsOf, largestDifference, tiny } from "../test/fixtures.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

/** The logits of all given tokens. */
function logits(model: GPT, rows: readonly (readonly number[])[], cache?: KeyValueCache, hooks?: Hooks): Float32Array {
  return scope(() => noGrad(() => model.forward(idsOf(rows), { cache, hooks }).dataSync()));
}

const ids = [3, 1, 4, 1, 5, 9, 2, 6];

describe.each(Object.entries({ ...architectures, ...compositions }))("%s", (_, options) => {
  test.each([[[1, 1, 1, 1, 1, 1, 1, 1]], [[5, 1, 1, 1]], [[3, 4, 1]], [[8]]])(
    "steps of %j tokens see what one pass sees",
    (steps) => {
      const model = new GPT(options, { seed: 1 });
      const cache = new KeyValueCache(model.config);
      const whole = logits(model, [ids]);
      let position = 0;
      for (const count of steps) {
        const part = logits(model, [ids.slice(position, position + count)], cache);
        const expected = whole.subarray(position * 13, (position + count) * 13);
        expect(largestDifference(part, expected)).toBeLessThan(1e-5);
        position += count;
        expect(cache.length(0)).toBe(position);
      }
    },
  );

  test("a pattern that is looked at changes nothing, over sequences of different lengths", () => {
    const model = new GPT(options, { seed: 1 });
    const hooks = { "blocks.0.attention.pattern": () => undefined, "blocks.1.attention.pattern": () => undefined };
    const results = [undefined, hooks].map((hooks) => {
      const cache = new KeyValueCache(model.config, { tokens: 3 * 48 });
      logits(model, [[1, 2, 3], [4, 5, 6], [7, 8, 9]], cache, hooks);
      cache.truncate(1, 1);
      cache.truncate(2, 0);
      const next = logits(model, [[7, 8], [9, 10], [1, 1]], cache, hooks);
      expect([0, 1, 2].map((sequence) => cache.length(sequence))).toEqual([5, 3, 2]);
      return next;
    });
    expect(largestDifference(results[0], results[1])).toBeLessThan(1e-5);
    const alone = [[1, 2, 3, 7, 8], [4, 9, 10], [1, 1]].flatMap((row) => [...logits(model, [row]).slice(-2 * 13)]);
    expect(largestDifference(results[0], Float32Array.from(alone))).toBeLessThan(1e-5);
  });
});

test("what was truncated is forgotten", () => {
  const model = new GPT(tiny, { seed: 1 });
  const cache = new KeyValueCache(model.config);
  logits(model, [[3, 1, 12, 12, 12]], cache);
  cache.truncate(0, 2);
  const continued = logits(model, [[4, 1]], cache);
  expect(largestDifference(continued, logits(model, [[3, 1, 4, 1]]).slice(2 * 13))).toBeLessThan(1e-5);
});

test("a pass that fails adds nothing", () => {
  const model = new GPT(tiny, { seed: 1 });
  const cache = new KeyValueCache(model.config);
  logits(model, [[3, 1]], cache);
  const fail = (): never => {
    throw new Error("stop");
  };
  expect(() => logits(model, [[12, 12]], cache, { "blocks.1.residual": fail })).toThrow("stop");
  expect(() => logits(model, [[13]], cache)).toThrow("id 13");
  expect(cache.length(0)).toBe(2);
  expect(largestDifference(logits(model, [[4]], cache), logits(model, [[3, 1, 4]]).slice(2 * 13))).toBeLessThan(1e-5);
});

test("is allocated once, and freed by dispose", () => {
  const model = new GPT(tiny);
  const before = backend.memory.liveBuffers;
  const cache = scope(() => new KeyValueCache(model.config, { tokens: 96 }));
  const held = backend.memory.liveBuffers;
  expect(held - before).toBe(2 * model.config.blocks.length);
  for (const id of ids) logits(model, [[id], [id]], cache);
  expect(backend.memory.liveBuffers).toBe(held);
  cache.dispose();
  expect(backend.memory.liveBuffers).toBe(before);
});

describe("says what is wrong", () => {
  test("when tokens do not fit, and keeps what it has", () => {
    const model = new GPT(tiny);
    const cache = new KeyValueCache(model.config);
    logits(model, [[1, 2, 3]], cache);
    expect(() => logits(model, [[4, 5, 6, 7, 8, 9]], cache)).toThrow(
      "sequence 0 has 3 tokens; 6 more exceed the context of 8; truncate it",
    );
    expect(cache.length(0)).toBe(3);
  });

  test.each<[string, (cache: KeyValueCache) => unknown]>([
    ["2 more pages of 48 tokens are needed, 1 are free", (cache) => logits(new GPT(tiny), [[1], [2]], cache)],
    ["there is no sequence 1; open() gives one", (cache) => cache.length(1)],
    ["there is no sequence 3; open() gives one", (cache) => [cache.open(), cache.fork(3)]],
    ["there is no sequence null", (cache) => cache.reserve([[null as unknown as number, 1]])],
    ["sequence 0 has 0 tokens; it cannot keep 1", (cache) => cache.truncate(cache.open(), 1)],
    ["there is no sequence 0", (cache) => [cache.release(cache.open()), cache.release(0)]],
    ["sequence 0 is in the batch twice", (cache) => cache.reserve([[cache.open(), 1], [0, 1]])],
    ["-1 is no number of tokens", (cache) => cache.reserve([[cache.open(), -1]])],
    ["this batch was not reserved here", (cache) => cache.commit(new AttentionBatch([]))],
  ])("%s", (message, run) => {
    const cache = new KeyValueCache(new GPT(tiny).config);
    expect(() => run(cache)).toThrow(message);
  });

  test("when it is made", () => {
    const { config } = new GPT(tiny);
    expect(() => new KeyValueCache(config, { tokens: 0 })).toThrow("KeyValueCache: tokens must be a whole number from 1, not 0");
  });

  test("when a gradient is asked for", () => {
    const model = new GPT(tiny);
    const cache = new KeyValueCache(model.config);
    expect(() => scope(() => model.forward(idsOf([[1]]), { cache }))).toThrow("run under noGrad");
    expect(cache.length(0)).toBe(0);
  });

  test("when memory runs out, and frees what it had", () => {
    const config = { ...new GPT(tiny).config, contextLength: 2 ** 40 };
    const before = backend.memory.liveBuffers;
    expect(() => new KeyValueCache(config)).toThrow(expect.objectContaining({ code: "out-of-memory" }));
    expect(backend.memory.liveBuffers).toBe(before);
  });
});

describe.each([["f16", 1e-3], ["bf16", 1e-2], ["int8", 2e-2], ["int4", 0.5]] as const)("kept as %s", (dtype, error) => {
  test("steps see what one pass sees, within the rounding of keys and values", () => {
    const model = new GPT(tiny, { seed: 1 });
    const cache = new KeyValueCache(model.config, { dtype, tokens: 96 });
    const steps = [[3, 1, 4, 1, 5], [9], [2]];
    const parts = steps.map((step) => logits(model, [step, step], cache).slice(-13));
    const whole = logits(model, [steps.flat()]);
    expect(largestDifference(parts[2], whole.slice(-13))).toBeLessThan(error);
    cache.dispose();
  });

  test("a hook sees the pattern, and changes nothing", () => {
    const model = new GPT(tiny, { seed: 1 });
    const patterns: Tensor[] = [];
    const hooks: Hooks = { "blocks.0.attention.pattern": (pattern) => void patterns.push(keep(pattern.detach())) };
    const [seen, unseen] = [hooks, undefined].map((hooks) => {
      const cache = new KeyValueCache(model.config, { dtype });
      logits(model, [[3, 1, 4]], cache, hooks);
      return logits(model, [[1, 5]], cache, hooks);
    });
    expect(largestDifference(seen, unseen)).toBeLessThan(1e-5);
    const { heads } = model.config.blocks[0].attention;
    expect(patterns.map(({ shape }) => shape)).toEqual([[1, heads, 3, 3], [1, heads, 2, 5]]);
  });

  test("takes less memory, and gives it back", () => {
    const model = new GPT({ ...tiny, dim: 64, heads: 2 }, { seed: 1 });
    const live = (): number => backend.memory.liveBytes;
    const start = live();
    const whole = new KeyValueCache(model.config);
    const full = live() - start;
    whole.dispose();
    const cache = scope(() => new KeyValueCache(model.config, { dtype }));
    expect(live() - start).toBeLessThanOrEqual(full / 2);
    cache.dispose();
    expect(live()).toBe(start);
  });
});
