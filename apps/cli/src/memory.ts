import { totalmem } from "node:os";
import { describeModel, weightBytesOf } from "@gpt/gpt";
import type { GPTConfig, MatrixDTypes, MLPConfig } from "@gpt/gpt";
import { PackedWeight } from "@gpt/tensor";
import type { CacheDType, WeightDType } from "@gpt/tensor";
import type { StartedBackend } from "./backend.ts";
import { CommandError } from "./errors.ts";
import { formatBytes, formatCount, formatDTypes } from "./format.ts";
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

/** Training a model on batches of `batch` windows of `tokens` tokens. */
export function trainingNeed(config: GPTConfig, batch: number, tokens: number): Need {
  const { parameters, trainingBytes } = describeModel(config);
  // What the tape of each block holds of a token: the residual stream and its normalization, twice; queries, keys, values
  // and the heads' results; the hidden layer before and after the activation function, of each expert that it has.
  const perToken = config.blocks.reduce((sum, { attention: { heads, kvHeads, headDim }, mlp }) => {
    return sum + 4 * config.dim + 2 * (heads + kvHeads) * headDim + hiddenWidths(mlp).reduce((a, b) => a + b);
  }, 0);
  return {
    parts: {
      [`${formatCount(parameters.total)} parameters with gradients and moments`]: trainingBytes,
      [`activations of ${formatCount(batch)} × ${formatCount(tokens)} tokens`]: f32Bytes * batch * tokens * perToken,
    },
    largest: f32Bytes * parameters.total,
    advice: "choose a smaller model, --batch or --context",
  };
}

/** Running a model on batches of `tokens` tokens, and with a cache of keys and values where that has a dtype. */
export function runningNeed(
  config: GPTConfig, dtype: WeightDType | MatrixDTypes, tokens: number, cacheDtype?: CacheDType,
): Need {
  const { vocabSize, contextLength, dim, blocks } = config;
  const { parameters } = describeModel(config);
  const { embedding = "f32" } = typeof dtype === "string" ? { embedding: dtype } : dtype;
  const bytes = (dtype: WeightDType, rows: number, columns: number): number => PackedWeight.byteLengthOf(dtype, [rows, columns]);
  const cached = (dtype: CacheDType): number =>
    blocks.reduce((sum, { attention: { kvHeads, headDim } }) => sum + 2 * bytes(dtype, kvHeads * contextLength, headDim), 0);
  const widest = blocks.map(({ attention: { heads, kvHeads, headDim }, mlp }) =>
    Math.max(...hiddenWidths(mlp), 2 * (heads + kvHeads) * headDim),
  );
  return {
    parts: {
      [`${formatCount(parameters.total)} parameters as ${formatDTypes(dtype)}`]: weightBytesOf(config, dtype),
      "keys and values": cacheDtype ? cached(cacheDtype) : 0,
      [`activations of ${formatCount(tokens)} tokens`]: f32Bytes * tokens * (dim + Math.max(...widest)),
    },
    largest: bytes(embedding, vocabSize, dim),
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

/**
 * Refuses work that cannot fit this machine or the backend, before any of it begins; says by `output` where it
 * might not fit beside what else is running.
 */
export function checkMemory({ parts, largest, advice }: Need, backend: StartedBackend, output?: Output): void {
  const total = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
  const list = Object.entries(parts).filter(([, bytes]) => bytes > 0).map(([part, bytes]) => `${part} ${formatBytes(bytes)}`).join(", ");
  const need = `this takes at least ${formatBytes(total)} of memory (${list})`;
  for (const { name, bytes } of roomsOf(backend)) {
    if (total > bytes) throw new CommandError(`${need}; ${name} ${formatBytes(bytes)}: ${advice}`);
  }
  const { maxBufferBytes = Infinity } = backend;
  if (largest > maxBufferBytes) {
    const limit = `a buffer of ${formatBytes(largest)}, and this device's largest has ${formatBytes(maxBufferBytes)}`;
    throw new CommandError(`${need}, with ${limit}: ${advice}`);
  }
  const available = process.availableMemory();
  if (backend.adapter === undefined && total > available) {
    output?.note(`Memory may not suffice: ${need}, and ${formatBytes(available)} are free now.`);
  }
}

function roomsOf(backend: StartedBackend): Room[] {
  // A GPU's memory is not told; what it lends for one buffer is.
  if (backend.adapter !== undefined) return [];
  const machine = { name: "this machine has", bytes: totalmem() };
  // A container's limit; 0, or more than there is, where there is none.
  const limit = { name: "this process may use", bytes: process.constrainedMemory() || Infinity };
  const held = { name: `the backend ${backend.name} holds at most`, bytes: backend.memory.maxBytes ?? Infinity };
  return [machine, limit, held];
}
