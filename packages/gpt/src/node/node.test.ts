import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CrashDisk } from "@gpt/testing/crash-disk";
import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { GPT } from "../model.ts";
import { loadModel, planModel, resolveModelDirectory, saveModel, writeGGUF } from "../node.ts";
import { tiny } from "../../test/fixtures.ts";

let backend: Backend;
let directory: string;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
  directory = await mkdtemp(join(tmpdir(), "gpt-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const weights = (model: GPT): Float32Array[] => model.parameters().map((parameter) => parameter.dataSync());

describe("model folders on the disk", () => {
  test("are saved and loaded, and replaced without leftovers", async () => {
    const path = join(directory, "models", "tiny");
    const [old, model] = [new GPT(tiny, { seed: 1 }), new GPT({ ...tiny, tiedHead: false }, { seed: 2 })];
    await saveModel(old, path, { maxShardBytes: 2000, extraFiles: { "tokenizer.json": "{}" } });
    expect((await readdir(path)).filter((name) => name.startsWith("model-")).length).toBeGreaterThan(2);
    await writeFile(join(path, "notes.txt"), "mine");
    await saveModel(model, path);
    expect((await readdir(path)).sort()).toEqual(["config.json", "model.safetensors", "notes.txt", "tokenizer.json"]);
    const loaded = await loadModel(path, { seed: 5 });
    expect(weights(loaded)).toEqual(weights(model));
    expect(loaded.random.seed).toBe(5);
  });

  test("are loaded onto another backend when told so", async () => {
    await saveModel(new GPT(tiny), directory);
    const other = await cpu();
    expect((await loadModel(directory, { backend: other })).tokenEmbedding.weight.backend).toBe(other);
  });

  test("say which is missing", async () => {
    await writeFile(join(directory, "config.json"), '{"model_type":"bert"}');
    await expect(loadModel(directory)).rejects.toThrow(
      `${join(directory, "config.json")}: model_type "bert" is not supported`,
    );
  });

  test("are asked for by arguments of the right kind", async () => {
    await expect(loadModel(3 as unknown as string)).rejects.toThrow("loadModel: the path must be the path of a file or folder, not 3");
    await expect(loadModel(directory, { dtype: "q8" as "int8" })).rejects.toMatchObject({
      code: "invalid-input", message: expect.stringContaining("loadModel: dtype must be one of ") as string,
    });
  });

  test("whose file is a folder are an error, not a crash", async () => {
    await mkdir(join(directory, "config.json"));
    await expect(loadModel(directory)).rejects.toThrow(`${join(directory, "config.json")} is not a file but a folder; give the path of a file`);
  });
});

describe("GGUF files on the disk", () => {
  test("are written, planned and loaded, whatever they are called", async () => {
    const path = join(directory, "models", "tiny.bin");
    const model = new GPT({ ...tiny, dim: 32 }, { seed: 1 });
    await writeGGUF(model, path, { dtype: "q8_0" });
    expect(await readdir(join(directory, "models"))).toEqual(["tiny.bin"]);
    expect((await planModel(path)).dtypes.embedding).toBe("int8");
    expect(await resolveModelDirectory(path)).toBe(path);
    const loaded = await loadModel(path, { dtype: "f32", seed: 7 });
    expect([loaded.config.dim, loaded.random.seed, loaded.tokenEmbedding.weight.dtype]).toEqual([32, 7, "f32"]);
    await writeGGUF(model, path);
    expect(weights(await loadModel(path))).toEqual(weights(model));
  });

  test("are refused by name where they are damaged", async () => {
    const path = join(directory, "m.gguf");
    await writeFile(path, "GGUF and no more");
    await expect(loadModel(path)).rejects.toThrow(`${path}: `);
  });
});

describe("resolveModelDirectory", () => {
  const model = (): GPT => new GPT({ ...tiny, layers: 1 });

  test("gives a model folder itself", async () => {
    await saveModel(model(), directory);
    await mkdir(join(directory, "checkpoints", "step-3"), { recursive: true });
    expect(await resolveModelDirectory(directory)).toBe(directory);
  });

  test("gives the folder of a release of GPT-1 itself, which has no config.json", async () => {
    await writeFile(join(directory, "params_shapes.json"), "[[4, 12], [7, 12]]");
    await expect(resolveModelDirectory(directory)).rejects.toThrow("params_shapes.json: there are shapes of embeddings alone");
    const block = "[1, 12, 36], [36], [1, 12, 12], [12], [12], [12], [1, 12, 48], [48], [1, 48, 12], [12], [12], [12]";
    await writeFile(join(directory, "params_shapes.json"), `[[4, 12], [7, 12], ${block}]`);
    expect(await resolveModelDirectory(directory)).toBe(directory);
    expect(await planModel(directory)).toMatchObject({ config: { vocabSize: 7, contextLength: 4, dim: 12 } });
    await expect(loadModel(directory)).rejects.toMatchObject({
      code: "missing-file", message: `${directory} lacks params_0.npy, one of the 10 files with the weights of GPT-1`,
    });
    await saveModel(model(), directory); // From now on it is what was saved there.
    expect((await loadModel(directory)).config).toEqual(model().config);
  });

  test("gives the newest complete checkpoint of a run", async () => {
    const checkpoint = (name: string): string => join(directory, "checkpoints", name);
    await saveModel(model(), checkpoint("step-9"));
    await saveModel(model(), checkpoint("step-100"), { maxShardBytes: 1000 });
    await saveModel(model(), checkpoint("step-x"));
    await saveModel(model(), checkpoint(".step-900.1-000000000000.partial"));
    await mkdir(checkpoint("step-200"));
    await writeFile(join(checkpoint("step-200"), "model.safetensors"), "");
    expect(await resolveModelDirectory(directory)).toBe(checkpoint("step-100"));
  });

  test("says what is missing", async () => {
    await expect(resolveModelDirectory(directory)).rejects.toMatchObject({
      code: "missing-file",
      message:
        `${directory} is no model folder: it has no config.json, and no complete checkpoints/step-N; check the path`,
    });
    await expect(loadModel(directory)).rejects.toThrow(
      `${directory} is no model folder: it has no config.json; check the path`,
    );
    const file = join(directory, "file");
    await writeFile(file, "x");
    for (const find of [resolveModelDirectory, loadModel]) {
      await expect(find(file)).rejects.toThrow(`${file} is a file, and not GGUF; give the path of a model's folder, or of a GGUF file`);
      for (const path of [join(file, "x"), join(directory, "nothing")]) {
        await expect(find(path)).rejects.toMatchObject({
          code: "missing-file",
          message: `there is no file or folder ${path}; give the path of a model's folder, or OWNER/NAME on the Hugging Face hub, such as openai-community/gpt2`,
        });
      }
    }
  });
});

describe.each([
  ["empty", ""],
  ["no text", 3],
  ["a text with a null character", "a\0b"],
] as [string, string][])("a path that is %s is refused", (_, path) => {
  // In memory: the empty path would be this package's folder.
  const operations = new CrashDisk();
  test.each<[string, () => unknown]>([
    ["loadModel", () => loadModel(path)],
    ["resolveModelDirectory", () => resolveModelDirectory(path)],
    ["saveModel", () => saveModel(new GPT(tiny), path, { operations })],
  ])("by %s", async (name, call) => {
    await expect(async () => call()).rejects.toThrow(`${name}: the path must be the path of a file or folder, not `);
  });
});
