import { GPT } from "@gpt/gpt";
import { noGrad, philoxBlock, scope, slice, tensor, useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { trainBPE } from "@gpt/tokenizer";
import { describe, expect, test } from "vitest";
import { tokensInMemory, train } from "@gpt/train";
import { storyCorpus } from "./corpus.ts";
import { storyEntropy } from "./entropy.ts";
import { storyStart } from "./generate.ts";
import { measureSamples } from "./measure.ts";
import { storyRecipe } from "./recipe.ts";

const corpus = storyCorpus();
const tokenizer = await trainBPE([corpus.train], { vocabSize: storyRecipe.vocabSize });
const trainingIds = tokenizer.encode(corpus.train);
const validationIds = tokenizer.encode(corpus.validation);

interface Result {
  readonly model: GPT;
  /** Nats a token over the entropy of the validation text. */
  readonly excess: number;
}

/** Runs the recipe, or the beginning of it. */
async function run(seed: number, steps = storyRecipe.training.steps): Promise<Result> {
  useBackend(await wasm());
  const model = new GPT({ ...storyRecipe.model, vocabSize: tokenizer.vocabSize }, { seed });
  const data = { train: tokensInMemory(trainingIds), validation: tokensInMemory(validationIds) };
  for await (const event of train(model, { ...storyRecipe.training, steps, seed, data, evaluateEvery: steps })) {
    if (event.type !== "done") continue;
    return { model, excess: event.validationLoss! - corpus.entropy / (validationIds.length - 1) };
  }
  throw new Error("the run did not end");
}

/** Lets a model write texts from a story's beginning, all at once. */
async function write(model: GPT, texts: number, tokens: number): Promise<string[]> {
  const ids = Array.from({ length: texts }, () => tokenizer.encode(storyStart));
  const words = new Uint32Array(4);
  model.eval();
  for (let count = 0; count < tokens; count++) {
    const input = Int32Array.from(ids.flat());
    const logits = noGrad(() =>
      scope(() => model.logits(slice(model.hidden(tensor(input, { shape: [texts, ids[0].length] })), 1, -1))),
    );
    const scores = await logits.data();
    logits.dispose();
    for (const [text, sequence] of ids.entries()) {
      const row = scores.subarray(text * tokenizer.vocabSize, (text + 1) * tokenizer.vocabSize);
      philoxBlock({ seed: [0, 0], stream: [text, 0] }, count, words);
      sequence.push(draw(row, words[0] * 2 ** -32));
    }
  }
  return ids.map((sequence) => tokenizer.decode(sequence));
}

function draw(scores: Float32Array, random: number): number {
  const weights = scores.map((score) => Math.exp(score / storyRecipe.temperature));
  let rest = random * weights.reduce((sum, weight) => sum + weight, 0);
  return Math.max(0, weights.findIndex((weight) => (rest -= weight) < 0));
}

describe("the corpus", () => {
  test("knows the entropy of its validation text, near that of the grammar", () => {
    const { perCharacter } = storyEntropy();
    expect(corpus.entropy / corpus.validation.length / perCharacter).toBeCloseTo(1, 1);
  });

  test("has validation stories that are not in the training text, and sentences most of which are new", () => {
    const stories = new Set(corpus.train.split(storyStart));
    const validation = corpus.validation.split(storyStart).slice(1);
    expect(validation.filter((story) => stories.has(story))).toEqual([]);
    expect(measureSamples(corpus.validation + storyStart, corpus.train).novel).toBeGreaterThan(0.7);
  });

  test("is split into words by the recipe's tokenizer", () => {
    expect(tokenizer.encode(" grandmother")).toHaveLength(1);
    expect(validationIds.length).toBeLessThan(corpus.validation.split(" ").length * 1.3);
  });
});

describe("the recipe", () => {
  if (process.env.GPT_VERIFY === "1") {
    test.each([0, 1, 2])(
      "reaches the grammar's entropy, and writes new sentences that parse, with seed %i",
      async (seed) => {
        const { model, excess } = await run(seed);
        const texts = await write(model, 64, storyRecipe.model.contextLength - 2);
        const stories = texts.map((text) => text.slice(0, text.lastIndexOf(storyStart))).join("") + storyStart;
        const { sentences, parsed, novel } = measureSamples(stories, corpus.train);
        expect(excess).toBeLessThan(0.05);
        expect(sentences).toBeGreaterThan(400);
        expect(parsed).toBeGreaterThanOrEqual(0.95);
        expect(novel).toBeGreaterThanOrEqual(0.5);
      },
      3_600_000,
    );
  } else {
    test("learns from its first steps on", async () => {
      const { excess } = await run(0, 20);
      // Word frequencies alone leave more than 4.
      expect(excess).toBeLessThan(4);
    });
  }
});
