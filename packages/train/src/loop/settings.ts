import type { GPT } from "@gpt/gpt";
import { StoredWeight } from "@gpt/tensor";
import { TrainError } from "../errors.ts";
import { constantSchedule, warmupCosine } from "../schedule.ts";
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
  /** Warm-up and half a cosine, or the same rate throughout. Default `cosine`. */
  readonly schedule: "cosine" | "constant";
  /** The highest learning rate. Default 1e-3. */
  readonly learningRate: number;
  /** The rate at the end of the cosine. Default: a tenth of the highest. */
  readonly minLearningRate: number;
  /** Steps in which the rate rises. Default 100, or a tenth of the steps where that is less. */
  readonly warmupSteps: number;
  /** Default 0.9. */
  readonly beta1: number;
  /** Default 0.99. */
  readonly beta2: number;
  /** Default 1e-8. */
  readonly epsilon: number;
  /** Default 0.1. */
  readonly weightDecay: number;
  /** The largest gradient norm. Default 1; null does not clip. */
  readonly clip: number | null;
  /** What the choice of windows derives from. Default 0. (Dropout derives from the model's own seed.) */
  readonly seed: number;
}

/** Fills in the defaults and checks all settings. */
export function resolveSettings(model: GPT, options: Partial<TrainSettings> & { steps: number }): TrainSettings {
  const { steps, learningRate = 1e-3 } = options;
  const settings: TrainSettings = {
    steps,
    batchSize: options.batchSize ?? 12,
    contextLength: options.contextLength ?? model.config.contextLength,
    accumulationSteps: options.accumulationSteps ?? 1,
    schedule: options.schedule ?? "cosine",
    learningRate,
    minLearningRate: options.minLearningRate ?? learningRate / 10,
    warmupSteps: options.warmupSteps ?? Math.min(100, Math.floor(steps / 10)),
    beta1: options.beta1 ?? 0.9,
    beta2: options.beta2 ?? 0.99,
    epsilon: options.epsilon ?? 1e-8,
    weightDecay: options.weightDecay ?? 0.1,
    clip: options.clip === undefined ? 1 : options.clip,
    seed: options.seed ?? 0,
  };
  for (const name of ["steps", "batchSize", "accumulationSteps"] as const) checkCount(name, settings[name], 1);
  checkContext(model, settings.contextLength);
  for (const name of ["warmupSteps", "seed"] as const) checkCount(name, settings[name], 0);
  for (const name of ["learningRate", "minLearningRate"] as const) {
    if (!(settings[name] >= 0 && Number.isFinite(settings[name]))) {
      throw invalid(`${name} must be a finite number from 0, not ${settings[name]}`);
    }
  }
  if (settings.minLearningRate > learningRate) {
    throw invalid(`minLearningRate ${settings.minLearningRate} exceeds learningRate ${learningRate}`);
  }
  if (settings.clip !== null && !(settings.clip > 0))
    throw invalid(`clip must be above 0 or null, not ${settings.clip}`);
  return settings;
}

/** Refuses what is not a whole number from `least`. */
export function checkCount(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw invalid(`${name} must be a whole number from ${least}, not ${value}`);
  }
}

/** Refuses windows that are longer than the model's context. */
export function checkContext({ config }: GPT, contextLength: number): void {
  checkCount("contextLength", contextLength, 1);
  if (contextLength > config.contextLength) {
    throw invalid(`contextLength ${contextLength} exceeds the model's context of ${config.contextLength}`);
  }
}

/** Refuses models of which nothing but norms and biases would learn. */
export function checkTrainable(model: GPT): void {
  for (const [path, weight] of model.namedWeights()) {
    if (!(weight instanceof StoredWeight)) continue;
    throw invalid(`${path} is stored as ${weight.format}, which cannot be trained; make or load the model without a format`);
  }
}

/** The learning rates of a run. */
export function scheduleOf(settings: TrainSettings): Schedule {
  switch (settings.schedule) {
    case "cosine":
      return warmupCosine(settings);
    case "constant":
      return constantSchedule(settings.learningRate);
    default:
      throw invalid(`schedule must be "cosine" or "constant", not ${JSON.stringify(settings.schedule)}`);
  }
}

function invalid(problem: string): TrainError {
  return new TrainError("invalid-option", problem);
}
