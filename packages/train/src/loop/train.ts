import type { GPT } from "@gpt/gpt";
import { callback, flag, objectWith, optional } from "@gpt/tensor";
import type { Expectations } from "@gpt/tensor";
import { check, checkAll, checkSource, count, invalidOption, modelExpected, signalExpected } from "../checks.ts";
import type { TrainingData } from "../data/token-source.ts";
import type { Checkpointer, ResumePoint } from "./checkpointer.ts";
import type { CheckpointEvent, DoneEvent, TrainEvent } from "./events.ts";
import type { ExpertsTraining } from "./experts.ts";
import { defaultLogEvery, evaluationsOf, Run } from "./run.ts";
import type { TrainSettings } from "./settings.ts";
import type { OnEvaluated, Task } from "./task.ts";

/** How a model is trained, and on what. */
export interface TrainOptions extends Partial<TrainSettings> {
  readonly steps: number;
  /** A text, which is learnt by windows: see `windowTask`. */
  readonly data?: TrainingData;
  /** What is learnt instead. */
  readonly task?: Task;
  /** Steps between two step events. Default 10. */
  readonly logEvery?: number;
  /** Steps between two evaluations on the validation data; the last step has one in any case. Default 250. */
  readonly evaluateEvery?: number;
  /** The most windows or examples of an evaluation before the last one, which looks at everything. Default 256. */
  readonly evaluationWindows?: number;
  /**
   * Ends the run in good order after as many evaluations without a better validation loss. The checkpoint of the best state stays
   * beside the newest ones. Default: never.
   */
  readonly patience?: number;
  /**
   * Lets the run end with the weights of its best state, by validation loss, in place of the last: model, folder and the last
   * evaluation are of that. Needs a checkpointer. Default false.
   */
  readonly keepBest?: boolean;
  /** Steps between two checkpoints; the first and the last state are saved in any case. Default 250. */
  readonly checkpointEvery?: number;
  /** Where to save. Default: nowhere. */
  readonly checkpointer?: Checkpointer;
  /** Where to go on instead of beginning; the model was loaded from there. */
  readonly resume?: ResumePoint;
  /** Goes on even where settings, data, backend or runtime differ from those before. Default false. */
  readonly allowChanges?: boolean;
  /** Called while an evaluation goes on. */
  readonly onEvaluated?: OnEvaluated;
  /** Ends the run after the running step: it is saved and can be resumed. */
  readonly signal?: AbortSignal;
  /** Computes the blocks again in the backward pass, from less memory: see `ForwardOptions`. Not with `experts`. Default false. */
  readonly checkpointBlocks?: boolean;
  /** For a mixture of experts: how they are balanced, and that step events speak of them. See `balanceExperts`. */
  readonly experts?: ExpertsTraining;
}

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
  const { resume, checkpointer, signal } = options;
  const { logEvery = defaultLogEvery, checkpointEvery = 250 } = options;
  const { evaluateEvery, evaluationWindows } = evaluationsOf(options);
  const { settings: { steps }, best } = run;
  const saveNews = async (): Promise<CheckpointEvent | undefined> =>
    checkpointer && run.savedStep !== run.step ? run.save(checkpointer) : undefined;
  /** Evaluates, and saves the state where it is the best so far. */
  async function* evaluate(): AsyncGenerator<TrainEvent, void, undefined> {
    for (const event of await run.evaluate(evaluationWindows, options)) {
      best?.take(event);
      yield event;
    }
    if (best?.state?.step !== run.step) return;
    const checkpoint = await saveNews();
    if (checkpoint) yield checkpoint;
  }
  /** Whether this step is to be compared, and was not: not even before, when the run was interrupted meanwhile. */
  const isUnknown = (): boolean => best !== undefined && best.state?.evaluated !== run.step;
  const isAtEnd = (): boolean => run.step === steps || best?.isOver === true;
  /** Whether the caller has left the loop, while it is neither at its end nor failed. */
  let left = true;
  try {
    if (!resume && checkpointer) yield await run.save(checkpointer);
    if (resume && run.step > 0 && run.step % evaluateEvery === 0 && !isAtEnd() && isUnknown()) yield* evaluate();
    while (!isAtEnd() && !signal?.aborted) {
      await run.takeStep();
      if (run.step % logEvery === 0) yield await run.report();
      if (run.step % evaluateEvery === 0 && run.step < steps) yield* evaluate();
      if (run.step % checkpointEvery !== 0) continue;
      const checkpoint = await saveNews();
      if (checkpoint) yield checkpoint;
    }
    if (run.hasNews) yield await run.report();
    if (isAtEnd() && isUnknown()) yield* evaluate();
    const lastCheckpoint = await saveNews();
    if (lastCheckpoint) yield lastCheckpoint;
    const interrupted = !isAtEnd() || isUnknown();
    if (!interrupted && best?.state && best.record.keepBest && best.state.step < run.step) {
      await checkpointer?.restoreWeights?.(best.state.step, run.model);
    }
    const [evaluation] = interrupted ? [] : await run.evaluate(Infinity, options);
    if (evaluation) yield evaluation;
    const directory = interrupted || !checkpointer ? null : await checkpointer.finish(run.model);
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

/** What is expected of the options; those that decide the weights are checked as settings. */
const optionsExpected: Expectations<Omit<TrainOptions, keyof TrainSettings>> = {
  data: optional(objectWith("an object with train, a source of tokens")),
  task: optional(objectWith("a task, as windowTask makes", "fingerprint()", "batch()", "loss()")),
  logEvery: optional(count),
  evaluateEvery: optional(count),
  evaluationWindows: optional(count),
  patience: optional(count),
  keepBest: optional(flag),
  checkpointEvery: optional(count),
  checkpointer: optional(objectWith("a checkpointer, as createRun makes", "save()", "finish()")),
  resume: optional(objectWith("a resume, as resumeRun makes", "loadOptimizer()")),
  allowChanges: optional(flag),
  onEvaluated: optional(callback),
  signal: signalExpected,
  checkpointBlocks: optional(flag),
  experts: optional(objectWith("what balanceExperts makes", "start()", "options")),
};

function checkOptions(model: GPT, options: TrainOptions): void {
  check("model", model, modelExpected);
  check("options", options, objectWith("an object with steps and data"));
  checkAll<Partial<TrainOptions>>(options, optionsExpected);
  const { data, task, experts, checkpointBlocks } = options;
  if (experts && checkpointBlocks) throw invalidOption("experts are followed by hooks, which checkpointBlocks does not allow; leave one of them out");
  if (!data === !task) throw invalidOption(data ? "data and task are both given; give one" : "data is missing: give some, or a task");
  if (!data) return;
  checkSource("data.train", data.train);
  if (data.validation !== undefined) checkSource("data.validation", data.validation);
}
