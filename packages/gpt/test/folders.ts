import { expect } from "vitest";
import { currentBackend, isGptError, noGrad, scope } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import type { GPT } from "../src/model.ts";
import { safetensorsChunks } from "@gpt/formats";
import type { TensorSource } from "@gpt/formats";
import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { idsOf } from "./fixtures.ts";
import { loadModelFrom } from "../src/folder/load.ts";
import { transpose, weightPlaces } from "../src/folder/weight-layout.ts";

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
  const parameters = model.stateDict();
  const sources = new Map<string, TensorSource>();
  for (const { path, name, shape, transposed } of weightPlaces(model.config)) {
    const values = await (parameters.get(path) as Tensor).data();
    const stored = transposed ? transpose(values, shape[0], shape[1]) : values;
    sources.set(name, { name, shape: transposed ? shape.toReversed() : shape, read: () => Promise.resolve(stored) });
  }
  return sources;
}

export async function folderWith(files: Files): Promise<GPT> {
  return loadModelFrom(memoryFolder(files, "model"));
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
