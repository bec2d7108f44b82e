import type { GPT } from "@gpt/gpt";
import { belowOne, nonNegative, oneOf, optional, readOptions, seed, PackedWeight, valueThat, wholeNumber } from "@gpt/tensor";
import type { Expectations } from "@gpt/tensor";
import { check, checkAll, count, invalidOption } from "../checks.ts";
import { constantSchedule, warmupCosine, warmupLinear, warmupStableDecay } from "../schedule.ts";
import type { Schedule } from "../schedule.ts";

/** The settings that decide, with model, data and backend, which weights a run ends with. */
export interface TrainSettings {
  /** Optimiser steps of the whole run. */
  readonly steps: number;
  /** Windows of one forward pass. Default 12. */
  readonly batchSize: number;
  /** Tokens of a window. Default: the model's context. */
  readonly contextLength: number;
  /** Batches whose gradients are averaged for one step. Default 1. */
  readonly accumulationSteps: number;
  /**
   * `muon` changes the matrices of the blocks by Muon (see `Muon`) and all else by AdamW; `adamw` changes all by that. Default
   * `adamw`, which is absent here.
   */
  readonly optimizer?: OptimizerName;
  /** Muon's decay of the mean gradient. Default 0.95. */
  readonly momentum?: number;
  /** With Muon, the rate of AdamW's parameters as a multiple of the learning rate. Default 0.2. */
  readonly adamwRate?: number;
  /**
   * How the rate changes: a warm-up, then half a cosine (`warmupCosine`), a line (`warmupLinear`), or a line at the end alone
   * (`warmupStableDecay`); or not at all. Default `cosine`.
   */
  readonly schedule: ScheduleName;
  /** The highest learning rate. Default 1e-3; with Muon 0.01 · √(128 / dim), so that steps are as long, by spectral norm, at any width. */
  readonly learningRate: number;
  /** The rate at the end of the schedule. Default: a tenth of the highest for `cosine`, else 0. */
  readonly minLearningRate: number;
  /** Steps in which the rate rises. Default 100, or a tenth of the steps where that is less. */
  readonly warmupSteps: number;
  /** Steps in which `warmup-stable-decay` falls. Default: a fifth of the steps. */
  readonly decaySteps?: number;
  /** Default 0.9. */
  readonly beta1: number;
  /** Default 0.99. */
  readonly beta2: number;
  /** Default 1e-8. */
  readonly epsilon: number;
  /** Default 0.1. */
  readonly weightDecay: number;
  /** The largest gradient norm. 0 or null does not clip. Default 1. */
  readonly clip: number | null;
  /** The share of activations that is dropped, in place of what the model's configuration says; see `GPT.setDropout`. */
  readonly dropout?: number;
  /** What the choice of windows derives from. Default 0. (Dropout derives from the model's own seed.) */
  readonly seed: number;
}

const schedules = ["cosine", "linear", "warmup-stable-decay", "constant"] as const;
/** The name of a schedule. */
export type ScheduleName = (typeof schedules)[number];

const optimizers = ["adamw", "muon"] as const;
/** The name of an optimizer. */
export type OptimizerName = (typeof optimizers)[number];

/** The settings by type and range, in the order in which they are checked. */
const settingsExpected: Expectations<TrainSettings> = {
  steps: count,
  batchSize: count,
  contextLength: count,
  accumulationSteps: count,
  optimizer: optional(oneOf(optimizers)),
  momentum: optional(belowOne),
  adamwRate: optional(nonNegative),
  schedule: oneOf(schedules),
  learningRate: nonNegative,
  minLearningRate: nonNegative,
  warmupSteps: wholeNumber(0),
  decaySteps: optional(count),
  beta1: belowOne,
  beta2: belowOne,
  epsilon: nonNegative,
  weightDecay: nonNegative,
  clip: valueThat("a number from 0, or null", (value) => value === null || (typeof value === "number" && value >= 0)),
  dropout: optional(belowOne),
  seed,
};

/** @internal Fills in the defaults and checks all settings. */
export function resolveSettings(model: Pick<GPT, "config">, options: Partial<TrainSettings> & { steps: number }): TrainSettings {
  const { optimizer, ...given } = readOptions<Partial<TrainSettings>>(options, settingsExpected, invalidOption);
  const isMuon = optimizer === "muon";
  const { steps } = options;
  const { schedule = "cosine", learningRate = isMuon ? 0.01 * Math.sqrt(128 / model.config.dim) : 1e-3 } = given;
  const settings: TrainSettings = {
    steps,
    batchSize: 12,
    contextLength: model.config.contextLength,
    accumulationSteps: 1,
    ...(isMuon && { optimizer, momentum: 0.95, adamwRate: 0.2 }),
    schedule,
    learningRate,
    minLearningRate: schedule === "cosine" || schedule === "constant" ? learningRate / 10 : 0,
    warmupSteps: Math.min(100, Math.floor(steps / 10)),
    ...(schedule === "warmup-stable-decay" && { decaySteps: Math.ceil(steps / 5) }),
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-8,
    weightDecay: 0.1,
    seed: 0,
    ...given,
    // One value for one thing: a run that is resumed compares settings.
    clip: options.clip === undefined ? 1 : options.clip || null,
  };
  checkSettings(settings);
  checkContext(model, settings.contextLength);
  return settings;
}

/** The most tokens of one batch, which is 1 GiB of ids. */
const largestBatch = 2 ** 28;

/** Refuses settings that are of another type or out of range. */
export function checkSettings(settings: TrainSettings): void {
  checkAll(settings, settingsExpected);
  checkBatch(settings.batchSize, settings.contextLength);
  const { learningRate, minLearningRate, optimizer = "adamw", momentum, adamwRate } = settings;
  if (optimizer !== "muon" && (momentum ?? adamwRate) !== undefined) {
    throw invalidOption('momentum and adamwRate are options of Muon: give optimizer: "muon" too, or leave them out');
  }
  if (minLearningRate > learningRate) {
    throw invalidOption(`minLearningRate ${minLearningRate} exceeds learningRate ${learningRate}`);
  }
}

/** Refuses windows that are longer than the model's context. */
export function checkContext({ config }: Pick<GPT, "config">, contextLength: number): void {
  check("contextLength", contextLength, count);
  if (contextLength > config.contextLength) {
    throw invalidOption(`contextLength ${contextLength} exceeds the model's context of ${config.contextLength}`);
  }
}

/** Refuses batches that no memory holds. */
export function checkBatch(batchSize: number, contextLength: number): void {
  check("batchSize", batchSize, count);
  if (batchSize * contextLength > largestBatch) {
    throw invalidOption(
      `batchSize ${batchSize} × contextLength ${contextLength} exceeds ${largestBatch} tokens at once; take a smaller one`,
    );
  }
}

/** Refuses models of which nothing but norms and biases would learn, unless that was chosen by freezing some weights. */
export function checkTrainable(model: GPT): void {
  if (model.parameters().some(({ requiresGrad }) => !requiresGrad)) return;
  for (const [path, weight] of model.namedWeights()) {
    if (!(weight instanceof PackedWeight)) continue;
    throw untrainable(path, weight);
  }
}

/** Why a weight that is stored in fewer bits cannot be trained. */
export function untrainable(path: string, { dtype }: PackedWeight): Error {
  return invalidOption(`${path} is stored as ${dtype}, which cannot be trained; make or load the model with dtype f32, or train an adapter`);
}

/** Refuses to pass over losses that a model's configuration asks for. */
export function checkRouterLosses({ config: { blocks } }: GPT): void {
  if (blocks.some(({ mlp }) => mlp.type === "experts" && (mlp.balanceLoss || mlp.zLoss))) {
    throw invalidOption("the model's experts have a balanceLoss or a zLoss: pass experts: balanceExperts()");
  }
}

/** The learning rates of a run. */
export function scheduleOf(settings: TrainSettings): Schedule {
  switch (settings.schedule) {
    case "cosine": return warmupCosine(settings);
    case "linear": return warmupLinear(settings);
    case "warmup-stable-decay": return warmupStableDecay({ decaySteps: Math.ceil(settings.steps / 5), ...settings });
    case "constant": return constantSchedule(settings.learningRate);
  }
}
