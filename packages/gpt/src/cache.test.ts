import { beforeEach, describe, expect, test } from "vitest";
import { keep, noGrad, scope, useBackend } from "@gpt/tensor";
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
        expect(cache.length()).toBe(position);
      }
    },
  );

  test("the explicit pattern agrees with the fused op, over slots of different lengths", () => {
    const model = new GPT(options, { seed: 1 });
    const hooks = { "blocks.0.attention.pattern": () => undefined, "blocks.1.attention.pattern": () => undefined };
    const results = [undefined, hooks].map((hooks) => {
      const cache = new KeyValueCache(model.config, { slots: 4, capacity: 7 });
      logits(
        model,
        [
          [1, 2, 3],
          [4, 5, 6],
          [7, 8, 9],
        ],
        cache,
        hooks,
      );
      cache.truncate(1, 1);
      cache.truncate(0, 2);
      const next = logits(
        model,
        [
          [7, 8],
          [9, 10],
          [1, 1],
        ],
        cache,
        hooks,
      );
      expect([0, 1, 2, 3].map((slot) => cache.length(slot))).toEqual([5, 3, 2, 0]);
      return next;
    });
    expect(largestDifference(results[0], results[1])).toBeLessThan(1e-5);
    const alone = [
      [1, 2, 3, 7, 8],
      [4, 9, 10],
      [1, 1],
    ].flatMap((row) => [...logits(model, [row]).slice(-2 * 13)]);
    expect(largestDifference(results[0], Float32Array.from(alone))).toBeLessThan(1e-5);
  });
});

test("what was truncated is forgotten", () => {
  const model = new GPT(tiny, { seed: 1 });
  const cache = new KeyValueCache(model.config);
  logits(model, [[3, 1, 12, 12, 12]], cache);
  cache.truncate(2);
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
  expect(cache.length()).toBe(2);
  expect(largestDifference(logits(model, [[4]], cache), logits(model, [[3, 1, 4]]).slice(2 * 13))).toBeLessThan(1e-5);
});

test("is allocated once, and freed by dispose", () => {
  const model = new GPT(tiny);
  const before = backend.memory.liveBuffers;
  const cache = scope(() => new KeyValueCache(model.config, { slots: 2 }));
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
    const cache = new KeyValueCache(model.config, { capacity: 4 });
    logits(model, [[1, 2, 3]], cache);
    expect(() => logits(model, [[4, 5]], cache)).toThrow(
      "slot 0 of a cache of 4 tokens holds 3 and cannot take 2 more; truncate it, or make a larger one",
    );
    expect(cache.length()).toBe(3);
  });

  test.each<[string, () => unknown]>([
    [
      "2 sequences do not fit a cache of 1 slots",
      () => logits(new GPT(tiny), [[1], [2]], new KeyValueCache(new GPT(tiny).config)),
    ],
    ["KeyValueCache: slots must be a whole number from 1, not 0", () => new KeyValueCache(new GPT(tiny).config, { slots: 0 })],
    [
      "KeyValueCache: capacity 9 exceeds the model's context of 8",
      () => new KeyValueCache(new GPT(tiny).config, { capacity: 9 }),
    ],
    ["there is no slot 1 in a cache of 1", () => new KeyValueCache(new GPT(tiny).config).length(1)],
    ["slot 0 holds 0 tokens, it cannot keep 1", () => new KeyValueCache(new GPT(tiny).config).truncate(1)],
  ])("%s", (message, run) => {
    expect(run).toThrow(message);
  });

  test("when a gradient is asked for", () => {
    const model = new GPT(tiny);
    const cache = new KeyValueCache(model.config);
    expect(() => scope(() => model.forward(idsOf([[1]]), { cache }))).toThrow("run under noGrad");
    expect(cache.length()).toBe(0);
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
    const cache = new KeyValueCache(model.config, { dtype, slots: 2 });
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
