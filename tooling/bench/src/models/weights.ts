import { closeSync, openSync, writeSync } from "node:fs";
import { GPT } from "@gpt/gpt";
import type { GPTConfig } from "@gpt/gpt";
import { useBackend } from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import { sizeOf } from "./numbers.ts";

/** A parameter of the model, by its path in `@gpt/gpt`. */
export interface WeightShape {
  readonly path: string;
  readonly shape: readonly number[];
}

/** The parameters of a model. */
export function weightShapes(config: GPTConfig): WeightShape[] {
  const model = useBackend(meta(), () => new GPT(config));
  return Array.from(model.namedWeights(), ([path, { shape }]) => ({ path, shape }));
}

/**
 * Random weights, always the same: large enough in the blocks that what follows a token depends on all before it, and
 * small enough in the embeddings that it can be trained.
 */
export function randomWeights({ path, shape }: WeightShape): Float32Array<ArrayBuffer> {
  const [mean, std] = path.endsWith("Norm.weight")
    ? [1, 0.1]
    : path.endsWith("Embedding.weight")
      ? [0, 0.05]
      : shape.length === 1
        ? [0, 0.1]
        : [0, 1 / Math.sqrt(shape[1])];
  let state = [...path].reduce(
    (hash, character) => Math.imul(hash ^ character.charCodeAt(0), 0x0100_0193) >>> 0,
    0x811c_9dc5,
  );
  const values = new Float32Array(sizeOf(shape));
  // Uniform numbers have the deviation of their range by √12.
  const range = std * Math.sqrt(12);
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    values[i] = mean + (state / 2 ** 32 - 0.5) * range;
  }
  return values;
}

/** Writes the weights one behind the other, as little-endian f32, for contenders that are not in this language. */
export function writeWeights(file: string, weights: readonly WeightShape[]): void {
  const descriptor = openSync(file, "wx");
  try {
    for (const weight of weights) writeAll(descriptor, randomWeights(weight));
  } finally {
    closeSync(descriptor);
  }
}

export function writeAll(descriptor: number, { buffer, byteOffset, byteLength }: ArrayBufferView): void {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
}

/** Token ids without a pattern, always the same. */
export function randomTokens(count: number, vocabSize: number): number[] {
  let state = 1;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * vocabSize);
  });
}
