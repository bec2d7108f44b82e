import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { streamTokens } from "@gpt/generate";
import type { GPT } from "@gpt/gpt";
import { loadModel } from "@gpt/gpt/node";
import { measureSamples, storyCorpus, storyStart } from "@gpt/stories";
import { useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import type { Tokenizer } from "@gpt/tokenizer";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { expect, test } from "vitest";

const app = join(import.meta.dirname, "..");
const path = join(app, "public/models/stories.gguf");

/** A story from its beginning to its end, in tokens that are drawn as they are likely. */
async function story(model: GPT, tokenizer: Tokenizer, seed: number): Promise<string> {
  const ids: number[] = [];
  const end = tokenizer.endOfText!;
  for await (const event of streamTokens(model, [end], { temperature: 0.8, maxTokens: 200, seed, stopTokens: [end] })) {
    if (event.type === "finish") expect(event.finishReason).toBe("stop");
    else ids.push(event.id);
  }
  return tokenizer.decode(ids.filter((id) => id !== end));
}

test("the model that the page opens with is the one that the README names, and writes whole stories that end", async () => {
  const file = await readFile(path);
  expect(file.length).toBeLessThanOrEqual(4_000_000);
  expect(await readFile(join(app, "README.md"), "utf8")).toContain(createHash("sha256").update(file).digest("hex"));
  useBackend(await wasm());
  const [model, tokenizer] = [await loadModel(path), await loadTokenizer(path)];
  expect([model.config.blocks.length, model.tokenEmbedding.weight.dtype]).toEqual([6, "int8"]);
  let text = "";
  for (let seed = 0; seed < 10; seed++) text += storyStart + (await story(model, tokenizer, seed));
  const { stories, coherent, novel } = measureSamples(text + storyStart, storyCorpus().train);
  expect(stories).toBe(10);
  expect(coherent).toBeGreaterThanOrEqual(0.8);
  expect(novel).toBeGreaterThan(0.5);
});
