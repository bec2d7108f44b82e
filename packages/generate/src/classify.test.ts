import { classifierFrom, GPT } from "@gpt/gpt";
import { scope, tensor, useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { CharacterTokenizer } from "@gpt/tokenizer";
import { beforeEach, expect, test } from "vitest";
import { modesOf, probabilitiesOf } from "../test/reference.ts";
import { classify } from "./classify.ts";
import { embed } from "./embed.ts";
import { Engine } from "./engine.ts";
import { nextTokenProbabilities } from "./next-token.ts";
import { perplexity } from "./perplexity.ts";
import { generateText } from "./text.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

const tokenizer = CharacterTokenizer.fromText("abcd ");
const labels = ["x", "y", "z"];

function classifier(): GPT {
  const sizes = { vocabSize: tokenizer.vocabSize, contextLength: 16, layers: 2, heads: 2, dim: 8, initialStd: 0.5 };
  return classifierFrom(new GPT({ ...sizes, dropout: 0.5 }, { seed: 1 }), labels).train();
}

test("gives all labels by the scores behind the last token, the likeliest first", async () => {
  const model = classifier();
  const [before, modes] = [backend.memory.liveBuffers, modesOf(model)];
  const found = await classify(model, tokenizer, "ab cd");
  expect(backend.memory.liveBuffers).toBe(before);
  expect(modesOf(model)).toEqual(modes);
  const ids = Int32Array.from(tokenizer.encode("ab cd"));
  const scores = scope(() => model.eval().forward(tensor(ids, { shape: [1, 5] })).dataSync());
  const expected = probabilitiesOf(scores.slice(-3));
  expect(found.map(({ label }) => label).sort()).toEqual(labels);
  for (const { label, probability } of found) expect(probability).toBeCloseTo(expected[labels.indexOf(label)], 6);
  expect(found.map(({ probability }) => probability)).toEqual(found.map(({ probability }) => probability).sort((a, b) => b - a));
});

test("refuses a text beyond the context, or leaves out its end", async () => {
  const model = classifier();
  const long = "abcd ".repeat(4);
  await expect(classify(model, tokenizer, long)).rejects.toMatchObject({
    code: "prompt-too-long", message: expect.stringContaining("or truncate it (truncate)") as string,
  });
  expect(await classify(model, tokenizer, long, { truncate: true })).toEqual(await classify(model, tokenizer, long.slice(0, 16)));
  await expect(classify(model, tokenizer, "")).rejects.toMatchObject({ code: "empty-prompt" });
});

test("a model that writes gives no classes, and one that classifies writes nothing", async () => {
  const writer = new GPT({ vocabSize: 5, contextLength: 8, layers: 1, heads: 1, dim: 4 });
  await expect(classify(writer, tokenizer, "a")).rejects.toThrow("the model has no classes");
  const model = classifier();
  const message = "the model gives classes, and writes nothing";
  await expect(generateText(model, tokenizer, "a")).rejects.toThrow(message);
  await expect(nextTokenProbabilities(model, tokenizer, "a")).rejects.toThrow(message);
  await expect(perplexity(model, tokenizer, "ab")).rejects.toThrow(message);
  expect(() => new Engine(model)).toThrow(message);
  expect(await embed(model, tokenizer, "a")).toHaveLength(8);
});
