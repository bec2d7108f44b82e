// Trains the small model that the page opens with, where there is none yet. A few hundred steps teach it words.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { GPT } from "@gpt/gpt";
import { saveModel } from "@gpt/gpt/node";
import { storyCorpus, storyRecipe } from "@gpt/stories";
import { useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { tokenizerFiles, trainBPE } from "@gpt/tokenizer";
import { tokensInMemory, train } from "@gpt/train";

const folder = join(import.meta.dirname, "../public/models/stories");
const steps = 300;

if (!existsSync(join(folder, "model.safetensors"))) await makeModel();

async function makeModel(): Promise<void> {
  const corpus = storyCorpus();
  const tokenizer = await trainBPE([corpus.train], { vocabSize: storyRecipe.vocabSize, specialTokens: ["<|endoftext|>"] });
  const backend = await wasm();
  useBackend(backend);
  const model = new GPT({ ...storyRecipe.model, vocabSize: tokenizer.vocabSize }, { seed: 0 });
  const data = { train: tokensInMemory(tokenizer.encode(corpus.train)) };
  for await (const event of train(model, { ...storyRecipe.training, steps, seed: 0, data })) {
    if (event.type === "step" && event.step % 100 === 0) console.log(`step ${event.step} of ${steps}: loss ${event.loss.toFixed(2)}`);
  }
  await saveModel(model, folder, { extraFiles: Object.fromEntries(tokenizerFiles(tokenizer)) });
  backend.dispose();
}
