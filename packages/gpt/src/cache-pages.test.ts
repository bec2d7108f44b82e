import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { arange, attention, embedding, keep, noGrad, pageRows, scope, tensor, useBackend } from "@gpt/tensor";
import type { AttentionBatch, Weight } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { KeyValueCache } from "./cache.ts";
import { resolveConfig } from "./resolve-config.ts";

const contextLength = 200;
const config = resolveConfig({ vocabSize: 13, contextLength, layers: 1, heads: 2, dim: 8 });
const pages = 9;
const runs = process.env.GPT_VERIFY ? 1000 : 100;

/** A number of `integer`, taken modulo what there is to choose from. */
const index = fc.nat({ max: 1000 });
const operation = fc.oneof(
  fc.record({ type: fc.constant("open" as const) }),
  fc.record({ type: fc.constant("fork" as const), of: index }),
  fc.record({ type: fc.constant("truncate" as const), of: index, to: index }),
  fc.record({ type: fc.constant("release" as const), of: index }),
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("append" as const),
      how: fc.record({ isCommitted: fc.boolean(), isTrimmed: fc.boolean() }),
      counts: fc.array(fc.tuple(index, fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 120 }))), { maxLength: 4 }),
    }),
  },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** A cache beside what it must hold: a list of tokens for each sequence. */
class Subject {
  readonly cache: KeyValueCache;
  readonly texts = new Map<number, number[]>();
  #next = 0;
  /** Whether sequences may have pages that were reserved and not used. */
  #isReserved = false;

  constructor(dtype: "f32" | "f16") {
    this.cache = new KeyValueCache(config, { tokens: pages * pageRows, dtype });
  }

  apply(operation: Operation): void {
    const { cache, texts } = this;
    const numbers = [...texts.keys()];
    if (operation.type === "open" || numbers.length === 0) {
      texts.set(cache.open(), []);
      return;
    }
    if (operation.type === "append") {
      const counts = new Map(operation.counts.map(([of, count]) => [numbers[of % numbers.length], count]));
      this.append([...counts], operation.how);
      return;
    }
    const number = numbers[operation.of % numbers.length];
    const text = texts.get(number) ?? [];
    if (operation.type === "fork") {
      texts.set(cache.fork(number), [...text]);
    } else if (operation.type === "release") {
      cache.release(number);
      texts.delete(number);
    } else {
      const length = operation.to % (text.length + 1);
      cache.truncate(number, length);
      texts.set(number, text.slice(0, length));
    }
  }

  /**
   * Adds new tokens to sequences, or reserves room for them alone; where they do not fit, says so and changes nothing. Trimmed,
   * what was reserved before and not used is given back first.
   */
  append(
    counts: readonly (readonly [number: number, count: number])[], { isCommitted, isTrimmed } = { isCommitted: true, isTrimmed: true },
  ): void {
    const lengthOf = (number: number): number => this.texts.get(number)?.length ?? 0;
    if (isTrimmed) {
      for (const number of this.texts.keys()) this.cache.truncate(number, lengthOf(number));
      this.#isReserved = false;
    }
    const isTooLong = counts.some(([number, count]) => lengthOf(number) + count > contextLength);
    const isRoom = this.#pagesBehind(counts) <= pages;
    const before = this.cache.freeTokens;
    scope(() => {
      let batch: AttentionBatch;
      try {
        batch = this.cache.reserve(counts);
      } catch (error) {
        expect(error).toMatchObject({ code: "context-overflow" });
        if (!this.#isReserved) expect(isTooLong || !isRoom).toBe(true);
        expect(this.cache.freeTokens).toBe(before);
        return;
      }
      expect(isTooLong || !isRoom).toBe(false);
      this.#isReserved ||= !isCommitted;
      if (!isCommitted) return;
      const added = counts.map(([, count]) => Array.from({ length: count }, () => this.#next++));
      const rows = counts.flatMap(([number], i) => added[i].flatMap((token, j) => projections(token, lengthOf(number) + j)));
      const qkv = tensor(Float32Array.from(rows), { shape: [batch.tokens, 24] });
      noGrad(() => attention(qkv, { heads: 2, headDim: 4, batch, cache: this.cache.blocks[0] }));
      this.cache.commit(batch);
      counts.forEach(([number], i) => this.texts.get(number)?.push(...added[i]));
    });
  }

  /** How many pages are taken when these tokens are there, by what may be shared: whole pages, and one that is not written to. */
  #pagesBehind(counts: readonly (readonly [number: number, count: number])[]): number {
    const added = new Map(counts);
    const kept = new Set<string>();
    const written: string[] = [];
    let taken = 0;
    for (const number of this.texts.keys()) {
      const [count, own] = [added.get(number) ?? 0, this.pagesOf(number)];
      const length = this.texts.get(number)?.length ?? 0;
      const isWritten = count > 0 && length % pageRows > 0;
      for (const page of isWritten ? own.slice(0, -1) : own) kept.add(String(page));
      if (isWritten) written.push(String(own.at(-1)));
      taken += Math.ceil((length + count) / pageRows) - own.length;
    }
    return kept.size + written.length + taken;
  }

  /** The pages that hold a sequence. */
  pagesOf(number: number): readonly number[] {
    return scope(() => this.cache.reserve([[number, 0]]).sequences[0].pages ?? []);
  }

  /** Each sequence has its tokens, and no page is lost. */
  expectAll(): void {
    const { cache, texts } = this;
    expect(cache.sequences).toEqual([...texts.keys()]);
    const [keys, values] = scope(() => [cache.blocks[0].keys, cache.blocks[0].values].map(elementsOf));
    const used = new Set<number>();
    for (const [number, text] of texts) {
      const own = this.pagesOf(number);
      expect(cache.length(number)).toBe(text.length);
      expect(own).toHaveLength(Math.ceil(text.length / pageRows));
      for (const page of own) used.add(page);
      text.forEach((token, position) => {
        const row = own[Math.floor(position / pageRows)] * pageRows + (position % pageRows);
        const all = projections(token, position);
        for (const head of [0, 1]) {
          const start = (head * pages * pageRows + row) * 4;
          const [key, value] = [keys, values].map((elements) => [...elements.subarray(start, start + 4)]);
          if (key.some((x, i) => x !== all[8 + head * 4 + i]) || value.some((x, i) => x !== all[16 + head * 4 + i])) {
            expect.fail(`token ${position} of sequence ${number} has the key ${key.join()} and the value ${value.join()}, not those of ${all.join()}`);
          }
        }
      });
    }
    const unused = (pages - used.size) * pageRows;
    if (this.#isReserved) expect(cache.freeTokens).toBeLessThanOrEqual(unused);
    else expect(cache.freeTokens).toBe(unused);
  }
}

/** Query, key and value of two heads, which tell token, position and head, and are exact in f16. */
function projections(token: number, position: number): number[] {
  const vector = (part: number): number[] => [token % 997, position, part, -(token % 31)];
  return Array.from({ length: 6 }, (_, part) => vector(part)).flat();
}

/** All rows of keys, or of values. */
function elementsOf(part: Weight): Float32Array {
  return embedding(part, arange(part.shape[0], { dtype: "i32" })).dataSync();
}

test.each([
  ["cpu", "f32", () => cpu()],
  ["wasm", "f32", () => wasm({ threads: 1 })],
  ["wasm", "f16", () => wasm({ threads: 1 })],
] as const)("on %s, whatever is done with sequences, each keeps its tokens as %s", async (_, dtype, start) => {
  const backend = await start();
  useBackend(backend);
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40, size: "max" }), (operations) => {
      const before = backend.memory.liveBuffers;
      const subject = new Subject(dtype);
      for (const operation of operations) {
        subject.apply(operation);
        subject.expectAll();
      }
      for (const number of subject.cache.sequences) subject.cache.release(number);
      expect(subject.cache.freeTokens).toBe(pages * pageRows);
      subject.cache.dispose();
      expect(backend.memory.liveBuffers).toBe(before);
    }),
    { numRuns: runs },
  );
  backend.dispose();
});

describe("pages", () => {
  let subject: Subject;
  let cache: KeyValueCache;
  beforeEach(async () => {
    useBackend(await cpu());
    subject = new Subject("f32");
    cache = subject.cache;
  });
  const append = (...counts: readonly (readonly [number, number])[]): void => {
    subject.append(counts);
    subject.expectAll();
  };
  const open = (tokens: number): number => {
    const number = cache.open();
    subject.texts.set(number, []);
    append([number, tokens]);
    return number;
  };
  const fork = (of: number): number => {
    const number = cache.fork(of);
    subject.texts.set(number, [...(subject.texts.get(of) ?? [])]);
    return number;
  };
  const truncate = (number: number, length: number): void => {
    cache.truncate(number, length);
    subject.texts.set(number, (subject.texts.get(number) ?? []).slice(0, length));
  };

  test("are shared until sequences differ, and given back", () => {
    const a = open(100);
    expect(cache.freeTokens).toBe(6 * pageRows);
    const b = fork(a);
    expect(cache.freeTokens).toBe(6 * pageRows);
    append([b, 1]);
    expect(cache.freeTokens).toBe(5 * pageRows);
    append([a, 1], [b, 1]);
    expect(cache.freeTokens).toBe(5 * pageRows);
    truncate(b, 96);
    expect(cache.freeTokens).toBe(6 * pageRows);
    cache.release(a);
    expect(cache.freeTokens).toBe(7 * pageRows);
    cache.release(b);
    expect(cache.freeTokens).toBe(9 * pageRows);
  });

  test("that are cut within and shared are copied before they are written to", () => {
    const a = open(100);
    const b = fork(a);
    truncate(b, 70);
    append([b, 30]);
    append([a, 5]);
    expect(subject.pagesOf(b)[0]).toBe(subject.pagesOf(a)[0]);
    expect(subject.pagesOf(b)[1]).not.toBe(subject.pagesOf(a)[1]);
  });

  test("follow one another where a sequence grows alone, whose keys are then read as one run", () => {
    const a = open(1);
    for (let i = 0; i < 4; i++) append([a, 40]);
    expect(subject.pagesOf(a)).toEqual([0, 1, 2, 3]);
  });

  test("are copied for all owners but the last that goes on, and no further one is asked for", () => {
    const a = open(190);
    open(190);
    const b = fork(a);
    expect(cache.freeTokens).toBe(pageRows);
    append([a, 1], [b, 1]);
    expect(cache.freeTokens).toBe(0);
    expect(cache.length(b)).toBe(191);
  });

  test("that are missing are counted", () => {
    const [a, b] = [open(190), open(190)];
    const c = fork(a);
    expect(() => cache.reserve([[c, 1], [cache.open(), 90]])).toThrow(
      "KeyValueCache: 3 more pages of 48 tokens are needed, 1 are free; release or truncate sequences, or make a larger cache",
    );
    expect(() => cache.reserve([[b, 11]])).toThrow("sequence 1 has 190 tokens; 11 more exceed the context of 200; truncate it");
    expect(cache.freeTokens).toBe(pageRows);
  });

  test("that were reserved are used by the next batch", () => {
    const a = cache.open();
    subject.texts.set(a, []);
    const lost = keepBatch(cache.reserve([[a, 100]]));
    expect([cache.length(a), cache.freeTokens]).toEqual([0, 6 * pageRows]);
    append([a, 50]);
    expect(() => cache.commit(lost)).toThrow("sequence 0 has 50 tokens; the batch follows 0");
    const next = cache.reserve([[a, 1]]);
    cache.commit(next);
    expect(() => cache.commit(next)).toThrow("this batch was not reserved here, or was committed before");
    lost.dispose();
    next.dispose();
  });

  test("that cannot be copied for want of memory are not lost", async () => {
    const backend = await cpu();
    useBackend(backend);
    const small = new Subject("f32");
    const a = small.cache.open();
    small.texts.set(a, []);
    small.append([[a, 10]]);
    small.texts.set(small.cache.fork(a), [...(small.texts.get(a) ?? [])]);
    const { copy } = backend.kernels;
    backend.kernels.copy = () => {
      throw new RangeError("no memory");
    };
    expect(() => small.cache.reserve([[a, 1]])).toThrow("no memory");
    backend.kernels.copy = copy;
    small.expectAll();
  });
});

function keepBatch(batch: AttentionBatch): AttentionBatch {
  keep(batch.table);
  return batch;
}
