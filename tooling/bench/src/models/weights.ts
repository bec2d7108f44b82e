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
  /** As a model is trained from: matrices have this deviation, biases are zeros, scales of norms ones. */
  readonly std?: number;
}

/** The parameters of a model. */
export function weightShapes(config: GPTConfig, std?: number): WeightShape[] {
  const model = useBackend(meta(), () => new GPT(config));
  return Array.from(model.namedWeights(), ([path, { shape }]) => ({ path, shape, std }));
}

/**
 * Random weights, always the same: with `std` as a model is trained from. Without it large enough in the blocks that what
 * follows a token depends on all before it, and small enough in the embeddings that it can be trained.
 */
export function randomWeights(weight: WeightShape): Float32Array<ArrayBuffer> {
  const { path, shape } = weight;
  const [mean, std] = distributionOf(weight);
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

/** Mean and deviation. */
function distributionOf({ path, shape, std }: WeightShape): readonly [mean: number, std: number] {
  const isScale = path.endsWith("Norm.weight");
  if (std !== undefined) return [isScale ? 1 : 0, shape.length === 1 ? 0 : std];
  if (isScale) return [1, 0.1];
  if (path.endsWith("Embedding.weight")) return [0, 0.05];
  return [0, shape.length === 1 ? 0.1 : 1 / Math.sqrt(shape[1])];
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
