import type { GPT } from "@gpt/gpt";
import { check, invalidOption, modelExpected } from "./checks.ts";
import { checkOptions } from "./loop/options.ts";
import { Run } from "./loop/run.ts";
import type { TrainOptions } from "./loop/options.ts";

/** Bytes of a backend's memory that training takes. */
export interface TrainingPlan {
  /** The model's weights, as they are stored. */
  readonly weights: number;
  /** Gradients, moments, and what else is kept from step to step. */
  readonly optimizer: number;
  /** What comes on top for a moment: above all what the tape holds of a batch. */
  readonly activations: number;
  /** The most that is alive at any moment, which is all of these. */
  readonly peak: number;
}

/** The most steps that are looked through for the one that reads most. */
const stepsLookedAt = 1000;

/**
 * The memory that `train` takes with the same options, by the step of a run that is the largest, on a model of the backend `meta`
 * that is set up as the one to be trained: nothing is allocated or computed. The numbers are exact, since all backends allocate
 * the same tensors; the process and its data come on top. Throws as `train` does.
 *
 * @example
 * const model = useBackend(meta(), () => new GPT(preset("gpt2")));
 * const { peak } = await planTraining(model, { data, steps: 1000, batchSize: 4, contextLength: 256 });
 */
export async function planTraining(model: GPT, options: TrainOptions): Promise<TrainingPlan> {
  check("model", model, modelExpected);
  checkOptions(model, options);
  const { backend } = model;
  if (!backend.isMeta) throw invalidOption("a plan needs a model of the backend meta: useBackend(meta(), () => new GPT(config))");
  const weights = backend.memory.liveBytes;
  // What compares validation losses takes none.
  const run = await Run.start(model, { ...options, patience: undefined, keepBest: undefined, resume: undefined, rateFactor: undefined });
  try {
    const optimizer = backend.memory.liveBytes - weights;
    run.step = (await largestStep(run, options)) - 1;
    await run.takeStep();
    const { peakBytes: peak } = backend.memory;
    return { weights, optimizer, activations: peak - weights - optimizer, peak };
  } finally {
    run.dispose();
  }
}

/** The step with the largest batch. All steps of a task without examples are alike. */
async function largestStep(run: Run, { task }: TrainOptions): Promise<number> {
  const { steps } = run.settings;
  const last = task?.examples === undefined ? 1 : Math.min(steps, stepsLookedAt);
  let [largest, most] = [1, 0];
  for (let step = 1; step <= last; step++) {
    const tokens = Math.max(...(await run.readStep(step)).map((batch) => batch.tokens));
    if (tokens > most) [largest, most] = [step, tokens];
  }
  return largest;
}
