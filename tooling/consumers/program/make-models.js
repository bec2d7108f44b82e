import { generateText } from "@gpt/generate";
import { GPT } from "@gpt/gpt";
import { loadModel, saveModel, writeGGUF } from "@gpt/gpt/node";
import { useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { tokenizerFiles, trainBPE } from "@gpt/tokenizer";
import { tokenizerToGGUF } from "@gpt/tokenizer/gguf";

// One thread, as on a page's main thread.
useBackend(await wasm({ threads: 1 }));
const tokenizer = await trainBPE(["One day, the cat sat on the mat."], { vocabSize: 270 });
const generation = { temperature: 0, maxTokens: 12 };
const model = new GPT({ vocabSize: tokenizer.vocabSize, contextLength: 24, layers: 2, heads: 2, dim: 32 }, { seed: 1, generation });
await saveModel(model, "models/folder", { extraFiles: Object.fromEntries(tokenizerFiles(tokenizer)) });
await writeGGUF(model, "models/model-Q8_0.gguf", { dtype: "q8_0", tokenizer: tokenizerToGGUF(tokenizer) });
const texts = [];
for (const path of ["models/folder", "models/model-Q8_0.gguf"]) texts.push((await generateText(await loadModel(path), tokenizer, "One day")).text);
console.log(JSON.stringify(texts));
