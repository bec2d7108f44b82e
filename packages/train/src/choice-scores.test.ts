import { GPT } from "@gpt/gpt";
import { noGrad, scope, tensor } from "@gpt/tensor";
import { CharacterTokenizer, encodingByName } from "@gpt/tokenizer";
import { beforeEach, expect, test } from "vitest";
import { startBackend } from "../test/fixtures.ts";
import { choiceQuestions, choiceScores } from "./choice-scores.ts";

beforeEach(async () => {
  await startBackend();
});

const tokenizer = CharacterTokenizer.fromText("abcdé ");

test("a candidate's score is its log-probability behind the context, for itself, a character, and a byte", async () => {
  const model = new GPT({ vocabSize: 6, contextLength: 16, layers: 1, heads: 2, dim: 8 }, { seed: 3 });
  const texts = Array.from({ length: 12 }, (_, i) => ({ context: "abcd".slice(i % 3), choices: ["éé", "abc", "d", "cdab"], answer: i % 4 }));
  const scores = await choiceScores(model, choiceQuestions(texts, tokenizer, { maxTokens: 16 }));
  const expected = texts.map(({ context, choices }) => choices.map((choice) => {
    const ids = tokenizer.encode(`${context} ${choice}`);
    const logits = noGrad(() => scope(() => model.forward(tensor(ids, { shape: [1, ids.length], dtype: "i32" })).dataSync()));
    let sum = 0;
    for (let t = context.length; t < ids.length; t++) {
      const row = [...logits.subarray((t - 1) * 6, t * 6)];
      sum += row[ids[t]] - Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
    }
    return sum;
  }));
  scores.logProbabilities.forEach((row, i) => row.forEach((score, c) => expect(score).toBeCloseTo(expected[i][c], 4)));
  const share = (lengths: readonly number[]): number => texts.filter(({ answer }, i) => {
    const normed = expected[i].map((score, c) => score / lengths[c]);
    return normed.indexOf(Math.max(...normed)) === answer;
  }).length / texts.length;
  expect(scores).toMatchObject({ acc: share([1, 1, 1, 1]), accNorm: share([2, 3, 1, 4]), accBytes: share([4, 3, 1, 4]) });
});

test("questions are divided into tokens as lm-evaluation-harness does", async () => {
  const gpt2 = await encodingByName("gpt2");
  const parts = (context: string, options = {}) => choiceQuestions([{ context, choices: ["cat", "dog"], answer: "dog" }], gpt2, { maxTokens: 9, ...options })
    .map(({ choices: [, { example: { ids, mask } }], answer }) => [gpt2.decode(ids.filter((_, i) => !mask![i])), gpt2.decode(ids.filter((_, i) => mask![i])), answer])[0];
  expect(parts("The big")).toEqual(["The big", " dog", 1]);
  // Spaces at the context's end are the candidate's; an empty context is the end of a text before.
  expect(parts("The big ", { delimiter: "" })).toEqual(["The big", " dog", 1]);
  expect(parts("")).toEqual(["<|endoftext|>", " dog", 1]);
  expect(parts("The very big", { maxTokens: 2, overflow: "truncate" })).toEqual([" very big", " dog", 1]);
  expect(() => parts("The very big", { maxTokens: 2 })).toThrow("questions: example 1 has 3 tokens to read, more than 2");
});
