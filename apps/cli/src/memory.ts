import { totalmem } from "node:os";
import { describeModel, GPT, weightBytesOf } from "@gpt/gpt";
import type { GPTConfig, MatrixDTypes, MLPConfig } from "@gpt/gpt";
import { streamedBytesOf } from "@gpt/gpt/node";
import { PackedWeight, useBackend } from "@gpt/tensor";
import type { CacheDType, WeightDType } from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import { planTraining } from "@gpt/train";
import type { TokenSource, TrainingPlan, TrainOptions } from "@gpt/train";
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

/**
 * Training a model that is set up as the one to be trained, but on the backend `meta`. Where it takes what is planned, it takes all of
 * that: the process and its data come on top.
 */
export async function trainingNeed(model: GPT, options: TrainOptions): Promise<Need> {
  return needOf(model, await planTraining(model, options));
}

/** A batch of more tokens is not planned as a whole. */
const maxPlannedTokens = 2 ** 15;

/** Training a model of this configuration on windows of a text. */
export async function windowsNeed(config: GPTConfig, options: Omit<TrainOptions, "data">): Promise<Need> {
  const { batchSize = 12, contextLength = config.contextLength } = options;
  const plan = async (sequences: number, context: number): Promise<[GPT, TrainingPlan]> => {
    const model = useBackend(meta(), () => new GPT(config));
    const train: TokenSource = { length: context + 1, read: async (_, count) => new Int32Array(count) };
    return [model, await planTraining(model, { ...options, batchSize: sequences, contextLength: context, data: { train } })];
  };
  const title = `activations of ${formatCount(batchSize)} × ${formatCount(contextLength)} tokens`;
  if (batchSize * contextLength <= maxPlannedTokens) return needOf(...(await plan(batchSize, contextLength)), title);
  // Beyond some thousand tokens, each takes as much as the one before.
  const context = Math.min(contextLength, maxPlannedTokens / 2);
  const sequences = Math.floor(maxPlannedTokens / 2 / context);
  const [[, some], [model, more]] = [await plan(sequences, context), await plan(2 * sequences, context)];
  const times = (batchSize / sequences) * (contextLength / context) - 2;
  const activations = more.activations + times * (more.activations - some.activations);
  return needOf(model, { ...more, activations }, title);
}

function needOf(model: GPT, { weights, optimizer, activations }: TrainingPlan, title = "activations of the largest batch"): Need {
  const trained = trainedIn(model);
  return {
    parts: {
      [`${formatCount(model.parameterCount())} parameters`]: weights,
      [`gradients and moments of ${formatCount(trained)}`]: optimizer,
      [title]: activations,
    },
    // What is trained lies in one buffer.
    largest: Math.max(f32Bytes * trained, ...Array.from(model.namedWeights(), ([, { dtype, shape }]) => PackedWeight.byteLengthOf(dtype, shape))),
    advice: "choose --checkpoint-blocks, a smaller --batch or --context, or a smaller model",
  };
}

/** How many parameters of a model are trained. */
export function trainedIn(model: GPT): number {
  return model.parameters().reduce((sum, { requiresGrad, size }) => sum + (requiresGrad ? size : 0), 0);
}

/** Fine-tuning, before the data are read, which decide how large a batch is: the weights, with gradients and moments where all are trained. */
export function finetuningNeed(config: GPTConfig, dtype: WeightDType | MatrixDTypes, { method }: FinetuneOptions): Need {
  const weights = weightBytesOf(config, dtype);
  const { parameters } = describeModel(config);
  const state = method === "full" ? 3 * f32Bytes * parameters.total : 0;
  const advice = "use --method lora, --dtype for fewer bits, or a smaller model";
  return { parts: { [`${formatCount(parameters.total)} parameters as ${formatDTypes(dtype)}`]: weights, "gradients and moments": state }, largest: 0, advice };
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
