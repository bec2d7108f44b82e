import { afterAll, beforeAll, expect, test } from "vitest";
import { useBackend } from "@gpt/tensor";
import { webgpu } from "@gpt/tensor/webgpu";
import type { WebGPUBackend } from "@gpt/tensor/webgpu";
import { KeyValueCache } from "./cache.ts";
import { generateRagged, prompts, raggedModel, scoresOf } from "../test/ragged.ts";

let backend: WebGPUBackend;
beforeAll(async () => {
  backend = await webgpu();
  useBackend(backend);
});
afterAll(() => backend.dispose());

// In f32, `engine-batches.gpu.test.ts` of @gpt/generate does the same through requests.
const all = Boolean(process.env.GPT_VERIFY ?? process.env.GPT_GPU);
const dtypes = all ? (["f32", "int8"] as const) : (["int8"] as const);

test.each(dtypes)("kept as %s, seven lengths together give the tokens of each alone", async (dtype) => {
  const model = raggedModel();
  const [together, alone] = [await generateRagged(model, "together", dtype), await generateRagged(model, "alone", dtype)];
  expect(together.generated).toEqual(alone.generated);
  expect(alone.margin).toBeGreaterThan(1e-3);
  model.dispose();
  expect(backend.memory.liveBuffers).toBe(0);
});

test("seven lengths take no more calls of kernels than the longest one alone, to read and to generate", async () => {
  const model = raggedModel();
  const longest = prompts.toSorted((a, b) => b.length - a.length)[0];
  const callsOf = async (texts: readonly (readonly number[])[]): Promise<number[]> => {
    const cache = new KeyValueCache(model.config, { tokens: 20 * 48 });
    const ids = texts.map(() => cache.open());
    const calls: number[] = [];
    for (const tokensOf of [(text: readonly number[]) => text, () => [5], () => [7]]) {
      const before = backend.work.calls;
      await scoresOf(model, cache, texts.map((text, i) => ({ id: ids[i], tokens: tokensOf(text) })));
      calls.push(backend.work.calls - before);
    }
    cache.dispose();
    return calls;
  };
  const alone = await callsOf([longest]);
  expect(await callsOf(prompts)).toEqual(alone);
  expect(alone[0]).toBeGreaterThan(10);
  model.dispose();
});
