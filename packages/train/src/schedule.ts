import { nonNegative, wholeNumber } from "@gpt/tensor";
import { check, checkAll, count } from "./checks.ts";

/** The learning rate of a step; steps count from 1. */
export type Schedule = (step: number) => number;

/** The same learning rate at every step. Throws `invalid-option`. */
export function constantSchedule(learningRate: number): Schedule {
  check("learningRate", learningRate, nonNegative);
  return () => learningRate;
}

/** A schedule that rises to a learning rate, then falls over all other steps. */
export interface WarmupDecay {
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
export function warmupCosine(settings: WarmupDecay): Schedule {
  return warmedUp(settings, settings.steps, (progress) => 0.5 * (1 + Math.cos(Math.PI * progress)));
}

/** Linear warm-up, then a straight line down to the least rate, in the constants of `warmupCosine`. Throws `invalid-option`. */
export function warmupLinear(settings: WarmupDecay): Schedule {
  return warmedUp(settings, settings.steps, (progress) => 1 - progress);
}

/**
 * Linear warm-up, the highest rate, and a straight line down to the least rate over the last `decaySteps` (Hu et al. 2024,
 * MiniCPM): what was learnt before the decay can be continued with other data. Throws `invalid-option`.
 */
export function warmupStableDecay(settings: WarmupDecay & { readonly decaySteps: number }): Schedule {
  check("decaySteps", settings.decaySteps, count);
  return warmedUp(settings, settings.decaySteps, (progress) => 1 - progress);
}

/** The shape of a decay: from 1 at 0 to 0 at 1. */
type Shape = (progress: number) => number;

function warmedUp(settings: WarmupDecay, decaySteps: number, shape: Shape): Schedule {
  checkAll(settings, {
    learningRate: nonNegative, minLearningRate: nonNegative, warmupSteps: wholeNumber(0), steps: count,
  });
  const { learningRate, minLearningRate, warmupSteps, steps } = settings;
  const firstOfDecay = Math.max(warmupSteps, steps - decaySteps);
  return (step) => {
    const i = step - 1;
    if (i < warmupSteps) return (learningRate * (i + 1)) / (warmupSteps + 1);
    if (i >= steps) return minLearningRate;
    const progress = Math.max(0, i - firstOfDecay) / (steps - firstOfDecay);
    return minLearningRate + shape(progress) * (learningRate - minLearningRate);
  };
}
