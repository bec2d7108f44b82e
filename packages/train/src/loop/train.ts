import { EventLoopYielder } from "@gpt/common";
import type { ForwardOptions, GPT } from "@gpt/gpt";
import { callback, flag, mul, objectWith, optional, scope } from "@gpt/tensor";
import type { Backend, Expectations } from "@gpt/tensor";
import { check, checkAll, checkSource, count, invalidOption, modelExpected, signalExpected } from "../checks.ts";
import type { TrainingData } from "../data/token-source.ts";
import { TrainError } from "../errors.ts";
import { AdamW } from "../optimizer/adamw.ts";
import type { Optimizer } from "../optimizer/optimizer.ts";
import type { Schedule } from "../schedule.ts";
import { windowTask } from "../tasks/window-task.ts";
import type { BestFollower } from "./best.ts";
import { checkResume } from "./checkpointer.ts";
import type { Checkpointer, ResumePoint, RunRecord } from "./checkpointer.ts";
import type { CheckpointEvent, DoneEvent, EvaluationEvent, StepEvent, TrainEvent } from "./events.ts";
import type { ExpertsFollower, ExpertsTraining } from "./experts.ts";
import { checkTrainable, checkRouterLosses, resolveSettings, scheduleOf } from "./settings.ts";
import type { TrainSettings } from "./settings.ts";
import { StepLog } from "./step-log.ts";
import type { OnEvaluated, Task, TaskBatch } from "./task.ts";

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

const defaultLogEvery = 10;

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

/** How often is evaluated before the end, and by how much. */
function evaluationsOf({ evaluateEvery = 250, evaluationWindows = 256 }: TrainOptions): { evaluateEvery: number; evaluationWindows: number } {
  return { evaluateEvery, evaluationWindows };
}

/** What follows the validation losses of a run, where it is told to. Other programs do not load it. */
async function bestOf(options: TrainOptions, hasValidation: boolean): Promise<BestFollower | undefined> {
  const { patience, keepBest } = options;
  if (patience === undefined && !keepBest) return undefined;
  const { BestFollower } = await import("./best.ts");
  return new BestFollower({ ...options, ...evaluationsOf(options) }, hasValidation);
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

/** What makes the optimizer of a run. Programs without Muon do not load it. */
async function optimizerOf({ optimizer }: TrainSettings): Promise<(model: GPT, settings: TrainSettings) => Optimizer> {
  if (optimizer === "muon") return (await import("../optimizer/muon-of-model.ts")).muonOf;
  return (model, settings) => new AdamW(model.namedParameters(), settings);
}

/** What a run begins with. */
interface RunParts {
  readonly model: GPT;
  readonly task: Task;
  readonly record: RunRecord;
  readonly logEvery: number;
  readonly resumedStep: number | undefined;
  readonly experts: ExpertsTraining | undefined;
  readonly best: BestFollower | undefined;
  readonly checkpointBlocks: boolean | undefined;
  readonly makeOptimizer: (model: GPT, settings: TrainSettings) => Optimizer;
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
  readonly best: BestFollower | undefined;
  readonly #task: Task;
  readonly #record: RunRecord;
  readonly #schedule: Schedule;
  readonly #optimizer: Optimizer;
  readonly #log: StepLog;
  readonly #experts: ExpertsFollower | undefined;
  readonly #forward: ForwardOptions;
  readonly #backend: Backend;
  readonly #yielder = new EventLoopYielder();
  /** Whether the weights may lie between two steps, since changing them failed half-way. */
  #isTorn = false;
  /** Milliseconds spent in the steps of the log, and the tokens that they read. */
  #time = 0;
  #tokens = 0;

  static async start(model: GPT, options: TrainOptions): Promise<Run> {
    const { data, task = windowTask(data!), resume, allowChanges = false, logEvery = defaultLogEvery, experts } = options;
    checkTrainable(model);
    if (!experts) checkRouterLosses(model);
    const settings = resolveSettings(model, options);
    task.check?.(model, settings);
    const best = await bestOf(options, task.evaluate !== undefined);
    const record: RunRecord = {
      settings,
      modelSeed: model.random.seed,
      ...experts?.options,
      // Absent as before there were tasks.
      ...(!data && { task: { name: task.name, ...task.options } }),
      ...(best && { best: best.record }),
      data: await task.fingerprint(),
      backend: model.backend.name,
      runtime: runtimeName(),
    };
    if (resume && !allowChanges) checkResume(resume.record, record);
    const makeOptimizer = await optimizerOf(settings);
    const run = new Run({ model, task, record, logEvery, resumedStep: resume?.step, experts, best, checkpointBlocks: options.checkpointBlocks, makeOptimizer });
    try {
      await resume?.loadOptimizer(run.#optimizer);
    } catch (error) {
      run.dispose();
      throw error;
    }
    return run;
  }

  private constructor({ model, task, record, logEvery, resumedStep, experts, best, checkpointBlocks, makeOptimizer }: RunParts) {
    const { settings } = record;
    this.step = resumedStep ?? 0;
    this.savedStep = resumedStep;
    this.settings = settings;
    this.model = model;
    this.best = best;
    this.#task = task;
    this.#record = record;
    this.#schedule = scheduleOf(settings);
    this.#backend = model.backend;
    this.#log = new StepLog(Math.min(logEvery, settings.steps), this.step, this.#backend);
    try {
      this.#experts = experts?.start(model);
      this.#forward = { hooks: this.#experts?.hooks, checkpointBlocks };
      this.#optimizer = makeOptimizer(model, settings);
    } catch (error) {
      this.#log.dispose();
      this.#experts?.dispose();
      throw error;
    }
  }

  async takeStep(): Promise<void> {
    const began = performance.now();
    const step = this.step + 1;
    const { accumulationSteps, clip } = this.settings;
    const model = this.model.train();
    const batches = await this.#read(step);
    const losses = batches.reduce((sum, { count }) => sum + count, 0);
    if (losses === 0) throw invalidOption(`the task ${this.#task.name} gave nothing to learn for step ${step}`);
    model.random.startStep(step);
    this.#optimizer.zeroGrad();
    this.#optimizer.learningRate = this.#schedule(step);
    for (const batch of batches) {
      scope(() => {
        const loss = this.#task.loss(model, batch, this.#forward);
        const whole = this.#experts?.addTo(loss, 1 / accumulationSteps) ?? loss;
        // Gradients are averaged over the batches below: a batch of as many losses as the others counts once.
        const weight = (batch.count * accumulationSteps) / losses;
        (weight === 1 ? whole : mul(whole, weight)).backward();
        this.#log.addLoss(loss, batch.count / losses);
      });
      this.#tokens += batch.tokens;
      await this.#yielder.pause();
    }
    this.#isTorn = true;
    this.#optimizer.step({ clip: clip ?? undefined, gradientScale: 1 / accumulationSteps });
    this.#log.endStep(this.#optimizer.gradientNorm);
    this.step = step;
    this.#isTorn = false;
    this.#time += performance.now() - began;
  }

  /** The batches of a step. All are read before the first is computed, since each weighs by what the others have. */
  #read(step: number): Promise<TaskBatch[]> {
    const { batchSize: count, contextLength, accumulationSteps, seed } = this.settings;
    const request = { seed, step, count, contextLength, examplesPerStep: count * accumulationSteps };
    const parts = Array.from({ length: accumulationSteps }, (_, part) => this.#task.batch({ ...request, first: part * count }, this.model));
    return Promise.all(parts);
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
    const tokens = this.#tokens;
    const loss = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    this.#log.clear();
    this.#time = 0;
    this.#tokens = 0;
    this.lastLoss = loss;
    return {
      type: "step",
      step: this.step,
      steps: this.settings.steps,
      loss,
      learningRate: this.#optimizer.learningRate,
      gradientNorm: gradientNorms[gradientNorms.length - 1],
      tokensPerSecond: tokens / seconds,
      ...(experts && { experts }),
    };
  }

  /** Evaluates; gives nothing where there is no validation data, or where the signal cut it short. */
  async evaluate(limit: number, { signal, onEvaluated: onProgress }: TrainOptions): Promise<EvaluationEvent[]> {
    if (!this.#task.evaluate) return [];
    const { contextLength } = this.settings;
    try {
      const found = await this.#task.evaluate(this.model, { contextLength, limit, signal, onProgress });
      const { loss, count: tokens, complete, metrics } = found;
      return [{ type: "evaluation", step: this.step, loss, tokens, complete, ...(metrics && { metrics }) }];
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
    const best = this.best?.state;
    const state = { step, model, optimizer: this.#optimizer, record: this.#record, ...(best && { best }) };
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
