import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateText } from "@gpt/generate";
import { GPT } from "@gpt/gpt";
import { saveONNX } from "@gpt/gpt/onnx/node";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { tokenizerFiles, trainBPE } from "@gpt/tokenizer";
import type { BytePairTokenizer } from "@gpt/tokenizer";
import { env, pipeline } from "@huggingface/transformers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { toys } from "../../../packages/gpt/test/onnx-toys.ts";

let directory: string;
let tokenizer: BytePairTokenizer;
let extraFiles: Record<string, string>;
beforeAll(async () => {
  useBackend(await cpu());
  directory = await mkdtemp(join(tmpdir(), "onnx-transformers-"));
  const texts = ["the quick brown fox jumps over the lazy dog, and the dog sleeps on", "one two three four five six seven eight nine ten"];
  tokenizer = await trainBPE(texts, { vocabSize: 300, specialTokens: ["<|endoftext|>"] });
  const decoder = new TextDecoder();
  extraFiles = Object.fromEntries(Array.from(tokenizerFiles(tokenizer), ([name, content]) =>
    [name, typeof content === "string" ? content : decoder.decode(content)]));
  Object.assign(env, { allowRemoteModels: false, localModelPath: directory });
});
afterAll(() => rm(directory, { recursive: true }));

// Mixtral is not among its architectures (4.3.2).
test.each([
  { name: "gpt2" as const, maxFileBytes: undefined },
  { name: "llama" as const, maxFileBytes: 40_000 },
  { name: "qwen3" as const, maxFileBytes: undefined },
  { name: "gpt-oss" as const, maxFileBytes: undefined },
])("transformers.js loads a folder of $name, and writes our texts", async ({ name, maxFileBytes }) => {
  const stopTokens = tokenizer.encode("<|endoftext|>", { allowedSpecial: "all" });
  const model = new GPT({ ...toys[name], vocabSize: tokenizer.vocabSize }, { seed: 5, generation: { stopTokens } }).eval();
  await saveONNX(model, join(directory, name), { maxFileBytes, extraFiles });
  const write = await pipeline("text-generation", name, { dtype: "fp32" });
  const settings = { max_new_tokens: 32, do_sample: false, return_full_text: false };
  const prompts = ["the quick", "one two three four five, the dog"];
  const together = (await write(prompts, settings)) as { generated_text: string }[][];
  for (const [i, prompt] of prompts.entries()) {
    const { text } = await generateText(model, tokenizer, prompt, { maxTokens: 32, temperature: 0 });
    expect(await write(prompt, settings)).toEqual([{ generated_text: text }]);
    // In a batch, a sequence that has ended goes on until the last one ends.
    expect(together[i][0].generated_text.slice(0, text.length)).toBe(text);
  }
  await write.dispose();
});
