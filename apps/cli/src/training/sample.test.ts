import { beforeEach, expect, test } from "vitest";
import { GPT } from "@gpt/gpt";
import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { CharacterTokenizer } from "@gpt/tokenizer";
import { tokensInMemory } from "@gpt/train";
import { writeSample } from "./sample.ts";

const text = "\u001b the cat sat on the mat";
const tokenizer = CharacterTokenizer.fromText([text]);
const data = tokensInMemory(tokenizer.encode(text));
/** More entries than the tokenizer has tokens. */
const sizes = { layers: 1, heads: 2, dim: 8, contextLength: 16, vocabSize: tokenizer.vocabSize + 3, dropout: 0.5 };

let backend: Backend;

beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

test("goes on from the first token of the data, the same every time, and leaves the model as it was", async () => {
  const model = new GPT(sizes).train();
  const held = backend.memory.liveBuffers;
  const sample = await writeSample(model, tokenizer, data);
  expect(sample[0]).toBe("\u001b");
  expect(sample.length).toBeGreaterThan(40);
  expect(await writeSample(model, tokenizer, data)).toBe(sample);
  expect(model.training).toBe(true);
  expect(backend.memory.liveBuffers).toBe(held);
});

test("a model that has diverged writes nothing, and a signal ends what is written", async () => {
  const model = new GPT(sizes);
  expect((await writeSample(model, tokenizer, data, AbortSignal.abort())).length).toBeLessThan(2);
  const diverged = new GPT({ ...sizes, initialStd: 1e30 });
  expect(await writeSample(diverged, tokenizer, data)).toBe("");
});
