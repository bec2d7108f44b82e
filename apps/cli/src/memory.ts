import { totalmem } from "node:os";
import { describeModel, describeTraining, weightBytesOf } from "@gpt/gpt";
import type { GPTConfig, MatrixDTypes, MLPConfig } from "@gpt/gpt";
import { streamedBytesOf } from "@gpt/gpt/node";
import { PackedWeight } from "@gpt/tensor";
import type { CacheDType, WeightDType } from "@gpt/tensor";
import type { StartedBackend } from "./backend.ts";
import { CommandError } from "./errors.ts";
import { formatBytes, formatCount, formatDTypes } from "./format.ts";
import type { FinetuneOptions } from "./finetuning/options.ts";
import type { Output } from "./output.ts";

/** What some work takes at least; more than that is never claimed, so that nothing is refused which would run. */
export interface Need {
  /** Bytes of each part. */
  readonly parts: Readonly<Record<string, number>>;
  /** Bytes of the largest buffer. */
  readonly largest: number;
  /** What to do where there is not as much. */
  readonly advice: string;
}

const f32Bytes = 4;

/** Training a model on batches of `batch` windows of `context` tokens. */
export function trainingNeed(config: GPTConfig, batch: number, context: number): Need {
  const { parameters, gradients, optimizer, activations } = describeTraining(config, { batch, context }).f32;
  return {
    parts: {
      [`${formatCount(parameters / f32Bytes)} parameters with gradients and moments`]: parameters + gradients + optimizer,
      [`activations of ${formatCount(batch)} × ${formatCount(context)} tokens`]: activations,
    },
    largest: parameters,
    advice: "choose a smaller model, --batch or --context",
  };
}

/** Fine-tuning: the weights as they are stored; where all of them learn, gradients and moments as in training. */
export function finetuningNeed(config: GPTConfig, dtype: WeightDType | MatrixDTypes, { method, batch = 1, context = config.contextLength }: FinetuneOptions): Need {
  if (method === "full") return trainingNeed(config, batch, context);
  // What a step keeps depends on what learns: more than its inputs is never claimed.
  return { ...runningNeed(config, dtype, context), advice: "use --dtype for fewer bits, or a smaller --context or model" };
}

/**
 * Running a model on batches of `tokens` tokens, and with a cache of keys and values where that has a dtype; `streams` where its
 * blocks are read when they compute.
 */
export function runningNeed(
  config: GPTConfig, dtype: WeightDType | MatrixDTypes, tokens: number, cacheDtype?: CacheDType, streams = false,
): Need {
  const { vocabSize, dim, blocks } = config;
  const { parameters, cacheBytes } = describeModel(config);
  const { embedding = "f32" } = typeof dtype === "string" ? { embedding: dtype } : dtype;
  const widest = blocks.map(({ attention: { heads, kvHeads, headDim }, mlp }) =>
    Math.max(...hiddenWidths(mlp), 2 * (heads + kvHeads) * headDim),
  );
  const weights = streams ? streamedBytesOf(config, dtype) : weightBytesOf(config, dtype);
  const which = streams ? "of which one block is held, " : "";
  return {
    parts: {
      [`${formatCount(parameters.total)} parameters ${which}as ${formatDTypes(dtype)}`]: weights,
      "keys and values": cacheDtype ? cacheBytes[cacheDtype] : 0,
      [`activations of ${formatCount(tokens)} tokens`]: f32Bytes * tokens * (dim + Math.max(...widest)),
    },
    largest: PackedWeight.byteLengthOf(embedding, [vocabSize, dim]),
    advice: embedding === "f32" ? "use --dtype for fewer bits, or a smaller model" : "use a smaller model",
  };
}

/** Numbers of a token before and after the activation function. */
function hiddenWidths(mlp: MLPConfig): [before: number, after: number] {
  if (mlp.type === "experts") return hiddenWidths(mlp.expert).map((width) => mlp.active * width) as [number, number];
  return [mlp.type === "gated" ? 2 * mlp.hiddenDim : mlp.hiddenDim, mlp.hiddenDim];
}

/** Where tensors are kept, and the bytes that there are. */
interface Room {
  readonly name: string;
  readonly bytes: number;
}

/** Whether a backend, and this machine, can hold what some work takes. */
export function canHold(backend: StartedBackend, need: Need): boolean {
  const { maxBufferBytes = Infinity } = backend;
  return roomsOf(backend).every(({ bytes }) => bytesOf(need) <= bytes) && need.largest <= maxBufferBytes;
}

/**
 * Refuses work that cannot fit this machine or the backend, before any of it begins; says by `output` where it
 * might not fit beside what else is running.
 */
export function checkMemory(need: Need, backend: StartedBackend, output?: Output): void {
  const { parts, largest, advice } = need;
  const total = bytesOf(need);
  const list = Object.entries(parts).filter(([, bytes]) => bytes > 0).map(([part, bytes]) => `${part} ${formatBytes(bytes)}`).join(", ");
  const takes = `this takes at least ${formatBytes(total)} of memory (${list})`;
  for (const { name, bytes } of roomsOf(backend)) {
    if (total > bytes) throw new CommandError(`${takes}; ${name} ${formatBytes(bytes)}: ${advice}`);
  }
  const { maxBufferBytes = Infinity } = backend;
  if (largest > maxBufferBytes) {
    const limit = `a buffer of ${formatBytes(largest)}, and this device's largest has ${formatBytes(maxBufferBytes)}`;
    throw new CommandError(`${takes}, with ${limit}: ${advice}`);
  }
  const available = process.availableMemory();
  if (backend.adapter === undefined && total > available) {
    output?.note(`Memory may not suffice: ${takes}, and ${formatBytes(available)} are free now.`);
  }
}

function roomsOf(backend: StartedBackend): Room[] {
  // A GPU's memory is not told; what it lends for one buffer is.
  if (backend.adapter !== undefined) return [];
  const held = { name: `the backend ${backend.name} holds at most`, bytes: backend.memory.maxBytes ?? Infinity };
  return [...roomsOfMachine(), held];
}

function roomsOfMachine(): Room[] {
  const machine = { name: "this machine has", bytes: totalmem() };
  // A container's limit; 0, or more than there is, where there is none.
  const limit = { name: "this process may use", bytes: process.constrainedMemory() || Infinity };
  return [machine, limit];
}

/** Bytes of memory that this process can have at most. */
export function machineBytes(): number {
  return Math.min(...roomsOfMachine().map(({ bytes }) => bytes));
}

/** What some work takes at least. */
export function bytesOf({ parts }: Need): number {
  return Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
}
