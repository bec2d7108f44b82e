import { expect } from "vitest";
import { currentBackend, isGptError, noGrad, scope } from "@gpt/tensor";
import type { GPT } from "../src/model.ts";
import { safetensorsChunks } from "@gpt/formats";
import type { TensorSource } from "@gpt/formats";
import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { idsOf } from "./fixtures.ts";
import { loadModelFrom } from "../src/folder/load.ts";
import { gpt2Tensors } from "../src/architectures/gpt2.ts";
import { tensorsOf as tensorsOfSlots } from "../src/folder/model-tensors.ts";
import type { TensorNames } from "../src/architectures/architecture.ts";
import { ModelWeights } from "../src/model-weights.ts";
import { slotsOf } from "../src/slots.ts";
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

/** A tensor that is in memory. */
export interface HeldTensor extends TensorSource {
  readonly values: Float32Array | Uint8Array;
}

/** The tensors of a model's weight file. */
export async function tensorsOfModel(model: GPT, names: TensorNames): Promise<HeldTensor[]> {
  return Promise.all(tensorsOfSlots(slotsOf(model), new ModelWeights(model), names).map(async ({ read, ...source }): Promise<HeldTensor> => {
    const values = await valuesOf(read(), source.dtype === "U8");
    return { ...source, values, read: () => Promise.resolve(values) };
  }));
}

async function valuesOf(read: ReturnType<TensorSource["read"]>, areBytes: boolean): Promise<Float32Array | Uint8Array> {
  if (!(Symbol.asyncIterator in read)) return read;
  const bytes: number[] = [];
  for await (const { buffer, byteOffset, byteLength } of read) bytes.push(...new Uint8Array(buffer, byteOffset, byteLength));
  return areBytes ? Uint8Array.from(bytes) : new Float32Array(Uint8Array.from(bytes).buffer);
}

/** What a model's weight file holds, to be changed and written again. */
export async function sourcesOf(model: GPT): Promise<Map<string, HeldTensor>> {
  return new Map((await tensorsOfModel(model, gpt2Tensors)).map((tensor) => [tensor.name, tensor]));
}

export async function folderWith(files: Files): Promise<GPT> {
  return loadModelFrom(memoryFolder(files, "model"), known);
}

/** Loading fails, for this reason, and leaves nothing behind. */
export async function expectRefusal(files: Files, code: string, problem: string): Promise<void> {
  const backend = currentBackend();
  const before = backend.memory.liveBuffers;
  const error = await folderWith(files).catch((error: unknown) => error);
  expect(isGptError(error)).toBe(true);
  expect(error).toMatchObject({ code, message: expect.stringContaining(problem) as string });
  expect(backend.memory.liveBuffers).toBe(before);
}
