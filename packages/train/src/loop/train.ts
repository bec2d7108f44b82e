import type { GPT } from "@gpt/gpt";
import { isGptError } from "@gpt/tensor";
import type { CheckpointEvent, DoneEvent, TrainEvent } from "./events.ts";
import { checkOptions } from "./options.ts";
import type { TrainOptions } from "./options.ts";
import { defaultLogEvery, evaluationsOf, Run } from "./run.ts";

/**
 * Trains a model in place and reports on the way; see `TrainEvent`. Each step takes the mean over all losses of its examples,
 * however they are divided into batches. Weights whose `requiresGrad` is false stay as they are. Settings that are left out are nanoGPT's for small
 * models: batches of 12, a rate that warms up to 1e-3 and falls along a cosine to a tenth, AdamW with β₂ = 0.99 and a weight
 * decay of 0.1 (PyTorch's defaults, which `AdamW` has, are 0.999 and 0.01), gradients clipped to a norm of 1. The run is a pure function of the model's initial
 * weights and seed, the task and its data, the settings and the backend. However it ends, the steps taken so far are saved
 * where there is a checkpointer: by `signal`, by leaving the loop (`break`, `return`, an error in its body), by an error
 * of the data. Not so what diverged, nor what cannot be read any more. The model is in evaluation mode afterwards, and
 * all but the model is freed. Throws `invalid-option`, also for a model whose weights are stored in fewer bits,
 * `empty-data`, `data-too-short`, `token-out-of-range`, `resume-mismatch`, and `non-finite-loss` where training diverges.
 */
export async function* train(model: GPT, options: TrainOptions): AsyncGenerator<TrainEvent, void, undefined> {
  const began = performance.now();
  let done: Omit<DoneEvent, "seconds">;
  try {
    checkOptions(model, options);
    const run = await Run.start(model, options);
    try {
      done = yield* follow(run, options);
    } finally {
      run.dispose();
    }
  } finally {
    await (options as TrainOptions | undefined)?.checkpointer?.close?.();
  }
  yield { ...done, seconds: (performance.now() - began) / 1000 };
}

/** Takes the steps of a run and gives its events; at last what the last event says. */
async function* follow(
  run: Run,
  options: TrainOptions,
): AsyncGenerator<TrainEvent, Omit<DoneEvent, "seconds">, undefined> {
  const { resume, checkpointer, signal, onStep, onSaveFailed } = options;
  const { logEvery = defaultLogEvery, checkpointEvery = 250 } = options;
  const { evaluateEvery, evaluationWindows } = evaluationsOf(options);
  const { settings: { steps }, best } = run;
  const saveNews = async (): Promise<CheckpointEvent | undefined> =>
    checkpointer && run.savedStep !== run.step ? run.save(checkpointer) : undefined;
  /** What writes, unless it failed and the caller takes that. */
  const written = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (error) {
      if (!onSaveFailed || !(isGptError(error) && error.code === "write-failed")) throw error;
      return void onSaveFailed(error);
    }
  };
  /** Evaluates, and saves the state where it is the best so far. */
  async function* evaluate(): AsyncGenerator<TrainEvent, void, undefined> {
    for (const event of await run.evaluate(evaluationWindows, options)) {
      best?.take(event);
      yield event;
    }
    if (best?.state?.step !== run.step) return;
    const checkpoint = await written(saveNews());
    if (checkpoint) yield checkpoint;
  }
  /** Whether this step is to be compared, and was not: not even before, when the run was interrupted meanwhile. */
  const isUnknown = (): boolean => best !== undefined && best.state?.evaluated !== run.step;
  /** A run that is resumed may have taken more steps than it is given now. */
  const isAtEnd = (): boolean => run.step >= steps || best?.isOver === true;
  /** Whether the caller has left the loop, while it is neither at its end nor failed. */
  let left = true;
  try {
    const first = resume ? undefined : await written(saveNews());
    if (first) yield first;
    if (resume && run.step > 0 && run.step % evaluateEvery === 0 && !isAtEnd() && isUnknown()) yield* evaluate();
    while (!isAtEnd() && !signal?.aborted) {
      const { step, savedStep } = run;
      await run.takeStep();
      if (savedStep !== step) best?.forget(step);
      onStep?.({ step: run.step, steps });
      if (run.step % logEvery === 0) yield await run.report();
      if (run.step % evaluateEvery === 0 && run.step < steps) yield* evaluate();
      if (run.step % checkpointEvery !== 0) continue;
      const checkpoint = await written(saveNews());
      if (checkpoint) yield checkpoint;
    }
    if (run.hasNews) yield await run.report();
    if (isAtEnd() && isUnknown()) yield* evaluate();
    const lastCheckpoint = await written(saveNews());
    if (lastCheckpoint) yield lastCheckpoint;
    const interrupted = !isAtEnd() || isUnknown();
    if (!interrupted && best?.state && best.record.keepBest && best.state.step < run.step) {
      await checkpointer?.restoreWeights?.(best.state.step, run.model);
    }
    const [evaluation] = interrupted ? [] : await run.evaluate(Infinity, options);
    if (evaluation) yield evaluation;
    const directory = interrupted || !checkpointer ? null : ((await written(checkpointer.finish(run.model))) ?? null);
    left = false;
    const { loss: validationLoss = null, metrics } = evaluation ?? {};
    return {
      type: "done", step: run.step, interrupted,
      ...(best?.state && { best: { step: best.state.step, loss: best.state.loss } }),
      ...(best?.isOver && run.step < steps && { stoppedEarly: true }),
      loss: run.lastLoss, validationLoss, ...(metrics && { metrics }), directory,
    };
  } catch (error) {
    left = false;
    // What failed is what counts; should saving fail as well, the checkpoint before stays.
    await saveNews().catch(() => undefined);
    throw error;
  } finally {
    if (left) await saveNews();
  }
}
