import { nonNegative, wholeNumber } from "@gpt/tensor";
import { check, checkAll, count } from "./checks.ts";

/** The learning rate of a step; steps count from 1. */
export type Schedule = (step: number) => number;

/** The same learning rate at every step. Throws `invalid-option`. */
export function constantSchedule(learningRate: number): Schedule {
  check("learningRate", learningRate, nonNegative);
  return () => learningRate;
}

/** A schedule that rises to a learning rate, then falls along a cosine. */
export interface WarmupCosine {
  /** The rate after the warm-up, the highest. */
  readonly learningRate: number;
  /** The rate at the end. */
  readonly minLearningRate: number;
  readonly warmupSteps: number;
  /** Steps of the whole run. */
  readonly steps: number;
}

/**
 * Linear warm-up, then half a cosine down to the least rate (Loshchilov & Hutter 2017, without restarts), in the
 * constants of nanoGPT's `get_lr`: with `i = step − 1` and w warm-up steps, `learningRate · (i + 1) / (w + 1)` for
 * `i < w`, then `min + ½(1 + cos(π(i − w) / (steps − w))) · (learningRate − min)`, and `min` beyond the last step.
 * Throws `invalid-option`.
 */
export function warmupCosine(settings: WarmupCosine): Schedule {
  checkAll(settings, {
    learningRate: nonNegative, minLearningRate: nonNegative, warmupSteps: wholeNumber(0), steps: count,
  });
  const { learningRate, minLearningRate, warmupSteps, steps } = settings;
  return (step) => {
    const i = step - 1;
    if (i < warmupSteps) return (learningRate * (i + 1)) / (warmupSteps + 1);
    if (i >= steps) return minLearningRate;
    const progress = (i - warmupSteps) / (steps - warmupSteps);
    return minLearningRate + 0.5 * (1 + Math.cos(Math.PI * progress)) * (learningRate - minLearningRate);
  };
}
