import { checkArguments, numberThat, weightDTypes, wholeNumber } from "@gpt/tensor";
import type { WeightDType } from "@gpt/tensor";
import type { BlockConfig, GPTConfig } from "./config.ts";
import { readBatch } from "./describe-training.ts";
import type { TrainingBatch, TrainingMemory } from "./describe-training.ts";
import { runningShares, stagesOf, trainingShares } from "./device-shares.ts";
import type { RunningMemory, ShareOf } from "./device-shares.ts";
import { GPTError } from "./errors.ts";
import { resolveConfig } from "./resolve-config.ts";
import type { GPTOptions } from "./short-form.ts";

/** The devices that there are, all alike, and what each of them computes at once. */
export interface Devices extends TrainingBatch {
  readonly devices: number;
  /** Bytes of memory of each. */
  readonly deviceBytes: number;
}

/**
 * How a model lies on devices. `tensor` devices share each layer (Shoeybi et al. 2019), and the activations between layers too
 * (sequence parallelism, Korthikanti et al. 2022); `pipeline` stages have layers one behind the other (Narayanan et al. 2021);
 * `data` copies of all that take other sequences.
 */
export interface Split {
  readonly tensor: number;
  readonly pipeline: number;
  readonly data: number;
  /** Devices that are left over. */
  readonly idle: number;
}

/** A split for training, and what the fullest device of it holds. */
export interface TrainingSplit extends Split {
  readonly device: TrainingMemory;
  /** Bytes of the fullest where the copies share the optimizer's part (Rajbhandari et al. 2020, ZeRO stage 1). */
  readonly shardedBytes: number;
  /** Whether `device.total` fits; `shardedBytes` does in all that are proposed. */
  readonly fits: boolean;
}

/** A split for running a model with its matrices stored as `dtype`, and what the fullest device of it holds. */
export interface RunningSplit extends Split {
  readonly dtype: WeightDType;
  /** Weights, and keys and values of `batch` sequences of `context` tokens, in f32 for weights in f32, else in bf16. */
  readonly device: RunningMemory;
}

/** The fewest devices of this memory on which a model can be trained; undefined where no number of them suffices. */
export interface NeededDevices {
  readonly plain?: number;
  /** Where copies share the optimizer's part. */
  readonly sharded?: number;
  /** Bytes that the fullest device holds at least, however many there are, beside the optimizer's part. */
  readonly deviceBytes: number;
}

/** What `proposeSplits` finds. */
export interface DevicePlan extends Required<Devices> {
  /** Those of 1, 2, 4 and 8 parts into which the heads and the feed-forward layers of all blocks divide. */
  readonly tensorSplits: readonly number[];
  /**
   * Splits that fit, in bf16 as `TrainingDescription` has it, those with the fewest devices a copy first: for each tensor split
   * the shortest pipelines, without and with sharing the optimizer's part.
   */
  readonly training: readonly TrainingSplit[];
  readonly needed: NeededDevices;
  /** For each dtype the split with the fewest devices a copy, if one fits. */
  readonly running: readonly RunningSplit[];
}

/** Within a server of eight devices; beyond it the traffic of a tensor split costs too much (Narayanan et al. 2021, takeaway 1). */
const triedTensorSplits = [1, 2, 4, 8];


/** More than there are anywhere. */
const maxDevices = 2 ** 20;

/**
 * Proposes how to divide a model among devices, so that the share of each fits. Nothing is allocated. A stage of a pipeline
 * keeps the activations of as many batches as there are stages from it to the end (one forward, one backward: Narayanan et al.
 * 2021, section 2.2). Temporary tensors come on top. Throws `invalid-config`, `invalid-input` and `context-overflow`.
 *
 * @example
 * const { training } = proposeSplits(preset("gpt3-175b"), { devices: 1024, deviceBytes: 80e9 });
 */
export function proposeSplits(options: GPTOptions | GPTConfig, given: Devices): DevicePlan {
  const config = resolveConfig(options);
  const invalid = (problem: string): GPTError => new GPTError("invalid-input", `proposeSplits: ${problem}`);
  const deviceBytesExpected = numberThat("above 0 and finite", (value) => value > 0 && value < Infinity);
  checkArguments(given, { devices: wholeNumber(1, maxDevices), deviceBytes: deviceBytesExpected }, invalid);
  const batch = readBatch("proposeSplits", given, config);
  const plan = { devices: given.devices, deviceBytes: given.deviceBytes, ...batch };
  const layout = { layers: config.blocks.length, tensorSplits: tensorSplitsOf(config) };
  const trained = trainingShares(config, batch);
  const running = weightDTypes.map((dtype) => runningSplit(dtype, runningShares(config, dtype, batch), layout, plan));
  return {
    ...plan,
    tensorSplits: layout.tensorSplits,
    training: trainingSplits(trained, layout, plan),
    needed: neededDevices(trained, layout, plan.deviceBytes),
    running: running.filter((split) => split !== undefined),
  };
}

/** Each part has whole heads, of keys and values too, and a part of each feed-forward layer, or whole experts. */
function tensorSplitsOf({ blocks }: GPTConfig): number[] {
  const divides = (parts: number, { attention: { heads, kvHeads }, mlp }: BlockConfig): boolean =>
    [heads, kvHeads, mlp.type === "experts" ? mlp.count : mlp.hiddenDim].every((size) => size % parts === 0);
  return triedTensorSplits.filter((parts) => blocks.every((block) => divides(parts, block)));
}

interface LayoutChoices {
  readonly layers: number;
  readonly tensorSplits: readonly number[];
}

type DeviceLimits = Pick<Devices, "devices" | "deviceBytes">;

/** Splits of so many devices, with the shares of a device of each stage; shorter pipelines first. */
function* candidates<T>(
  shareOf: ShareOf<T>, tensor: number, layers: number, devices: number,
): Generator<{ readonly split: Split; readonly shares: readonly T[] }, void, undefined> {
  for (let pipeline = 1; pipeline <= layers && tensor * pipeline <= devices; pipeline++) {
    const data = Math.floor(devices / (tensor * pipeline));
    const split = { tensor, pipeline, data, idle: devices - tensor * pipeline * data };
    yield { split, shares: stagesOf(layers, pipeline).map((stage) => shareOf(tensor, stage)) };
  }
}

/** Fewest devices a copy first; of equals those with the most parts of a layer, since a longer pipeline idles for longer. */
function bySize(a: Split, b: Split): number {
  return a.tensor * a.pipeline - b.tensor * b.pipeline || b.tensor - a.tensor;
}

function fullest<T extends { readonly total: number }>(shares: readonly T[]): T {
  return shares.reduce((found, share) => (share.total > found.total ? share : found));
}

function trainingSplits(
  shareOf: ShareOf<TrainingMemory>, { layers, tensorSplits }: LayoutChoices, { devices, deviceBytes }: DeviceLimits,
): TrainingSplit[] {
  const found: TrainingSplit[] = [];
  for (const tensor of tensorSplits) {
    let isFirst = true;
    for (const { split, shares } of candidates(shareOf, tensor, layers, devices)) {
      const device = fullest(shares);
      const shardedBytes = largest(shares.map(({ total, optimizer }) => total - optimizer + Math.ceil(optimizer / split.data)));
      const fits = device.total <= deviceBytes;
      if (fits || (isFirst && shardedBytes <= deviceBytes)) {
        found.push({ ...split, device, shardedBytes, fits });
        isFirst = false;
      }
      if (fits) break;
    }
  }
  return found.sort(bySize);
}

function neededDevices(
  shareOf: ShareOf<TrainingMemory>, { layers, tensorSplits }: LayoutChoices, deviceBytes: number,
): NeededDevices {
  let [plain, sharded, least] = [Infinity, Infinity, Infinity];
  for (const tensor of tensorSplits) {
    for (const { split: { pipeline }, shares } of candidates(shareOf, tensor, layers, maxDevices)) {
      if (fullest(shares).total <= deviceBytes) plain = Math.min(plain, tensor * pipeline);
      const rest = largest(shares.map(({ total, optimizer }) => total - optimizer));
      least = Math.min(least, rest);
      if (rest >= deviceBytes) continue;
      const copies = largest(shares.map(({ total, optimizer }) => Math.ceil(optimizer / (deviceBytes - (total - optimizer)))));
      sharded = Math.min(sharded, tensor * pipeline * copies);
    }
  }
  const known = (count: number): number | undefined => (count <= maxDevices ? count : undefined);
  return { plain: known(plain), sharded: known(sharded), deviceBytes: least };
}

function largest(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => Math.max(a, b));
}

function runningSplit(
  dtype: WeightDType, shareOf: ShareOf<RunningMemory>, { layers, tensorSplits }: LayoutChoices, { devices, deviceBytes }: DeviceLimits,
): RunningSplit | undefined {
  const found = tensorSplits.flatMap((tensor): RunningSplit[] => {
    for (const { split, shares } of candidates(shareOf, tensor, layers, devices)) {
      const device = fullest(shares);
      if (device.total <= deviceBytes) return [{ dtype, ...split, device }];
    }
    return [];
  });
  return found.sort(bySize).at(0);
}
