import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import {
  abs, add, cast, full, keep, less, mul, neg, noGrad, reshape, scatterAdd, scope, tensor, where,
} from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { drawnBy } from "./distribution.ts";
import type { GeneratedToken } from "./events.ts";
import type { RowState, ScoreProcessor } from "./processors.ts";
import { chooseTokens, readChoices } from "./sampling.ts";
import type { Outcome, Row, SamplingOptions } from "./sampling.ts";
import { SuppressionMasks } from "./suppression.ts";

let backend: Backend;
beforeAll(async () => {
  backend = await cpu();
});

const logits = [1, 3, 2, 0, -1];
const off = { repetitionPenalty: 1, temperature: 1, topK: 0, topP: 1, minP: 0 };

interface RowOptions extends SamplingOptions {
  readonly scores?: readonly number[];
  readonly random?: number;
  readonly seen?: readonly number[];
  readonly suppressed?: readonly number[];
  readonly processors?: readonly ScoreProcessor[];
}

/** What comes of each row of a batch. */
async function outcomes(options: readonly RowOptions[]): Promise<Outcome[]> {
  const before = backend.memory.liveBuffers;
  const masks = new SuppressionMasks(5, backend);
  const rows = options.map(({ scores: _, random = 0, seen = [], suppressed = [], processors = [], ...sampling }): Row => ({
    tokens: seen, promptTokens: 0, sampling: { ...off, ...sampling }, processors, random,
    allowed: masks.take(suppressed),
  }));
  const choices = noGrad(() => scope(() => {
    const { report, failures } = chooseTokens(tensor(options.map(({ scores = logits }) => scores), { backend }), rows);
    return { report: keep(report), failures };
  }));
  const read = await readChoices(choices, rows);
  for (const { suppressed = [] } of options) masks.giveBack(suppressed);
  expect(backend.memory.liveBuffers).toBe(before);
  return read;
}

async function chooseAll(options: readonly RowOptions[]): Promise<GeneratedToken[]> {
  return (await outcomes(options)).map((outcome) => {
    if ("error" in outcome) throw outcome.error;
    return outcome.token;
  });
}

async function choose(options: RowOptions): Promise<GeneratedToken> {
  return (await chooseAll([options]))[0];
}

async function errorsOf(options: readonly RowOptions[]): Promise<(string | undefined)[]> {
  return (await outcomes(options)).map((outcome) => ("error" in outcome ? String(outcome.error) : undefined));
}

/** How often each token is chosen when the random number runs evenly over [0, 1). */
async function frequencies(options: RowOptions): Promise<number[]> {
  const draws = 2000;
  const counts = logits.map(() => 0);
  const rows = Array.from({ length: draws }, (_, i) => ({ ...options, random: (i + 0.5) / draws }));
  for (const { id } of await chooseAll(rows)) counts[id]++;
  return counts.map((count) => count / draws);
}

function softmax(scores: readonly number[]): number[] {
  const weights = scores.map(Math.exp);
  const total = weights.reduce((sum, weight) => sum + weight);
  return weights.map((weight) => weight / total);
}

function expectShares(shares: readonly number[], expected: readonly number[]): void {
  shares.forEach((share, id) => expect(Math.abs(share - expected[id])).toBeLessThan(1e-3));
}

describe("chooseTokens", () => {
  test("draws by the softmax of the scores", async () => {
    expectShares(await frequencies({}), softmax(logits));
  });

  test("applies the penalty, then the temperature, then the filters", async () => {
    const expected = softmax([1, 1.5, 2, 0, -2].map((score) => score / 2));
    const penalized = { repetitionPenalty: 2, temperature: 2, seen: [1, 4, 1] };
    expectShares(await frequencies(penalized), expected);
    const [first, second, third] = softmax([1, 1.5, 2].map((score) => score / 2));
    expectShares(await frequencies({ ...penalized, topK: 3 }), [first, second, third, 0, 0]);
    expectShares(await frequencies({ temperature: 2, minP: 0.5 }), [0, ...softmax([1.5, 1]), 0, 0]);
    expectShares(await frequencies({ topP: 0.6 }), [0, 1, 0, 0, 0]);
  });

  test("draws by the probabilities that drawnBy gives", async () => {
    const tied = [1, 3, 2, 2, -1];
    for (const options of [
      {}, { temperature: 0 }, { temperature: 0.5 }, { topK: 2 }, { topK: 9 }, { topP: 0.8 }, { minP: 0.3 },
      { temperature: 3, topK: 4, topP: 0.7, minP: 0.1 },
    ]) {
      const expected = drawnBy(Float32Array.from(tied), { ...off, ...options });
      expectShares(await frequencies({ ...options, scores: tied }), [...expected]);
      expect(expected.reduce((sum, probability) => sum + probability)).toBeCloseTo(1, 6);
    }
    expect([...drawnBy(Float32Array.of(1, 3, -Infinity), { ...off, temperature: 2 ** 60 })]).toEqual([0.5, 0.5, 0]);
  });

  test("takes the best token at the temperature 0, after the penalty", async () => {
    expect((await choose({ temperature: 0, random: 0.9 })).id).toBe(1);
    expect((await choose({ temperature: 0, repetitionPenalty: 2, random: 0.9, seen: [1] })).id).toBe(2);
  });

  test("reports the model's own probability of the token, before all options", async () => {
    for (const options of [{ temperature: 0 }, { temperature: 9, topK: 1 }, { repetitionPenalty: 1.2, topK: 1 }]) {
      const { id, logProbability } = await choose({ ...options, random: 0.5, seen: [1] });
      expect(id).toBe(1);
      expect(logProbability).toBeCloseTo(Math.log(softmax(logits)[1]), 5);
    }
  });

  test("chooses a token that every filter allows, for any scores and options", async () => {
    const score = fc.integer({ min: -40, max: 40 });
    let [longest, filtered] = [0, 0];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(score, fc.constant(-Infinity)), { minLength: 1, maxLength: 200, size: "max" }),
        fc.integer({ min: 1, max: 50 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 2 ** 24 - 1 }),
        async (scores, topK, topP, random) => {
          fc.pre(scores.some((value) => value > -Infinity));
          longest = Math.max(longest, scores.length);
          filtered += topK < scores.length ? 1 : 0;
          const { id } = await choose({ scores, topK, topP, random: random / 2 ** 24 });
          expect(scores.filter((value) => value > scores[id]).length).toBeLessThan(topK);
          expect(scores[id]).toBeGreaterThan(-Infinity);
        },
      ),
    );
    // More scores than a vector or a block of a kernel has, and filters that leave some out.
    expect(longest).toBeGreaterThan(100);
    expect(filtered).toBeGreaterThan(20);
  });

  test("suppressed tokens are as if the model did not have them", async () => {
    expect((await choose({ temperature: 0, suppressed: [1] })).id).toBe(2);
    expect((await choose({ temperature: 0, repetitionPenalty: 9, seen: [1, 2], suppressed: [1, 0, 2] })).id).toBe(3);
    const { logProbability } = await choose({ temperature: 0, suppressed: [1] });
    expect(logProbability).toBeCloseTo(Math.log(softmax([1, 2, 0, -1])[1]), 5);
    for (const options of [{}, { topK: 2 }, { topP: 0.9 }, { minP: 0.1 }, { temperature: 3, repetitionPenalty: 0.5 }]) {
      const rows = Array.from({ length: 200 }, (_, i) => ({ ...options, random: (i + 0.5) / 200, seen: [1, 2], suppressed: [1, 2] }));
      for (const { id } of await chooseAll(rows)) expect([0, 3, 4]).toContain(id);
    }
  });

  test("gives each row of a batch what it has alone", async () => {
    const number = fc.integer({ min: -40, max: 40 }).map((value) => value / 8);
    const row: fc.Arbitrary<RowOptions> = fc.record({
      scores: fc.array(number, { minLength: 5, maxLength: 5 }),
      random: fc.integer({ min: 0, max: 2 ** 24 - 1 }).map((value) => value / 2 ** 24),
      seen: fc.array(fc.nat(4), { maxLength: 8 }),
      suppressed: fc.subarray([0, 1, 2, 3, 4], { maxLength: 3 }),
      temperature: fc.constantFrom(0, 0.5, 1, 2),
      topK: fc.nat(6), topP: fc.constantFrom(0.3, 0.9, 1), minP: fc.constantFrom(0, 0.2),
      repetitionPenalty: fc.constantFrom(1, 1, 1.5, 0.5),
      processors: fc.subarray([onlyEven, onlyEven, lessOfTheLast]),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 2, maxLength: 8 }), async (rows) => {
        const alone: GeneratedToken[] = [];
        for (const options of rows) alone.push(await choose(options));
        expect(await chooseAll(rows)).toEqual(alone);
      }),
    );
  });
});

/** Forbids odd tokens, unless 0, 2 and 4 are forbidden already. */
const onlyEven: ScoreProcessor = {
  process: (scores) => add(scores, tensor([0, -20, 0, -20, 0], { backend })),
};

/** Makes the last token, where there is one, less likely. */
const lessOfTheLast: ScoreProcessor = {
  process(scores, rows) {
    const last = tensor(Int32Array.from(rows, ({ tokens }) => tokens.at(-1) ?? 0), { shape: [rows.length, 1], backend });
    return scatterAdd(scores, last, full([rows.length, 1], -3, { backend }), -1);
  },
};

/** Gives what it is told, whatever its type. */
const giving = (result: (scores: Tensor, rows: readonly RowState[]) => unknown): ScoreProcessor => ({
  process: (scores, rows) => result(scores, rows) as Tensor,
});

describe("score processors", () => {
  test("change the scores behind the penalty, in order, and not the probability that is reported", async () => {
    const order: string[] = [];
    const log = (name: string): ScoreProcessor => giving((scores) => {
      order.push(`${name} ${[...scores.dataSync()].join()}`);
      return add(scores, 1);
    });
    const options = { repetitionPenalty: 2, seen: [1], temperature: 0, processors: [log("a"), log("b")] };
    expect(await choose(options)).toEqual(await choose({ ...options, processors: [] }));
    expect(order).toEqual(["a 1,1.5,2,0,-1", "b 2,2.5,3,1,0"]);
    const { id, logProbability } = await choose({ temperature: 0, processors: [giving((scores) => neg(scores))] });
    expect(id).toBe(4);
    expect(logProbability).toBeCloseTo(Math.log(softmax(logits)[4]), 5);
  });

  test("see all rows that have them at once, with what each row's sequence is", async () => {
    const seen: [number, (readonly number[])[]][] = [];
    const look = giving((scores, rows) => {
      seen.push([scores.shape[0], rows.map(({ tokens }) => tokens)]);
      return scores;
    });
    await chooseAll([{ seen: [1], processors: [look] }, { seen: [2, 3] }, { seen: [4], processors: [look] }]);
    await chooseAll([{ seen: [1], processors: [look] }, { seen: [2, 3], processors: [look] }]);
    expect(seen).toEqual([[2, [[1], [4]]], [2, [[1], [2, 3]]]]);
  });

  test("that fail are failures of their rows alone", async () => {
    const good = { temperature: 0 };
    const results: [unknown: (scores: Tensor) => unknown, message: string][] = [
      [() => undefined, "processors[1].process() must return a tensor, not undefined"],
      [(scores) => Promise.resolve(scores), "processors[1].process() must return a tensor, not "],
      [(scores) => reshape(scores, [5]), "processors[1].process() returned f32 [5], expected f32 [1, 5]"],
      [(scores) => cast(scores, "i32"), "processors[1].process() returned i32 [1, 5], expected f32 [1, 5]"],
      [(scores) => scope(() => void (scores = add(scores, 0))) ?? scores, "processors[1].process() returned a tensor that was freed"],
      [() => { throw new Error("no grammar"); }, "no grammar"],
      [(scores) => mul(scores, NaN), "the largest score that the score processors left is NaN"],
      [(scores) => mul(abs(scores), -Infinity), "the largest score that the score processors left is NaN"],
      [(scores) => where(less(scores, 9), -Infinity, scores), "the largest score that the score processors left is -Infinity"],
      [(scores) => where(less(scores, 3), scores, Infinity), "the largest score that the score processors left is Infinity"],
    ];
    for (const [result, message] of results) {
      const bad = { processors: [lessOfTheLast, giving(result)] };
      const [first, second, third] = await errorsOf([good, bad, { ...good, processors: [lessOfTheLast] }]);
      expect([first, third]).toEqual([undefined, undefined]);
      expect(second).toContain(message);
    }
    const other = await cpu();
    const elsewhere = giving(() => keep(tensor([logits], { backend: other })));
    expect(await errorsOf([{ processors: [elsewhere] }])).toEqual([
      "GenerationError: processors[0].process() returned a tensor on another backend than the model's",
    ]);
  });

  test("a penalty that leaves no finite score is a failure, too", async () => {
    expect(await errorsOf([{ repetitionPenalty: 1e-40, seen: [1] }, {}])).toEqual([
      expect.stringContaining("the largest score that the repetition penalty left is Infinity"), undefined,
    ]);
  });

  test("scores of the model that are no numbers are its failure, in their row", async () => {
    expect(await errorsOf([{ scores: [1, NaN, 2, 3, 4] }, {}])).toEqual([
      expect.stringContaining("the model's scores are not numbers"), undefined,
    ]);
  });
});
