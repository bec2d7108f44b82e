import { numberThat, objectWith, optional } from "@gpt/tensor";
import type { GPT } from "@gpt/gpt";
import { check, checkAll, count, invalidOption, modelExpected } from "./checks.ts";
import type { TrainEvent } from "./loop/events.ts";
import type { Task } from "./loop/task.ts";
import { train } from "./loop/train.ts";
import type { TrainOptions } from "./loop/options.ts";

/** How a model is fine-tuned, and to what. Options that are left out are those of `finetune`, not of `train`. */
export interface FinetuneOptions extends Omit<TrainOptions, "steps" | "data"> {
  readonly task: Task;
  /** How often the run sees each example. Default 3. */
  readonly epochs?: number;
  /** Steps, in place of `epochs`. A task without a number of examples needs them. */
  readonly steps?: number;
}

/** The width at which full fine-tuning has GPT-1's rate, 6.25e-5; wider models have lower ones. */
const rateTimesWidth = 6.25e-5 * 768;

/**
 * Trains a model further, to a task: `train` with what suits a model that knows something already. Batches of 8, 3 epochs, a
 * rate that warms up over 3% of the steps and falls along a line to 0, AdamW with β₂ = 0.999 and a weight decay of 0.01, an
 * evaluation after each epoch. The rate is 0.048 / dim where all weights are trained: GPT-1's at its width (6.25e-5, Radford
 * et al. 2018), that of today's tools (2e-5) at 2,400. Where less than a tenth of the weights is trained, as with adapters, it
 * is ten times that, 2e-3 at most. A task may have other rates (`learningRates`) and a `dropout`, as `preferenceTask` has. Which weights are
 * trained says their `requiresGrad`: all, the last blocks (`trainLastBlocks`), or adapters. Throws as `train` does.
 *
 * @example
 * const task = nextTokenTask({ train: examples });
 * for await (const event of finetune(model, { task, epochs: 2 })) {
 *   if (event.type === "step") console.log(event.loss);
 * }
 */
export function finetune(model: GPT, options: FinetuneOptions): AsyncGenerator<TrainEvent, void, undefined> {
  return train(model, finetuningOptions(model, options));
}

/** @internal The options by which `train` does it. */
export function finetuningOptions(model: GPT, options: FinetuneOptions): TrainOptions {
  check("model", model, modelExpected);
  check("options", options, objectWith("an object with a task"));
  checkAll<Partial<FinetuneOptions>>(options, {
    task: objectWith("a task, as nextTokenTask makes", "fingerprint()", "batch()", "loss()"),
    epochs: optional(numberThat("above 0", (epochs) => epochs > 0)), steps: optional(count), batchSize: optional(count), accumulationSteps: optional(count),
  });
  const { task, epochs = 3, batchSize = 8, accumulationSteps = 1, ...rest } = options;
  const examplesPerStep = batchSize * accumulationSteps;
  const { steps = stepsOf(task, epochs, examplesPerStep) } = options;
  const epoch = Math.ceil((task.examples ?? 0) / examplesPerStep) || Math.ceil(steps / 10);
  return {
    learningRate: learningRateOf(model, task),
    schedule: "linear",
    warmupSteps: Math.ceil(steps * 0.03),
    beta2: 0.999,
    weightDecay: 0.01,
    evaluateEvery: epoch,
    checkpointEvery: epoch,
    ...(task.dropout !== undefined && { dropout: task.dropout }),
    // An option that is undefined is left out.
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
    task, steps, batchSize, accumulationSteps,
  };
}

function stepsOf({ name, examples }: Task, epochs: number, examplesPerStep: number): number {
  if (examples === undefined) throw invalidOption(`the task ${name} has no epochs: give steps`);
  return Math.ceil((epochs * examples) / examplesPerStep);
}

function learningRateOf(model: GPT, { learningRates }: Task): number {
  const trained = model.parameters().filter(({ requiresGrad }) => requiresGrad).reduce((sum, { size }) => sum + size, 0);
  const rate = rateTimesWidth / model.config.dim;
  const { all, few } = learningRates ?? { all: rate, few: Math.min(10 * rate, 2e-3) };
  return trained < model.parameterCount() / 10 ? few : all;
}
