import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collect } from "@gpt/testing/memory-folder";
import { Hub } from "@gpt/testing/hub";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tiny } from "../../test/fixtures.ts";
import { collected, splitGGUF } from "../../test/gguf-files.ts";
import { architectures } from "../architectures/index.ts";
import { modelFiles } from "../folder/save.ts";
import { ggufModelChunks } from "../gguf.ts";
import { GPT } from "../model.ts";
import { loadModel, planModel, resolveModelDirectory, saveModel } from "../node.ts";

let hub: Hub;
let directory: string;
beforeEach(async () => {
  useBackend(await cpu());
  directory = await mkdtemp(join(tmpdir(), "gpt-hub-"));
  const model = new GPT(tiny, { seed: 3 });
  const quantized = await collected(ggufModelChunks(model, { dtype: "q8_0" }));
  const whole = await collected(ggufModelChunks(model));
  hub = await Hub.start({
    "toys/one-GGUF": { "model-Q8_0.gguf": quantized },
    "toys/more-GGUF": { "model-Q8_0.gguf": quantized, ...(await splitGGUF(whole, "f32/model-F32")) },
    "toys/one": await collect(modelFiles(model, architectures)),
    "toys/shards": await collect(modelFiles(model, architectures, { maxShardBytes: 2000 })),
  });
});
afterEach(async () => {
  await hub.close();
  await rm(directory, { recursive: true });
});

const weightsOf = (model: GPT): Promise<unknown[]> =>
  Promise.all(Array.from(model.stateDict(), async ([name, tensor]) => [name, await tensor.data()]));

test("a name on the hub is loaded as its folder is, in one file or in shards", async () => {
  const options = { cacheDirectory: join(directory, "cache"), endpoint: hub.url, offline: false };
  expect((await planModel("toys/one", options)).config).toEqual(new GPT(tiny).config);
  expect(hub.requests.filter(({ line }) => line.includes(".safetensors"))).toEqual([]);
  const weights = await weightsOf(new GPT(tiny, { seed: 3 }));
  expect(weights.length).toBeGreaterThan(5);
  for (const name of ["toys/one", "toys/shards", "toys/shards@main"]) {
    const events: number[] = [];
    const loaded = await loadModel(name, { ...options, onProgress: ({ bytes }) => events.push(bytes) });
    expect(loaded.config).toEqual(new GPT(tiny).config);
    expect(await weightsOf(loaded)).toEqual(weights);
    expect(events.length > 0).toBe(!name.endsWith("@main"));
  }
  const found = await resolveModelDirectory("toys/one", { ...options, offline: true });
  expect((await loadModel(found)).config).toEqual(new GPT(tiny).config);
});

test("a GGUF file of a repository is loaded as it is from the disk, one or several", async () => {
  const options = { cacheDirectory: join(directory, "cache"), endpoint: hub.url, offline: false };
  const weights = await weightsOf(new GPT(tiny, { seed: 3 }));
  for (const name of ["toys/more-GGUF:F32", "toys/more-GGUF/f32/model-F32-00001-of-00002.gguf@main"]) {
    expect(await weightsOf(await loadModel(name, options))).toEqual(weights);
  }
  expect(hub.requests.filter(({ line }) => line.includes("Q8_0"))).toEqual([]);
  const [one, other] = await Promise.all(["toys/one-GGUF", "toys/more-GGUF:q8_0"].map((name) => loadModel(name, options)));
  expect(await weightsOf(one)).toEqual(await weightsOf(other));
  for (const cacheDirectory of [options.cacheDirectory, join(directory, "other")]) {
    const asked = hub.requests.length;
    expect((await planModel("toys/one-GGUF", { ...options, cacheDirectory })).config).toEqual(one.config);
    const ranges = hub.requests.slice(asked).flatMap(({ line, range }) => (line.includes(".gguf") ? [range] : []));
    // One is led elsewhere.
    expect(ranges.every((range) => range?.startsWith("bytes=0-"))).toBe(true);
    expect(ranges.length).toBe(cacheDirectory === options.cacheDirectory ? 0 : 2);
  }
  expect(await readdir(directory)).toEqual(["cache"]);
  expect(await resolveModelDirectory("toys/one-GGUF", options)).toMatch(/model-Q8_0\.gguf$/);
  await expect(loadModel("toys/more-GGUF", options)).rejects.toMatchObject({
    message: "toys/more-GGUF: it has several GGUF files; write one of these behind the name: :Q8_0, :F32",
  });
});

test("a path that exists wins over a name", async () => {
  const before = process.cwd();
  await mkdir(join(directory, "toys"));
  await saveModel(new GPT({ ...tiny, layers: 1 }), join(directory, "toys/one"));
  process.chdir(directory);
  try {
    const loaded = await loadModel("toys/one", { endpoint: hub.url, offline: false });
    expect(loaded.config.blocks).toHaveLength(1);
    expect(hub.requests).toEqual([]);
  } finally {
    process.chdir(before);
  }
});

test("what is neither is said in one line", async () => {
  const options = { cacheDirectory: join(directory, "cache"), endpoint: hub.url, offline: false };
  await expect(loadModel("toys/none", options)).rejects.toMatchObject({
    code: "not-found",
    message: expect.stringMatching(/^there is no file or folder toys\/none, and http:\S+ has no model toys\/none, or it is private \(401\): check the name/) as string,
  });
  await expect(loadModel("toys/none", { ...options, offline: true })).rejects.toMatchObject({ code: "not-found" });
});
