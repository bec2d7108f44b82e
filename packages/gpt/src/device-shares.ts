import { PackedWeight, useBackend } from "@gpt/tensor";
import type { WeightDType } from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import type { GPTConfig } from "./config.ts";
import { activationsOf, memoryOf } from "./describe-training.ts";
import type { TrainingBatch, TrainingMemory } from "./describe-training.ts";
import { GPT } from "./model.ts";
import { slotsOf } from "./slots.ts";
import type { Slot } from "./slots.ts";

/** Blocks `[from, to)`, one of the stages of a pipeline. */
export interface Stage {
  readonly from: number;
  readonly to: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** How many batches are between their forward and their backward pass here. */
  readonly inFlight: number;
}

/** The stages of a pipeline over some layers, as equal as they can be. */
export function stagesOf(layers: number, pipeline: number): Stage[] {
  return Array.from({ length: pipeline }, (_, stage) => {
    const [from, to] = [stage, stage + 1].map((count) => Math.floor((count * layers) / pipeline));
    return { from, to, isFirst: stage === 0, isLast: stage === pipeline - 1, inFlight: pipeline - stage };
  });
}

/** What one device holds, of a stage that `tensor` devices share. */
export type ShareOf<T> = (tensor: number, stage: Stage) => T;

/** What a device holds to run a model. */
export interface RunningMemory {
  readonly weights: number;
  /** Keys and values. */
  readonly cache: number;
  readonly total: number;
}

/** What devices hold to train a model in bf16, see `TrainingDescription`. */
export function trainingShares(config: GPTConfig, { batch, context }: Required<TrainingBatch>): ShareOf<TrainingMemory> {
  const model = useBackend(meta(), () => new GPT(config));
  const weightsIn = weightsOfStages(model, elementsOf);
  const { embedding, blocks } = activationsOf(model, context);
  const heldUpTo = runningSums(blocks);
  const logits = 4 * context * config.vocabSize;
  return (tensor, stage) => {
    const { from, to, isFirst, isLast, inFlight } = stage;
    const weights = weightsIn(tensor, stage);
    const held = heldUpTo[to] - heldUpTo[from] + (isFirst ? embedding : 0);
    // Half of what was measured in f32; logits in f32, of all tokens (Korthikanti et al. 2022, section 4.3).
    const activations = (batch * ((inFlight * held) / 2 + (isLast ? logits + embedding / 2 : 0))) / tensor;
    return memoryOf(2 * weights, 2 * weights, 12 * weights, Math.ceil(activations));
  };
}

/** What devices hold to run a model, with the keys and values of some sequences: in f32 for weights in f32, else in bf16. */
export function runningShares(
  config: GPTConfig, dtype: WeightDType, { batch, context }: Required<TrainingBatch>,
): ShareOf<RunningMemory> {
  const weightsIn = weightsOfStages(useBackend(meta(), () => new GPT(config, { dtype })), bytesOf);
  const bytesPerNumber = dtype === "f32" ? 4 : 2;
  const cachedUpTo = runningSums(
    config.blocks.map(({ attention: { kvHeads, headDim } }) => 2 * bytesPerNumber * kvHeads * headDim * batch * context),
  );
  return (tensor, stage) => {
    const [weights, cache] = [weightsIn(tensor, stage), Math.ceil((cachedUpTo[stage.to] - cachedUpTo[stage.from]) / tensor)];
    return { weights, cache, total: weights + cache };
  };
}

/** Sums of the first none, one, two, … of some numbers. */
function runningSums(numbers: readonly number[]): number[] {
  let sum = 0;
  return [0, ...numbers.map((number) => (sum += number))];
}

function elementsOf({ shape }: Slot): number {
  return shape.reduce((size, length) => size * length, 1);
}

function bytesOf(slot: Slot): number {
  const columns = slot.shape[slot.shape.length - 1];
  return PackedWeight.byteLengthOf(slot.dtype, [elementsOf(slot) / columns, columns]);
}

/** Norms, routers, positions, and biases of what is added up from the parts, are on all devices (Shoeybi et al. 2019, section 3). */
const isWhole = /[nN]orm\.|\.router\.|^positionEmbedding\.|\.projection\.bias$|\.mlp\.down\.bias$/;

/** What the weights of stages add up to on each of the devices that share them. */
function weightsOfStages(model: GPT, sizeOf: (slot: Slot) => number): ShareOf<number> {
  const { blocks, config } = model;
  /** Before the blocks, in each of them, and behind them: what devices share, and what each of them has. */
  const places = Array.from({ length: blocks.length + 2 }, () => ({ shared: 0, whole: 0 }));
  for (const slot of slotsOf(model)) {
    const [, layer] = /^blocks\.(\d+)\./.exec(slot.path) ?? [];
    const isBefore = slot.role === "embedding" || slot.role === "positions";
    const place = places[layer === undefined ? (isBefore ? 0 : blocks.length + 1) : Number(layer) + 1];
    const isExperts = slot.role === "experts" || (slot.role === "vector" && slot.shape.length > 1);
    place[isWhole.test(slot.path) && !isExperts ? "whole" : "shared"] += sizeOf(slot);
  }
  const [sharedUpTo, wholeUpTo] = [runningSums(places.map(({ shared }) => shared)), runningSums(places.map(({ whole }) => whole))];
  return (tensor, { from, to, isFirst, isLast }) => {
    const [start, end] = [isFirst ? 0 : from + 1, isLast ? blocks.length + 2 : to + 1];
    // A tied head is in the first stage already, and the last one has a copy.
    const copy = isLast && !isFirst && config.head.type === "tied" ? places[0].shared : 0;
    return Math.ceil((sharedUpTo[end] - sharedUpTo[start] + copy) / tensor) + wholeUpTo[end] - wholeUpTo[start];
  };
}
