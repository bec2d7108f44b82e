// Trains the model that the page opens with, on generated stories alone, and writes it with its tokenizer as one GGUF file in int8.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { GPT } from "@gpt/gpt";
import { loadModel, writeGGUF } from "@gpt/gpt/node";
import { generateStories, storyCorpus, storyStart } from "@gpt/stories";
import { useBackend } from "@gpt/tensor";
import { native } from "@gpt/tensor/native";
import { trainBPE } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { tokenizerToGGUF } from "@gpt/tokenizer/gguf";
import { evaluate, tokensInMemory, train } from "@gpt/train";

const { values: given } = parseArgs({
  options: { steps: { type: "string", default: "900" }, out: { type: "string", default: join(import.meta.dirname, "../public/models/stories.gguf") } },
});
const steps = Number(given.steps);
const shape = { contextLength: 256, layers: 6, heads: 6, dim: 192, tiedHead: false, initialStd: 192 ** -0.5 };
const training = { steps, batchSize: 4, optimizer: "muon", schedule: "linear", warmupSteps: Math.min(50, Math.ceil(steps / 10)), seed: 0 } as const;

/** Stories, each behind the token that ends a text. */
function tokensOf(stories: string, tokenizer: Tokenizer): Int32Array {
  return Int32Array.from(stories.split(storyStart).slice(1).flatMap((story) => [tokenizer.endOfText!, ...tokenizer.encode(story)]));
}

const { train: sample, validation, entropy } = storyCorpus();
const tokenizer = await trainBPE(sample.split(storyStart), { vocabSize: 1024, specialTokens: ["<|endoftext|>"] });
const held = tokensOf(validation, tokenizer);
const least = entropy / (held.length - 1);

// As many as are read once: what is never seen twice is not learnt by heart.
const characters = 5 * steps * training.batchSize * shape.contextLength;
const stories = tokensInMemory(tokensOf(generateStories({ seed: 1, characters }), tokenizer));
console.log(`${stories.length} tokens to learn from; the grammar's entropy is ${least.toFixed(4)} nats a token`);

const backend = await native();
useBackend(backend);
const model = new GPT({ ...shape, vocabSize: tokenizer.vocabSize }, { seed: 0 });
for await (const event of train(model, { ...training, data: { train: stories }, logEvery: 20 })) {
  if (event.type === "step") console.log(`step ${event.step} of ${steps}: loss ${event.loss.toFixed(4)}`);
}
const [path] = await writeGGUF(model, given.out, { dtype: "q8_0", name: "Stories", tokenizer: tokenizerToGGUF(tokenizer) });

/** Nats a token on stories that were not learnt from; windows overlap, so that few tokens lack their context. */
const lossOf = async (model: GPT): Promise<string> => (await evaluate(model, tokensInMemory(held), { stride: 64 })).loss.toFixed(4);
const file = await readFile(path);
console.log(`held-out loss ${await lossOf(model)} in f32, ${await lossOf(await loadModel(path))} in int8, of at least ${least.toFixed(4)}`);
console.log(`${relative(process.cwd(), path)}: ${file.length} bytes, SHA-256 ${createHash("sha256").update(file).digest("hex")}`);
backend.dispose();
