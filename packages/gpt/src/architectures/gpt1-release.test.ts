import { npyBytes } from "@gpt/formats";
import type { ReadableFolder } from "@gpt/formats";
import { currentBackend, isGptError, useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { memoryFolder } from "@gpt/testing/memory-folder";
import { mutation, RandomNumbers } from "@gpt/testing/mutate";
import { beforeEach, describe, expect, test } from "vitest";
import { weights } from "../../test/folders.ts";
import type { Files } from "../../test/folders.ts";
import { loadModelFrom, planModelFrom, readConfig } from "../folder/load.ts";
import type { GPT } from "../model.ts";
import { preset } from "../presets.ts";
import { openGPT1Release } from "./gpt1-release.ts";
import { openaiGpt } from "./openai-gpt.ts";

const [contextLength, vocabSize, dim] = [4, 7, 12];

/** As github.com/openai/finetune-transformer-lm has them in model/params_shapes.json. */
function shapesOf(contextLength: number, vocabSize: number, dim: number, layers: number): number[][] {
  const block = [
    [1, dim, 3 * dim], [3 * dim], [1, dim, dim], [dim], [dim], [dim], [1, dim, 4 * dim], [4 * dim], [1, 4 * dim, dim], [dim], [dim], [dim],
  ];
  return [[contextLength, dim], [vocabSize, dim], ...Array.from({ length: layers }, () => block).flat()];
}

const count = shapesOf(contextLength, vocabSize, dim, 2).reduce((sum, shape) => sum + shape.reduce((size, length) => size * length), 0);

/** Before the elements of a part. */
const headerBytes = 128;

/** A release in which each number is its place, a quarter in. */
function release(changes: Files = {}): Files {
  const parts = Array.from({ length: 10 }, (_, part) => [Math.floor((part * count) / 10), Math.floor(((part + 1) * count) / 10)]);
  return {
    "params_shapes.json": JSON.stringify(shapesOf(contextLength, vocabSize, dim, 2)),
    ...Object.fromEntries(parts.map(([start, end], part) => {
      const data = Float32Array.from({ length: end - start }, (_, i) => (start + i) / 4);
      return [`params_${part}.npy`, npyBytes({ shape: [end - start], data })];
    })),
    ...changes,
  };
}

async function load(files: Files): Promise<GPT> {
  return loadModelFrom((await openGPT1Release(memoryFolder(files, "model"))) as ReadableFolder, [openaiGpt]);
}

beforeEach(async () => {
  useBackend(await cpu());
});

test("the shapes of the release are GPT-1's", async () => {
  const shapes = JSON.stringify(shapesOf(512, 40_478, 768, 12));
  const folder = (await openGPT1Release(memoryFolder({ "params_shapes.json": shapes }))) as ReadableFolder;
  expect(await readConfig(folder, [openaiGpt])).toEqual(preset("gpt1"));
  expect(await planModelFrom(folder, [openaiGpt])).toMatchObject({ config: preset("gpt1") });
});

test("weights are where train.py puts them: positions first, matrices as [inputs, outputs]", async () => {
  const model = await load(release());
  const found = weights(model);
  const offsetOf = (i: number): number => shapesOf(contextLength, vocabSize, dim, 2).slice(0, i)
    .reduce((sum, shape) => sum + shape.reduce((size, length) => size * length), 0);
  const expectAt = (path: string, i: number, element = 0): void => {
    expect(found[path][element] * 4, path).toBe(offsetOf(i));
  };
  expectAt("positionEmbedding.weight", 0);
  expectAt("tokenEmbedding.weight", 1);
  ["attention.qkv.weight", "attention.qkv.bias", "attention.projection.weight", "attention.projection.bias", "attentionNorm.weight",
    "attentionNorm.bias", "mlp.up.weight", "mlp.up.bias", "mlp.down.weight", "mlp.down.bias", "mlpNorm.weight", "mlpNorm.bias"]
    .forEach((name, i) => {
      expectAt(`blocks.0.${name}`, 2 + i);
      expectAt(`blocks.1.${name}`, 14 + i);
    });
  // The second output of the first input lies next in the file, a row further in memory.
  expect(found["blocks.0.attention.qkv.weight"][dim] * 4).toBe(offsetOf(2) + 1);
  expect(model.config.blocks[0].attention.heads).toBe(12);
});

test("a folder without its shapes is no release", async () => {
  expect(await openGPT1Release(memoryFolder({ "config.json": "{}" }))).toBeUndefined();
});

describe("refuses", () => {
  const shapes = (change: (shapes: number[][]) => unknown): Files => {
    const all = shapesOf(contextLength, vocabSize, dim, 2);
    return { "params_shapes.json": JSON.stringify(change(all) ?? all) };
  };
  const part = (shape: number[]): Uint8Array =>
    npyBytes({ shape, data: new Float32Array(shape.reduce((size, length) => size * length, 1)) });
  test.each<[string, Files, string, string]>([
    ["no list", { "params_shapes.json": "{}" }, "invalid-file", "model/params_shapes.json: expected an array, at byte 0"],
    ["a size of 0", shapes((all) => { all[3] = [0]; }), "invalid-file", "model/params_shapes.json: a size is 0, expected a whole number from 1"],
    ["a size that is none", { "params_shapes.json": "[[1e400, 2]]" }, "invalid-file", "a size is Infinity, expected "],
    ["nothing", shapes(() => []), "invalid-file", "model/params_shapes.json: shape 0, that of positions_embed.weight, is missing, expected [?, ?]"],
    ["no blocks", shapes((all) => all.slice(0, 2)), "invalid-file", "there are shapes of embeddings alone, and of no block"],
    ["half a block", shapes((all) => all.slice(0, 20)), "invalid-file", "shape 20, that of h.1.mlp.c_fc.weight, is missing, expected [1, 12, 48]"],
    ["another shape", shapes((all) => { all[4] = [12, 12]; }), "invalid-file", "shape 4, that of h.0.attn.c_proj.weight, is [12, 12], expected [1, 12, 12]"],
    ["another width", shapes((all) => { all[1] = [7, 13]; }), "invalid-file", "shape 1, that of tokens_embed.weight, is [7, 13], expected [7, 12]"],
    ["widths that 12 heads do not divide", { "params_shapes.json": JSON.stringify(shapesOf(4, 7, 8, 1)) }, "invalid-file",
      "model/params_shapes.json: model configuration: 12 heads do not divide dim 8"],
    ["a missing part", { "params_3.npy": undefined as unknown as string }, "missing-file", "model lacks params_3.npy, one of the 10 files"],
    ["a part with rows", { "params_1.npy": part([2, 3]) }, "invalid-file", "model/params_1.npy has the shape [2, 3], expected one axis"],
    ["too few numbers", { "params_9.npy": part([5]) }, "invalid-file", `numbers, and params_shapes.json asks for ${count}`],
    ["a part that is none", { "params_2.npy": "PK" }, "invalid-file", "model/params_2.npy: it is too short for a .npy file"],
    ["a number that is none", { "params_9.npy": nan() }, "invalid-file",
      'model/params_0.npy to params_9.npy: tensor "h.1.ln_2.bias" holds NaN, as element 11'],
  ])("%s", async (_, changes, code, problem) => {
    const files = Object.fromEntries(Object.entries(release(changes)).filter(([, content]) => content !== undefined));
    const before = currentBackend().memory.liveBuffers;
    await expect(load(files)).rejects.toMatchObject({ code, message: expect.stringContaining(problem) as string });
    expect(currentBackend().memory.liveBuffers).toBe(before);
  });

  function nan(): Uint8Array {
    const data = new Float32Array(count - Math.floor((9 * count) / 10));
    return npyBytes({ shape: [data.length], data: data.fill(NaN, -1) });
  }

  test("parts of different precision", async () => {
    const bytes = release()["params_4.npy"] as Uint8Array;
    const header = Buffer.from(bytes.subarray(0, headerBytes)).toString("latin1").replace("<f4", "<f2");
    const halves = Uint8Array.from([...Buffer.from(header, "latin1"), ...bytes.subarray(headerBytes, (headerBytes + bytes.length) / 2)]);
    await expect(load(release({ "params_4.npy": halves }))).rejects.toMatchObject({
      code: "invalid-file", message: "model/params_4.npy has elements F16, and params_0.npy F32",
    });
  });
});

test("its files are closed, whatever becomes of it", async () => {
  for (const files of [release(), release({ "params_5.npy": "PK" })]) {
    let open = 0;
    const folder = memoryFolder(files, "model");
    const counting: ReadableFolder = {
      name: "model",
      async open(name) {
        const file = await folder.open(name);
        if (!file) return undefined;
        open++;
        return { ...file, close: () => Promise.resolve(void open--) };
      },
    };
    await loadModelFrom((await openGPT1Release(counting)) as ReadableFolder, [openaiGpt]).catch(() => undefined);
    expect(open).toBe(0);
  }
});

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 300;

test(`of ${fuzzCount} mutated releases each is read, or refused in one short line`, { timeout: 600_000 }, async () => {
  const files = release();
  const names = ["params_shapes.json", "params_0.npy", "params_9.npy"];
  const corpus = names.map((name) => (typeof files[name] === "string" ? new TextEncoder().encode(files[name]) : files[name]));
  const random = new RandomNumbers(6);
  let accepted = 0;
  for (let i = 0; i < fuzzCount; i++) {
    const which = random.below(names.length);
    const changed = which === 0 ? mutation(corpus[0], corpus, random) : mutatedHeader(corpus[which], random);
    try {
      (await load({ ...files, [names[which]]: changed })).dispose();
      accepted++;
    } catch (error) {
      if (!(isGptError(error) && ["invalid-file", "unsupported-model", "unsupported-dtype", "missing-tensor"].includes(error.code))) throw error;
      expect(error.message).toMatch(/^model\/params_[^\p{Cc}\p{Bidi_Control}]{1,2000}$/u);
    }
    expect(currentBackend().memory.liveBuffers).toBe(0);
  }
  expect(accepted).toBeGreaterThan(fuzzCount / 100);
  expect(accepted).toBeLessThan(fuzzCount / 2);
});

/** A file with other bytes before its elements. */
function mutatedHeader(bytes: Uint8Array, random: RandomNumbers): Uint8Array {
  const header = bytes.subarray(0, headerBytes);
  return Uint8Array.from([...mutation(header, [header], random), ...bytes.subarray(headerBytes)]);
}
