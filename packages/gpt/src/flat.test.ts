import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keep, noGrad, reshape, scope, tensor, useBackend } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import type { FlatInput } from "./forward-input.ts";
import type { Hooks } from "./hooks.ts";
import { KeyValueCache } from "./cache.ts";
import { GPT } from "./model.ts";
import { architectures, compositions, idsOf, largestDifference, tiny } from "../test/fixtures.ts";

const vocabSize = 13;
const models = Object.entries({ ...architectures, ...compositions });

/** Sequences of 1 to 8 tokens. */
const someTexts = fc.array(fc.array(fc.nat({ max: vocabSize - 1 }), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 7 });
const runs = process.env.GPT_VERIFY ? 200 : 12;

function flat(texts: readonly (readonly number[])[], options: Partial<FlatInput> = {}): FlatInput {
  return { ids: tensor(Int32Array.from(texts.flat())), sequences: texts.map(({ length }) => ({ count: length })), ...options };
}

function logits(model: GPT, texts: readonly (readonly number[])[], outputs?: FlatInput["outputs"]): Float32Array {
  return scope(() => noGrad(() => model.forward(flat(texts, { outputs })).dataSync()));
}

function alone(model: GPT, text: readonly number[]): Float32Array {
  return scope(() => noGrad(() => model.forward(idsOf([text])).dataSync()));
}

/** Gradients of all parameters of what `loss` gives. */
function gradientsOf(model: GPT, loss: () => Tensor): readonly Float32Array[] {
  scope(() => loss().backward());
  return model.parameters().map((parameter) => {
    const gradient = (parameter.grad as Tensor).dataSync();
    parameter.grad?.dispose();
    parameter.grad = undefined;
    return gradient;
  });
}

describe.each(models)("%s", (_, options) => {
  test("any mixture of lengths gives the bits of each sequence alone on cpu, and nearly so on wasm", async () => {
    for (const [start, error] of [[cpu, 0], [() => wasm({ threads: 1 }), 1e-5]] as const) {
      const backend = await start();
      useBackend(backend);
      const model = new GPT(options, { seed: 1 });
      fc.assert(
        fc.property(someTexts, (texts) => {
          const expected = Float32Array.from(texts.flatMap((text) => [...alone(model, text)]));
          const size = expected.reduce((largest, logit) => Math.max(largest, Math.abs(logit)), 1);
          expect(largestDifference(logits(model, texts), expected)).toBeLessThanOrEqual(error * size);
        }),
        { numRuns: runs },
      );
      model.dispose();
      expect(backend.memory.liveBuffers).toBe(0);
      backend.dispose();
    }
  });

  test("gradients are the sum of those of each sequence alone", async () => {
    useBackend(await cpu());
    const model = new GPT(options, { seed: 1 });
    fc.assert(
      fc.property(someTexts, (texts) => {
        const tokens = texts.flat().length;
        const targets = texts.map((text, i) => text.map((token) => (5 * token + i) % vocabSize));
        const together = gradientsOf(model, () => model.loss(flat(texts), tensor(Int32Array.from(targets.flat()))));
        const sums = together.map(({ length }) => new Float64Array(length));
        texts.forEach((text, i) => {
          const own = gradientsOf(model, () => model.loss(idsOf([text]), idsOf([targets[i]])));
          own.forEach((gradient, parameter) => {
            gradient.forEach((x, j) => (sums[parameter][j] += (x * text.length) / tokens));
          });
        });
        together.forEach((gradient, parameter) => {
          const scale = Math.max(1, ...gradient.map(Math.abs));
          expect(largestDifference(gradient, Float32Array.from(sums[parameter]))).toBeLessThan(1e-5 * scale);
        });
      }),
      { numRuns: Math.ceil(runs / 4) },
    );
  });

  test("a pattern that is looked at changes nothing, and has the queries and keys of each sequence", async () => {
    useBackend(await cpu());
    const model = new GPT(options, { seed: 1 });
    const texts = [[1, 2, 3], [4], [5, 6, 7, 8, 9]];
    const { heads } = model.config.blocks[1].attention;
    let pattern: Tensor | undefined;
    const hooks: Hooks = { "blocks.1.attention.pattern": (seen) => void (pattern = keep(seen.detach())) };
    const seen = scope(() => noGrad(() => model.forward(flat(texts, { hooks })).dataSync()));
    expect(largestDifference(seen, logits(model, texts))).toBeLessThan(1e-5);
    expect(pattern?.shape).toEqual([3, heads, 5, 5]);
    // Queries behind the end of a sequence have no pattern; of a sequence of one token, a sink may take a part.
    const values = pattern?.dataSync() ?? new Float32Array();
    expect(values[heads * 25]).toBeGreaterThan(0);
    expect([...values.subarray(heads * 25 + 1, heads * 25 + 25)]).toEqual(new Array(24).fill(0));
  });
});

describe("outputs", () => {
  const texts = [[1, 2, 3], [4], [5, 6, 7, 8, 9]];

  test("are those of the tokens that are asked for", async () => {
    useBackend(await cpu());
    const model = new GPT(tiny, { seed: 1 });
    const all = logits(model, texts);
    const rowsOf = (...rows: number[]): Float32Array =>
      Float32Array.from(rows.flatMap((row) => [...all.subarray(row * vocabSize, (row + 1) * vocabSize)]));
    expect(logits(model, texts, "all")).toEqual(all);
    expect(logits(model, texts, "last")).toEqual(rowsOf(2, 3, 8));
    expect(logits(model, texts, Int32Array.of(5, 0, 5))).toEqual(rowsOf(5, 0, 5));
    expect(logits(model, [[1], [4]], "last")).toHaveLength(2 * vocabSize);
    expect(logits(model, texts, new Int32Array())).toHaveLength(0);
  });

  test("of hidden states and of the loss have their shape", async () => {
    useBackend(await cpu());
    const model = new GPT(tiny, { seed: 1 });
    scope(() => {
      expect(model.hidden(flat(texts)).shape).toEqual([9, 8]);
      expect(model.hidden(flat(texts, { outputs: "last" })).shape).toEqual([3, 8]);
      const targets = tensor(Int32Array.of(3, 5, 7));
      const loss = model.loss(flat(texts, { outputs: "last" }), targets).dataSync()[0];
      const logged: Hooks = { logits: () => undefined };
      expect(model.loss(flat(texts, { outputs: "last", hooks: logged }), targets).dataSync()[0]).toBeCloseTo(loss, 5);
    });
  });
});

test("a token by token reading of sequences beside prompts gives what each gives alone", async () => {
  useBackend(await cpu());
  const model = new GPT({ ...tiny, contextLength: 120 }, { seed: 1 });
  const cache = new KeyValueCache(model.config, { tokens: 480 });
  const texts = [4, 100, 49].map((length, i) => Array.from({ length }, (_, k) => (k * k + 3 * k + i) % vocabSize));
  const ids = texts.map(() => cache.open());
  const read = (...parts: readonly (readonly [index: number, start: number, end: number])[]): void => {
    const results = scope(() =>
      noGrad(() => {
        const sequences = parts.map(([index, start, end]) => ({ id: ids[index], count: end - start }));
        const tokens = parts.flatMap(([index, start, end]) => texts[index].slice(start, end));
        return model.forward({ ids: tensor(Int32Array.from(tokens)), sequences, cache }).dataSync();
      }),
    );
    const expected = parts.flatMap(([index, start, end]) => [
      ...alone(model, texts[index].slice(0, end)).subarray(start * vocabSize),
    ]);
    expect(largestDifference(results, Float32Array.from(expected))).toBeLessThan(1e-5);
  };
  read([0, 0, 2], [1, 0, 47]);
  read([1, 47, 48], [0, 2, 3], [2, 0, 48]);
  read([2, 48, 49], [0, 3, 4], [1, 48, 100]);
  cache.dispose();
});

describe("says what is wrong", () => {
  const ids = (): Tensor<"i32"> => tensor(Int32Array.of(1, 2, 3));
  test.each<[string, (model: GPT) => unknown]>([
    ["GPT: ids must be a tensor [tokens] of i32, not a list; make one with tensor(…)", (model) => model.forward({ ids: [1, 2, 3] as never, sequences: [] })],
    ["GPT: ids are [1, 3], expected [tokens], of 1 or more", (model) => model.forward({ ids: reshape(ids(), [1, 3]), sequences: [{ count: 3 }] })],
    ["GPT: ids are 3 tokens, the sequences have 2", (model) => model.forward({ ids: ids(), sequences: [{ count: 1 }, { count: 1 }] })],
    ["GPT: ids are 3 tokens, the sequences have 0", (model) => model.forward({ ids: ids(), sequences: [] })],
    ["GPT: count must be a whole number from 1, not 0", (model) => model.forward({ ids: ids(), sequences: [{ count: 3 }, { count: 0 }] })],
    ["GPT: count must be a whole number from 1, not 1.5", (model) => model.forward({ ids: ids(), sequences: [{ count: 1.5 }, { count: 1.5 }] })],
    ["GPT: sequences must be a list, not 3", (model) => model.forward({ ids: ids(), sequences: 3 as never })],
    ["GPT: sequences[0] must be { count, id? }: it has no count", (model) => model.forward({ ids: ids(), sequences: [{}] as never })],
    ["GPT: outputs must be \"all\", \"last\" or an Int32Array, not \"first\"", (model) => model.forward(flat([[1]], { outputs: "first" as never }))],
    ["GPT: outputs have row 3; there are 3 tokens", (model) => model.forward(flat([[1, 2, 3]], { outputs: Int32Array.of(0, 3) }))],
    ["GPT: outputs have row -1; there are 3 tokens", (model) => model.forward(flat([[1, 2, 3]], { outputs: Int32Array.of(-1) }))],
    ["GPT: sequence 0 is of a cache, but none was given", (model) => model.forward({ ids: ids(), sequences: [{ id: 0, count: 3 }] })],
    ["KeyValueCache: there is no sequence undefined; open() gives one", (model) => {
      return noGrad(() => model.forward({ ids: ids(), sequences: [{ count: 3 }], cache: new KeyValueCache(model.config) }));
    }],
    ["9 tokens exceed the model's context of 8; pass fewer", (model) => model.forward(flat([[1], new Array<number>(9).fill(1)]))],
  ])("%s", async (message, run) => {
    const backend = await cpu();
    useBackend(backend);
    const model = new GPT(tiny);
    expect(() => scope(() => void run(model))).toThrow(message);
  });
});
