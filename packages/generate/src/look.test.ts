import { beforeEach, describe, expect, test } from "vitest";
import { captureActivations, GPT } from "@gpt/gpt";
import type { GPTOptions } from "@gpt/gpt";
import { useBackend } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { CharacterTokenizer } from "@gpt/tokenizer";
import { nextTokenDistribution } from "./distribution.ts";
import { embed } from "./embed.ts";
import { nextTokenProbabilities } from "./next-token.ts";
import { perplexity } from "./perplexity.ts";
import { streamTokens } from "./tokens.ts";
import { modesOf, probabilitiesOf, scoresOf } from "../test/reference.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

const tokenizer = CharacterTokenizer.fromText("abcd ");
const text = "ab cd dcba";

function randomModel(changes: Partial<GPTOptions> = {}): GPT {
  const sizes = { vocabSize: tokenizer.vocabSize, contextLength: 16, layers: 2, heads: 2, dim: 8, initialStd: 0.5 };
  return new GPT({ ...sizes, dropout: 0.5, ...changes }, { seed: 1 });
}

describe("nextTokenProbabilities", () => {
  test("are those of a forward pass, the likeliest first", async () => {
    const model = randomModel();
    const expected = probabilitiesOf(scoresOf(model, tokenizer.encode(text)).at(-1) as Float32Array);
    const found = await nextTokenProbabilities(model, tokenizer, text);
    expect(found.map(({ id }) => id).sort()).toEqual([0, 1, 2, 3, 4]);
    for (const { id, text, probability } of found) {
      expect(text).toBe(tokenizer.decode([id]));
      expect(probability).toBeCloseTo(expected[id], 6);
    }
    const probabilities = found.map(({ probability }) => probability);
    expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a));
    expect(probabilities.reduce((sum, probability) => sum + probability)).toBeCloseTo(1, 12);
    expect(await nextTokenProbabilities(model, tokenizer, text, { top: 2 })).toEqual(found.slice(0, 2));
  });

  test("are among the tokens that the tokenizer has, as in generation", async () => {
    const model = randomModel({ vocabSize: 40 });
    const found = await nextTokenProbabilities(model, tokenizer, text, { top: 100 });
    expect(found).toHaveLength(5);
    expect(found.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 12);
    const suppressTokens = Array.from({ length: 35 }, (_, i) => 5 + i);
    for await (const event of streamTokens(model, tokenizer.encode(text), { maxTokens: 1, temperature: 0, suppressTokens })) {
      if (event.type === "finish") break;
      expect(event.id).toBe(found[0].id);
      expect(Math.exp(event.logProbability)).toBeCloseTo(found[0].probability, 6);
    }
  });
});

describe("nextTokenDistribution", () => {
  const ids = tokenizer.encode(text);

  test("is that of a forward pass, and what the options make of it", async () => {
    const model = randomModel();
    const scores = scoresOf(model, ids).at(-1) as Float32Array;
    const before = backend.memory.liveBuffers;
    const found = await nextTokenDistribution(model, ids, { repetitionPenalty: 1.5, temperature: 0.5, suppressTokens: 2 });
    expect(backend.memory.liveBuffers).toBe(before);
    const expectClose = (found: Float32Array, expected: readonly number[]) =>
      expected.forEach((probability, id) => expect(found[id]).toBeCloseTo(probability, 5));
    const known = scores.with(2, -Infinity);
    expectClose(found.model, probabilitiesOf(known));
    // The text has all tokens.
    expectClose(found.drawn, probabilitiesOf(known.map((score) => (score > 0 ? score / 1.5 : score * 1.5) / 0.5)));
    const plain = await nextTokenDistribution(model, ids);
    expect(plain.drawn).toEqual(plain.model);
    expectClose(plain.model, probabilitiesOf(scores));
  });

  test("takes the defaults of the model, and says what is wrong", async () => {
    const sizes = { vocabSize: 5, contextLength: 16, layers: 1, heads: 2, dim: 8 };
    const model = new GPT(sizes, { seed: 1, generation: { topK: 1 } });
    expect((await nextTokenDistribution(model, ids)).drawn.filter((probability) => probability > 0)).toEqual(Float32Array.of(1));
    expect((await nextTokenDistribution(model, ids, { modelDefaults: false })).drawn.every((probability) => probability > 0)).toBe(true);
    await expect(nextTokenDistribution(model, ids, { topP: 2 })).rejects.toMatchObject({ code: "invalid-option" });
    await expect(nextTokenDistribution(model, [])).rejects.toMatchObject({ code: "empty-prompt" });
    await expect(nextTokenDistribution(model, [9])).rejects.toMatchObject({ code: "invalid-token" });
    await expect(nextTokenDistribution(model, Array(17).fill(1))).rejects.toMatchObject({ code: "prompt-too-long" });
    await expect(nextTokenDistribution(model, ids, { repetitionPenalty: 1e-39 })).rejects.toMatchObject({ code: "invalid-scores" });
    const { liveBuffers } = backend.memory;
    backend.write(model.finalNorm?.weight as Tensor, new Float32Array(8).fill(NaN));
    await expect(nextTokenDistribution(model, ids, { suppressTokens: 1 })).rejects.toMatchObject({ code: "not-a-number" });
    expect(backend.memory.liveBuffers).toBe(liveBuffers);
  });
});

test("embed gives the mean of the hidden states, or the last one", async () => {
  const model = randomModel();
  const { residual } = captureActivations(model, tokenizer.encode(text), ["residual"]);
  const rows = await residual.data(); // (T, 8)
  const found = await embed(model, tokenizer, text);
  expect(found).toHaveLength(8);
  for (const [i, value] of found.entries()) {
    const column = rows.filter((_, k) => k % 8 === i);
    expect(value).toBeCloseTo(column.reduce((sum, value) => sum + value) / text.length, 5);
  }
  expect([...(await embed(model, tokenizer, text, { pooling: "last" }))]).toEqual([...rows.slice(-8)]);
});

describe("perplexity", () => {
  /** e to the mean loss, in float64, where each token is predicted from those of its window before it. */
  function reference(model: GPT, ids: readonly number[], stride: number): number {
    const { contextLength } = model.config;
    let [start, total] = [0, 0];
    for (let target = 1; target < ids.length; target++) {
      if (target - start > contextLength) start += stride;
      const scores = scoresOf(model, ids.slice(start, target)).at(-1) as Float32Array;
      total -= Math.log(probabilitiesOf(scores)[ids[target]]);
    }
    return Math.exp(total / (ids.length - 1));
  }

  const long = Array.from({ length: 53 }, (_, i) => "abcd "[(i * i + (i >> 2)) % 5]).join("");

  test.each([
    [2, 8], [16, 8], [17, 8], [18, 8], [25, 8], [53, 8], [53, 1], [53, 5], [53, 16],
  ])("of %i tokens in steps of %i: each is predicted once, from those of its window", async (length, stride) => {
    const model = randomModel();
    const part = long.slice(0, length);
    const found = await perplexity(model, tokenizer, part, stride === 8 ? {} : { stride });
    expect(found / reference(model, tokenizer.encode(part), stride)).toBeCloseTo(1, 5);
  });
});

type Help = (model: GPT, text: string, options?: object) => Promise<unknown>;
/** Each helper with an option that it refuses. */
const helpers: [name: string, help: Help, wrong: object, message: string][] = [
  [
    "nextTokenProbabilities", (model, text, options) => nextTokenProbabilities(model, tokenizer, text, options),
    { top: 0 }, "top must be a whole number from 1, not 0",
  ],
  [
    "embed", (model, text, options) => embed(model, tokenizer, text, options),
    { pooling: "max" }, 'pooling must be one of "mean", "last", not "max"',
  ],
  [
    "perplexity", (model, text, options) => perplexity(model, tokenizer, text, options),
    { stride: 17 }, "stride must be a whole number from 1 to 16, not 17",
  ],
];

describe.each(helpers)("%s", (name, help, wrong, message) => {
  test("frees all, and leaves every part of the model in its mode, also where it fails", async () => {
    const model = randomModel();
    model.blocks[0].eval();
    const before = { buffers: backend.memory.liveBuffers, modes: modesOf(model) };
    const running = help(model, text);
    expect(modesOf(model)).toEqual(before.modes);
    const found = await running;
    expect(modesOf(model)).toEqual(before.modes);
    expect(await help(model.eval(), text)).toEqual(found);
    model.train().blocks[0].eval();
    await expect(help(model, "xyz")).rejects.toMatchObject({ code: "unknown-character" });
    backend.write(model.finalNorm?.weight as Tensor, new Float32Array(8).fill(NaN));
    await expect(help(model, text)).rejects.toMatchObject({ name: "GenerationError", code: "not-a-number" });
    expect({ buffers: backend.memory.liveBuffers, modes: modesOf(model) }).toEqual(before);
  });

  test("refuses arguments that are not what is expected", async () => {
    const model = randomModel();
    await expect(help({} as GPT, text)).rejects.toThrow("the model must be a GPT: it has no hidden()");
    await expect(help(model, 3 as unknown as string)).rejects.toThrow("must be a text, not 3");
    await expect(help(model, text, 3 as unknown as object)).rejects.toThrow("options must be an object, not 3");
    await expect(help(model, text, wrong)).rejects.toMatchObject({ code: "invalid-option", message });
    await expect(help(model, "")).rejects.toMatchObject({ code: "empty-prompt" });
    const short = randomModel({ vocabSize: 3 });
    await expect(help(short, text)).rejects.toMatchObject({ code: "invalid-token" });
    if (name === "perplexity") return;
    await expect(help(model, "abcd ".repeat(4))).rejects.toMatchObject({
      code: "prompt-too-long", message: "the prompt has 20 tokens, and the model's context is 16; give a shorter one",
    });
  });
});
