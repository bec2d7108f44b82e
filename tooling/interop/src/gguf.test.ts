import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gguf } from "@huggingface/gguf";
import { decodeGGUF, ggufFormats, openGGUF } from "@gpt/formats/gguf";
import type { GGUFMetadata, GGUFValue } from "@gpt/formats/gguf";
import { openFolder } from "@gpt/formats/node";
import type { GPT, GPTConfig } from "@gpt/gpt";
import type { GGUFDType } from "@gpt/gpt/gguf";
import { loadModel, writeGGUF } from "@gpt/gpt/node";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { gpt } from "@gpt/testing/gpt-command";
import type { Llama, LlamaContextSequence, Token } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { greedy, nextScores, seeds, toy, toys } from "./gguf-models.ts";
import { fileTypes, Ggml, inLlama, quantize, startLlama } from "./llama.ts";

const prompt = [1, 5, 17, 300, 42, 7];
let folder: string;
let llama: Llama;

beforeAll(async () => {
  useBackend(await cpu());
  folder = await mkdtemp(join(tmpdir(), "gpt-gguf-"));
  llama = await startLlama();
});
afterAll(async () => {
  await llama.dispose();
  await rm(folder, { recursive: true });
});

/** Tokens that llama.cpp wants to have, of any text. */
const texts = Array.from({ length: 320 }, (_, i) => String.fromCodePoint(0x100 + i));
const tokenizer: GGUFMetadata = new Map<string, GGUFValue>([
  ["tokenizer.ggml.model", { type: "string", value: "gpt2" }],
  ["tokenizer.ggml.pre", { type: "string", value: "gpt-2" }],
  ["tokenizer.ggml.tokens", { type: "array", of: "string", value: texts }],
  ["tokenizer.ggml.token_type", { type: "array", of: "i32", value: Int32Array.from(texts, () => 1) }],
  ["tokenizer.ggml.merges", { type: "array", of: "string", value: [`${texts[0]} ${texts[1]}`] }],
  ["tokenizer.ggml.eos_token_id", { type: "u32", value: 319 }],
]);

async function writtenToy(name: string, dtype?: GGUFDType): Promise<{ readonly model: GPT; readonly path: string }> {
  const model = toy(toys[name], seeds[name]);
  const path = join(folder, `${name.replaceAll(/\W+/g, "-")}-${dtype ?? "f32"}.gguf`);
  await writeGGUF(model, path, { tokenizer, dtype });
  return { model, path };
}

/** The largest difference of log-probabilities of the eight likeliest tokens behind some, here and in llama.cpp. */
async function differenceIn(path: string, ids: readonly number[] = prompt): Promise<number> {
  const scores = nextScores(await loadModel(path), ids);
  const largest = Math.max(...scores);
  const logSum = largest + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - largest), 0));
  const theirs = await inLlama(llama, path, async (sequence) => {
    const items = ids.map((id, i) => (i < ids.length - 1 ? (id as Token) : [id as Token, { generateNext: { probabilities: true, options: { temperature: 1, topK: 0, topP: 1, minP: 0 } } }] as const));
    const results = await sequence.controlledEvaluate(items as Parameters<LlamaContextSequence["controlledEvaluate"]>[0]);
    return results[ids.length - 1]?.next.probabilities;
  });
  const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, 8);
  return Math.max(...order.map((id) => Math.abs(Math.log(theirs?.get(id as Token) ?? 0) - (scores[id] - logSum))));
}

async function likeliest(sequence: LlamaContextSequence, count: number): Promise<number[]> {
  const ids: number[] = [];
  for await (const id of sequence.evaluate(prompt as Token[], { temperature: 0, yieldEogToken: true })) {
    ids.push(id);
    if (ids.length === count) break;
  }
  return ids;
}

describe("a file that is written here", () => {
  test.each(Object.keys(toys))("%s: llama.cpp writes the same 64 tokens", async (name) => {
    const { model, path } = await writtenToy(name);
    const { ids, margins } = greedy(model, prompt, 64);
    expect(new Set(ids).size).toBeGreaterThanOrEqual(16);
    expect(Math.min(...margins)).toBeGreaterThan(0.02);
    expect(await inLlama(llama, path, (sequence) => likeliest(sequence, 64))).toEqual(ids);
  });

  /** What goes into products llama.cpp rounds to the weights' own 16 bits, or to 8 where they are quantised. */
  test.each([
    ["gpt2", "f16", 0.02], ["gpt2", "bf16", 0.05], ["gpt2", "q8_0", 0.25], ["llama", "q8_0", 0.25], ["llama", "q4_0", 0.25], ["qwen3", "q4_0", 0.25],
    ["mixtral", "q8_0", 0.25], ["gpt-oss", "mxfp4", 0.25],
  ] as const)("%s in %s: log-probabilities of the likeliest tokens differ by at most %f", async (name, dtype, bound) => {
    const { path } = await writtenToy(name, dtype);
    const difference = await differenceIn(path);
    console.info(`${name} in ${dtype}: ${difference.toFixed(4)}`);
    expect(difference).toBeLessThan(bound);
  });

  test("what `gpt quantize` writes of a folder, in several files: they differ by at most 0.1", async () => {
    const [text, run, out] = ["text.txt", "run", "few"].map((name) => join(folder, name));
    await writeFile(text, "The cat sat on the mat, and the dog sat on the cat.\n".repeat(400));
    const sizes = ["--layers", "2", "--heads", "2", "--dim", "64", "--context", "64", "--vocab-size", "310"];
    await gpt("train", "--data", text, "--tokenizer", "bpe", ...sizes, "--steps", "30", "--batch", "4", "--out", run);
    const lines = (await gpt("quantize", "--model", run, "--dtype", "q8_0", "--out", out, "--split-max-size", "50kB", "--json")).trim().split("\n");
    const { out: path, done } = JSON.parse(lines[lines.length - 1]) as { readonly out: string; readonly done: boolean };
    expect([done, path]).toEqual([true, expect.stringMatching(/run-Q8_0-00001-of-0000[2-9]\.gguf$/)]);
    const difference = await differenceIn(path, prompt.filter((id) => id < 256));
    console.info(`gpt quantize: ${difference.toFixed(4)}`);
    expect(difference).toBeLessThan(0.1);
  });

  test("has the metadata and tensors that @huggingface/gguf reads", async () => {
    const { path } = await writtenToy("gpt-oss", "mxfp4");
    const theirs = await gguf(path, { allowLocalFile: true });
    const ours = await openGGUF(openFolder(folder), path.slice(folder.length + 1));
    await ours?.close();
    const plain = (value: GGUFValue["value"]): unknown => (typeof value === "object" ? Array.from(value as ArrayLike<unknown>) : value);
    const { version, tensor_count: count, kv_count: values, ...metadata } = theirs.metadata as Record<string, unknown>;
    expect([version, count, values]).toEqual([3, BigInt(ours?.tensors.length ?? 0), BigInt(ours?.metadata.size ?? 0)]);
    expect(metadata).toEqual(Object.fromEntries(Array.from(ours?.metadata ?? [], ([key, { value }]) => [key, plain(value)])));
    expect(theirs.tensorInfos.map(({ name, shape, dtype, offset }) => [name, shape.map(Number).reverse(), dtype, Number(offset + theirs.tensorDataOffset)])).toEqual(
      ours?.tensors.map(({ name, entry: { shape, dtype, start } }) => [name, shape, ggufFormats[dtype].id, start]));
  });
});

describe("a file that llama.cpp quantised", () => {
  const ggml = new Ggml();

  test.each(Object.keys(fileTypes) as (keyof typeof fileTypes)[])("in %s: elements are llama.cpp's, bit for bit, and the model loads", async (type) => {
    // K-quants have blocks of 256.
    const { blocks, ...rest } = toys.mixtral as GPTConfig;
    const wide: GPTConfig = { ...rest, dim: 256, blocks: blocks.slice(0, 1).map((block) => ({
      ...block, mlp: { type: "experts", count: 4, active: 2, expert: { type: "gated", hiddenDim: 256, gate: "silu" } },
    })) };
    const [from, to] = [join(folder, "wide.gguf"), join(folder, `wide-${type}.gguf`)];
    await writeGGUF(toy(wide, 1), from, { tokenizer });
    quantize(from, to, type);
    const files = await openGGUF(openFolder(folder), `wide-${type}.gguf`);
    await files?.close();
    const bytes = new Uint8Array(await readFile(to));
    const found = new Set<string>();
    for (const { entry: { dtype, start, end } } of files?.tensors ?? []) {
      found.add(dtype);
      if (ggufFormats[dtype].block === 1) continue;
      const blocks = bytes.slice(start, end);
      expect(Buffer.from(decodeGGUF(dtype, blocks).buffer).equals(Buffer.from(ggml.decode(dtype, blocks).buffer))).toBe(true);
    }
    expect(found).toContain(type);
    const model = await loadModel(to);
    expect(nextScores(model, prompt).every(Number.isFinite)).toBe(true);
    model.dispose();
  });
});
