import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { noGrad, scope, tensor, useBackend, weightDTypes } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { KeyValueCache } from "../cache.ts";
import type { GPTConfig } from "../config.ts";
import { GPT } from "../model.ts";
import { loadModel, saveModel, streamedBytesOf, writeGGUF } from "../node.ts";
import type { LoadModelOptions } from "../node.ts";
import { resolveConfig } from "../resolve-config.ts";
import { weightBytesOf } from "../model.ts";
import { compositions, tiny } from "../../test/fixtures.ts";

let directory: string;
beforeEach(async () => {
  useBackend(await cpu());
  directory = await mkdtemp(join(tmpdir(), "gpt-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const layers = 5;
const deep = { ...tiny, layers };

/** Logits of a text that a cache takes in three pieces, and of all of it at once. */
function logitsOf(model: GPT): Float32Array[] {
  return scope(() =>
    noGrad(() => {
      const cache = new KeyValueCache(model.config, { tokens: 48 });
      const id = cache.open();
      const pieces = [[1, 2, 3], [4], [5, 6]].map((tokens) =>
        model.forward({ ids: tensor(Int32Array.from(tokens)), sequences: [{ id, count: tokens.length }], cache }).dataSync(),
      );
      cache.dispose();
      return [...pieces, model.forward(tensor([[1, 2, 3, 4, 5, 6]], { dtype: "i32" })).dataSync()];
    }),
  );
}

async function logitsOfFolder(options: LoadModelOptions): Promise<Float32Array[]> {
  const model = await loadModel(directory, options);
  try {
    return useBackend(model.backend, () => logitsOf(model));
  } finally {
    model.dispose();
  }
}

describe("a model whose blocks are read when they compute", () => {
  test("computes from a GGUF file the bits of the one in memory", async () => {
    const path = join(directory, "m.gguf");
    await writeGGUF(new GPT({ ...deep, dim: 32, hiddenDim: 64 }, { seed: 3 }), path, { dtype: "q4_0" });
    const [streamed, whole] = [await loadModel(path, { stream: true }), await loadModel(path)];
    expect(logitsOf(streamed)).toEqual(logitsOf(whole));
    streamed.dispose();
    whole.dispose();
  });

  test.each(weightDTypes)("in %s computes the bits of the one in memory", async (dtype) => {
    await saveModel(new GPT(deep, { seed: 3 }), directory, { maxShardBytes: 3000 });
    for (const backend of [await cpu(), await wasm({ threads: 2 })]) {
      expect(await logitsOfFolder({ backend, dtype, stream: true })).toEqual(await logitsOfFolder({ backend, dtype }));
      expect(backend.memory.liveBuffers).toBe(0);
      backend.dispose();
    }
  });

  const configs: Record<string, GPTConfig> = { ...compositions, "a band in every second layer": resolveConfig({ ...deep, windows: [null, 3] }) };
  test.each(Object.keys(configs))("of %s computes the bits of the one in memory", async (name) => {
    await saveModel(new GPT(configs[name], { seed: 3 }), directory);
    expect(await logitsOfFolder({ stream: true })).toEqual(await logitsOfFolder({}));
  });

  test("has one block in memory", async () => {
    const backend = await cpu();
    await saveModel(new GPT(deep), directory);
    const model = await loadModel(directory, { backend, stream: true });
    const { config } = model;
    expect(backend.memory.liveBytes).toBe(streamedBytesOf(config));
    expect(streamedBytesOf(config)).toBeLessThan(weightBytesOf(config) / 2);
    expect(model.parameterCount()).toBe(new GPT(deep).parameterCount());
    model.dispose();
  });

  test("is streamed unasked where the backend cannot hold it", async () => {
    const config = resolveConfig({ ...tiny, layers: 40 });
    await saveModel(new GPT(config, { seed: 3 }), directory);
    const backend = await cpu();
    const small = { ...backend, get memory() { return { ...backend.memory, maxBytes: weightBytesOf(config) - 1 }; } };
    const results = await Promise.all([{}, { backend: small }].map(async (options) => {
      const model = await loadModel(directory, options);
      return useBackend(model.backend, () => model.forward(tensor([[1, 2, 3, 4]], { dtype: "i32" })).dataSync());
    }));
    expect(results[1]).toEqual(results[0]);
    await expect(loadModel(directory, { backend: small, stream: false })).rejects.toMatchObject({ code: "too-large" });
  });

  test("is not trained, and not saved", async () => {
    await saveModel(new GPT(deep), directory);
    const model = await loadModel(directory, { stream: true });
    const ids = tensor([[1, 2, 3]], { dtype: "i32" });
    expect(() => model.loss(ids, ids).backward()).toThrow(/gradient/);
    await expect(saveModel(model, join(directory, "other"))).rejects.toThrow(/stream/);
    model.dispose();
  });

  test("says what is wrong with its files, and computes on when they are mended", async () => {
    await saveModel(new GPT(deep, { seed: 3 }), directory);
    const expected = await logitsOfFolder({});
    const file = join(directory, "model.safetensors");
    const whole = await readFile(file);
    const model = await loadModel(directory, { stream: true });
    logitsOf(model);
    await truncate(file, 1000);
    expect(() => logitsOf(model)).toThrow(expect.objectContaining({ code: "read-failed", message: expect.stringContaining(file) as string }));
    await writeFile(file, whole);
    expect(logitsOf(model)).toEqual(expected);
    model.dispose();
    model.dispose();
    expect(() => logitsOf(model)).toThrow(/disposed|freed/);
  });

  test("keeps no program running", async () => {
    await saveModel(new GPT(deep), directory);
    await loadModel(directory, { stream: true });
    const handles = process.getActiveResourcesInfo();
    await sleep(1);
    expect(handles.filter((name) => name === "MessagePort" || name === "Worker")).toEqual([]);
  });
});
