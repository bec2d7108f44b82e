import { expect } from "vitest";
import { currentBackend, isGptError, noGrad, scope } from "@gpt/tensor";
import type { GPT } from "../src/model.ts";
import { safetensorsChunks } from "@gpt/formats";
import type { TensorSource } from "@gpt/formats";
import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { idsOf } from "./fixtures.ts";
import { loadModelFrom } from "../src/folder/load.ts";
import { gpt2Tensors } from "../src/architectures/gpt2.ts";
import { tensorsOf as tensorsOfModel } from "../src/folder/model-tensors.ts";
import { architectures as known } from "../src/architectures/index.ts";

export type Files = Record<string, Uint8Array | string>;

/** Copies of a model's weights, by path. */
export function weights(model: GPT): Record<string, Float32Array> {
  return Object.fromEntries(Array.from(model.namedParameters(), ([path, parameter]) => [path, parameter.dataSync()]));
}

/** What a model computes in evaluation mode for some ids. */
export function logits(model: GPT): Float32Array {
  return scope(() =>
    noGrad(() =>
      model
        .eval()
        .forward(idsOf([[1, 2, 3, 4]]))
        .dataSync(),
    ),
  );
}

/** A file of these tensors. */
export async function tensorsOf(files: Iterable<TensorSource>): Promise<Uint8Array> {
  return (await collect([{ name: "x", chunks: safetensorsChunks([...files]) }])).x;
}

/** What a model's weight file holds, to be changed and written again. */
export async function sourcesOf(model: GPT): Promise<Map<string, TensorSource>> {
  const sources = new Map<string, TensorSource>();
  for (const { name, shape, read } of tensorsOfModel(model, gpt2Tensors)) {
    const values = await read();
    sources.set(name, { name, shape, read: () => Promise.resolve(values) });
  }
  return sources;
}

export async function folderWith(files: Files): Promise<GPT> {
  return loadModelFrom(memoryFolder(files, "model"), known);
}

/** Loading fails, for this reason, and leaves nothing behind. */
export async function expectRefusal(files: Files, code: string, problem: string): Promise<void> {
  const { memory } = currentBackend();
  const before = memory.liveBuffers;
  const error = await folderWith(files).catch((error: unknown) => error);
  expect(isGptError(error)).toBe(true);
  expect(error).toMatchObject({ code, message: expect.stringContaining(problem) as string });
  expect(memory.liveBuffers).toBe(before);
}
