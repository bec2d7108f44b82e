import { EventLoopYielder } from "@gpt/common";
import type { GPT } from "@gpt/gpt";
import { callback, flag, objectWith, optional, scope } from "@gpt/tensor";
import type { Backend, Expectations } from "@gpt/tensor";
import { check, checkAll, checkSource, count, modelExpected, signalExpected } from "../checks.ts";
import { readBatch, windowStarts } from "../data/batches.ts";
import { fingerprint } from "../data/fingerprint.ts";
import { checkTraining, checkValidation } from "../data/token-source.ts";
import type { TokenSource, TrainingData } from "../data/token-source.ts";
import { TrainError } from "../errors.ts";
import { evaluate, toTensors } from "../evaluate.ts";
import type { OnEvaluated } from "../evaluate.ts";
import { AdamW } from "../optimizer/adamw.ts";
import type { Schedule } from "../schedule.ts";
import { checkResume } from "./checkpointer.ts";
import type { Checkpointer, ResumePoint, RunRecord } from "./checkpointer.ts";
import type { CheckpointEvent, DoneEvent, EvaluationEvent, StepEvent, TrainEvent } from "./events.ts";
import type { ExpertsFollower, ExpertsTraining } from "./experts.ts";
import { checkTrainable, checkRouterLosses, resolveSettings, scheduleOf } from "./settings.ts";
import type { TrainSettings } from "./settings.ts";
import { StepLog } from "./step-log.ts";

/** How a model is trained, and on what. */
export interface TrainOptions extends Partial<TrainSettings> {
  readonly steps: number;
  readonly data: TrainingData;
  /** Steps between two step events. Default 10. */
  readonly logEvery?: number;
  /** Steps between two evaluations on the validation data; the last step has one in any case. Default 250. */
  readonly evaluateEvery?: number;
  /** The most windows of an evaluation before the last one, which looks at everything. Default 256. */
  readonly evaluationWindows?: number;
  /** Steps between two checkpoints; the first and the last state are saved in any case. Default 250. */
  readonly checkpointEvery?: number;
  /** Where to save. Default: nowhere. */
  readonly checkpointer?: Checkpointer;
  /** Where to go on instead of beginning; the model was loaded from there. */
  readonly resume?: ResumePoint;
  /** Goes on even where settings, data, backend or runtime differ from those before. Default false. */
  readonly allowChanges?: boolean;
  /** Called while an evaluation goes on, the last of which looks at all of the validation data. */
  readonly onEvaluated?: OnEvaluated;
  /** Ends the run after the running step: it is saved and can be resumed. */
  readonly signal?: AbortSignal;
  /** For a mixture of experts: how they are balanced, and that step events speak of them. See `balanceExperts`. */
  readonly experts?: ExpertsTraining;
}

const defaultLogEvery = 10;

/**
 * Trains a model in place and reports on the way; see `TrainEvent`. Settings that are left out are nanoGPT's for small
 * models: batches of 12, a rate that warms up to 1e-3 and falls along a cosine to a tenth, AdamW with β₂ = 0.99 and a weight
 * decay of 0.1 (PyTorch's defaults, which `AdamW` has, are 0.999 and 0.01), gradients clipped to a norm of 1. The run is a pure function of the model's initial
 * weights and seed, the training data, the settings and the backend. However it ends, the steps taken so far are saved
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
  const { data, resume, checkpointer, signal, onEvaluated } = options;
  const { logEvery = defaultLogEvery, evaluateEvery = 250, evaluationWindows = 256, checkpointEvery = 250 } = options;
  const { steps } = run.settings;
  const saveNews = async (): Promise<CheckpointEvent | undefined> =>
    checkpointer && run.savedStep !== run.step ? run.save(checkpointer) : undefined;
  /** Whether the caller has left the loop, while it is neither at its end nor failed. */
  let left = true;
  try {
    if (!resume && checkpointer) yield await run.save(checkpointer);
    while (run.step < steps && !signal?.aborted) {
      await run.takeStep();
      if (run.step % logEvery === 0) yield await run.report();
      if (data.validation && run.step % evaluateEvery === 0 && run.step < steps) {
        yield* await run.evaluate(data.validation, evaluationWindows, { signal, onEvaluated });
      }
      if (checkpointer && run.step % checkpointEvery === 0) yield await run.save(checkpointer);
    }
    if (run.hasNews) yield await run.report();
    const lastCheckpoint = await saveNews();
    if (lastCheckpoint) yield lastCheckpoint;
    const interrupted = run.step < steps;
    let validationLoss: number | null = null;
    let directory: string | null = null;
    if (!interrupted) {
      if (data.validation) {
        for (const event of await run.evaluate(data.validation, Infinity, { signal, onEvaluated })) {
          validationLoss = event.loss;
          yield event;
        }
      }
      if (checkpointer) directory = await checkpointer.finish(run.model);
    }
    left = false;
    return { type: "done", step: run.step, interrupted, loss: run.lastLoss, validationLoss, directory };
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
  data: objectWith("an object with train, a source of tokens"),
  logEvery: optional(count),
  evaluateEvery: optional(count),
  evaluationWindows: optional(count),
  checkpointEvery: optional(count),
  checkpointer: optional(objectWith("a checkpointer, as createRun makes", "save()", "finish()")),
  resume: optional(objectWith("a resume, as resumeRun makes", "loadOptimizer()")),
  allowChanges: optional(flag),
  onEvaluated: optional(callback),
  signal: signalExpected,
  experts: optional(objectWith("what balanceExperts makes", "start()", "options")),
};

function checkOptions(model: GPT, options: TrainOptions): void {
  check("model", model, modelExpected);
  check("options", options, objectWith("an object with steps and data"));
  checkAll<Partial<TrainOptions>>(options, optionsExpected);
  const { train, validation } = options.data;
  checkSource("data.train", train);
  if (validation !== undefined) checkSource("data.validation", validation);
}

/** The state of a run and what moves it on. */
class Run {
  /** Steps taken. */
  step: number;
  /** The step whose state was saved last. */
  savedStep: number | undefined;
  /** The loss of the last report. */
  lastLoss: number | null = null;
  readonly settings: TrainSettings;
  readonly model: GPT;
  readonly #data: TrainingData;
  readonly #record: RunRecord;
  readonly #schedule: Schedule;
  readonly #optimizer: AdamW;
  readonly #log: StepLog;
  readonly #experts: ExpertsFollower | undefined;
  readonly #backend: Backend;
  readonly #yielder = new EventLoopYielder();
  /** Whether the weights may lie between two steps, since changing them failed half-way. */
  #isTorn = false;
  /** Milliseconds spent in the steps of the log. */
  #time = 0;

  static async start(model: GPT, options: TrainOptions): Promise<Run> {
    const { data, resume, allowChanges = false, logEvery = defaultLogEvery, experts } = options;
    checkTrainable(model);
    if (!experts) checkRouterLosses(model);
    const settings = resolveSettings(model, options);
    checkTraining(data.train, settings.contextLength);
    if (data.validation) checkValidation(data.validation);
    const record: RunRecord = {
      settings,
      modelSeed: model.random.seed,
      ...experts?.options,
      data: await fingerprint(data.train),
      backend: model.backend.name,
      runtime: runtimeName(),
    };
    if (resume && !allowChanges) checkResume(resume.record, record);
    const run = new Run(model, data, record, logEvery, resume?.step, experts);
    try {
      await resume?.loadOptimizer(run.#optimizer);
    } catch (error) {
      run.dispose();
      throw error;
    }
    return run;
  }

  private constructor(
    model: GPT, data: TrainingData, record: RunRecord, logEvery: number, resumedStep?: number, experts?: ExpertsTraining,
  ) {
    const { settings } = record;
    this.step = resumedStep ?? 0;
    this.savedStep = resumedStep;
    this.settings = settings;
    this.model = model;
    this.#data = data;
    this.#record = record;
    this.#schedule = scheduleOf(settings);
    this.#backend = model.backend;
    this.#log = new StepLog(Math.min(logEvery, settings.steps), this.step, this.#backend);
    try {
      this.#experts = experts?.start(model);
      this.#optimizer = new AdamW(model.namedParameters(), settings);
    } catch (error) {
      this.#log.dispose();
      this.#experts?.dispose();
      throw error;
    }
  }

  async takeStep(): Promise<void> {
    const began = performance.now();
    const step = this.step + 1;
    const { batchSize, contextLength, accumulationSteps, seed, clip } = this.settings;
    const { train } = this.#data;
    const model = this.model.train();
    model.random.startStep(step);
    this.#optimizer.zeroGrad();
    this.#optimizer.learningRate = this.#schedule(step);
    for (let part = 0; part < accumulationSteps; part++) {
      const window = { seed, step, first: part * batchSize, count: batchSize };
      const starts = windowStarts(window, train.length - contextLength);
      const batch = await readBatch(train, starts, contextLength, model.config.vocabSize);
      scope(() => {
        const { ids, targets } = toTensors(batch, this.#backend);
        const loss = model.loss(ids, targets, { hooks: this.#experts?.hooks });
        (this.#experts?.addTo(loss, 1 / accumulationSteps) ?? loss).backward();
        this.#log.addLoss(loss, 1 / accumulationSteps);
      });
      await this.#yielder.pause();
    }
    this.#isTorn = true;
    this.#optimizer.step({ clip: clip ?? undefined, gradientScale: 1 / accumulationSteps });
    this.#log.endStep(this.#optimizer.gradientNorm);
    this.step = step;
    this.#isTorn = false;
    this.#time += performance.now() - began;
  }

  /** Whether steps were taken since the last report. */
  get hasNews(): boolean {
    return this.#log.length > 0;
  }

  /** What happened since the last report. */
  async report(): Promise<StepEvent> {
    const began = performance.now();
    const { losses, gradientNorms } = await this.#log.read();
    const experts = await this.#experts?.report(losses.length);
    // Reading waits for backends that compute in the background.
    const seconds = (this.#time + performance.now() - began) / 1000;
    const { steps, batchSize, contextLength, accumulationSteps } = this.settings;
    const tokens = losses.length * batchSize * contextLength * accumulationSteps;
    const loss = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    this.#log.clear();
    this.#time = 0;
    this.lastLoss = loss;
    return {
      type: "step",
      step: this.step,
      steps,
      loss,
      learningRate: this.#optimizer.learningRate,
      gradientNorm: gradientNorms[gradientNorms.length - 1],
      tokensPerSecond: tokens / seconds,
      ...(experts && { experts }),
    };
  }

  /** Evaluates; gives nothing where the signal cut it short. */
  async evaluate(
    validation: TokenSource,
    maxWindows: number,
    { signal, onEvaluated: onProgress }: Pick<TrainOptions, "signal" | "onEvaluated">,
  ): Promise<EvaluationEvent[]> {
    const { contextLength } = this.settings;
    try {
      const { loss, tokens } = await evaluate(this.model, validation, { contextLength, maxWindows, signal, onProgress });
      const complete = tokens === validation.length - 1;
      return [{ type: "evaluation", step: this.step, loss, tokens, complete }];
    } catch (error) {
      if (signal?.aborted && error === signal.reason) return [];
      throw error;
    }
  }

  async save(checkpointer: Checkpointer): Promise<CheckpointEvent> {
    // Neither a torn nor a diverged state may take the place of a good one.
    if (this.#isTorn) throw new TrainError("write-failed", `step ${this.step + 1} failed half-way`);
    await this.#log.read();
    const { step, model } = this;
    const state = { step, model, optimizer: this.#optimizer, record: this.#record };
    const directory = await checkpointer.save(state);
    this.savedStep = step;
    return { type: "checkpoint", step, directory };
  }

  dispose(): void {
    this.model.eval();
    this.#optimizer.dispose();
    this.#log.dispose();
    this.#experts?.dispose();
  }
}

/** `Node.js v26.10.0`, or what a browser calls itself. */
function runtimeName(): string {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  return process?.versions?.node ? `Node.js ${process.versions.node}` : navigator.userAgent;
}
