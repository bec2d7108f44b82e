import { AttentionBatch, readOptions, scope, useBackend, wholeNumber, zeros } from "@gpt/tensor";
import type { Expectations } from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import type { GPTConfig } from "./config.ts";
import { GPTError } from "./errors.ts";
import { GPT } from "./model.ts";
import { resolveConfig } from "./resolve-config.ts";
import type { GPTOptions } from "./short-form.ts";

/** What is computed together: so much of it decides how much the tape holds. */
export interface TrainingBatch {
  /** Sequences. Default 1. */
  readonly batch?: number;
  /** Tokens of each. Default: the model's context, but no more than 4096: few train with more from the start. */
  readonly context?: number;
}

/** Bytes that training takes at least: temporary tensors come on top. */
export interface TrainingMemory {
  readonly parameters: number;
  readonly gradients: number;
  /** AdamW's two moments, and beside parameters in bf16 their copy in f32. */
  readonly optimizer: number;
  /** What the tape holds when all blocks have been computed, and the gradient that the head gives them. */
  readonly activations: number;
  readonly total: number;
}

/** What training takes, by the dtype of parameters, gradients and activations. */
export interface TrainingDescription {
  readonly batch: number;
  readonly context: number;
  /** As `train()` of @gpt/train does it: 4 + 4 + 8 bytes a parameter. */
  readonly f32: TrainingMemory;
  /**
   * Mixed precision, as other programs do it: 2 + 2 + 12 bytes a parameter (Rajbhandari et al. 2020, ZeRO, section 3.1), and
   * half of the activations in f32.
   */
  readonly bf16: TrainingMemory;
}

const batchExpected: Expectations<TrainingBatch> = { batch: wholeNumber(1), context: wholeNumber(1) };

/** A batch, checked: of a model's context where it says no other. Throws `invalid-input`, and `context-overflow`. */
export function readBatch(call: string, given: TrainingBatch | undefined, { contextLength }: GPTConfig): Required<TrainingBatch> {
  const invalid = (problem: string): GPTError => new GPTError("invalid-input", `${call}: ${problem}`);
  const { batch = 1, context = Math.min(contextLength, 4096) } = readOptions<TrainingBatch>(given, batchExpected, invalid);
  if (context <= contextLength) return { batch, context };
  throw new GPTError("context-overflow", `${call}: ${context} tokens exceed the model's context of ${contextLength}`);
}

/**
 * Memory to train a model of this configuration with AdamW: parameters and optimizer exact, activations as measured on the
 * backend `meta`. Nothing is allocated. Throws `invalid-config`, `invalid-input` and `context-overflow`.
 */
export function describeTraining(options: GPTOptions | GPTConfig, batch?: TrainingBatch): TrainingDescription {
  const config = resolveConfig(options);
  const given = readBatch("describeTraining", batch, config);
  const model = useBackend(meta(), () => new GPT(config));
  const { embedding, blocks } = activationsOf(model, given.context);
  const perSequence = blocks.reduce((sum, bytes) => sum + bytes, 2 * embedding);
  const parameters = model.parameterCount();
  const activations = given.batch * perSequence;
  return {
    ...given,
    f32: memoryOf(4 * parameters, 4 * parameters, 8 * parameters, activations),
    bf16: memoryOf(2 * parameters, 2 * parameters, 12 * parameters, activations / 2),
  };
}

/** @internal */
export function memoryOf(parameters: number, gradients: number, optimizer: number, activations: number): TrainingMemory {
  return { parameters, gradients, optimizer, activations, total: parameters + gradients + optimizer + activations };
}

/** Bytes of activations of one sequence, in f32. */
export interface Activations {
  /** The residual stream, which embeddings begin: the gradient at its end is as large. */
  readonly embedding: number;
  /** What the tape holds of each block, its result among it. */
  readonly blocks: readonly number[];
}

/** What the tape holds of one sequence, by running the blocks of a model that is on the backend `meta`. */
export function activationsOf(model: GPT, context: number): Activations {
  const { backend, config: { dim } } = model;
  return useBackend(backend, () =>
    scope(() => {
      const batch = new AttentionBatch([{ queryCount: context }]);
      const rows = zeros([context], { dtype: "i32" });
      const start = backend.memory.liveBytes;
      let x = zeros([context, dim], { requiresGrad: true });
      const embedding = backend.memory.liveBytes - start;
      const blocks = model.blocks.map((block, layer) => {
        const { headDim, rotary } = model.config.blocks[layer].attention;
        const rotation = rotary && { table: zeros([context, headDim]), rows };
        const before = backend.memory.liveBytes;
        const next = block.forward(x, { batch, rotation, path: `blocks.${layer}` });
        x.dispose(); // The tape has its own hold on it.
        x = next;
        return backend.memory.liveBytes - before;
      });
      return { embedding, blocks };
    }),
  );
}
