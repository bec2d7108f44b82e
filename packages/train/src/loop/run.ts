import { EventLoopYielder } from "@gpt/common";
import type { ForwardOptions, GPT } from "@gpt/gpt";
import { mul, nonNegative, scope } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { check, invalidOption } from "../checks.ts";
import { TrainError } from "../errors.ts";
import { AdamW } from "../optimizer/adamw.ts";
import type { Optimizer } from "../optimizer/optimizer.ts";
import type { Schedule } from "../schedule.ts";
import { windowTask } from "../tasks/window-task.ts";
import type { BestFollower } from "./best.ts";
import { checkResume } from "./checkpointer.ts";
import type { Checkpointer, RunRecord } from "./checkpointer.ts";
import type { CheckpointEvent, EvaluationEvent, StepEvent } from "./events.ts";
import type { ExpertsFollower, ExpertsTraining } from "./experts.ts";
import type { GradientNorms } from "./gradient-norms.ts";
import { checkTrainable, checkRouterLosses, resolveSettings, scheduleOf } from "./settings.ts";
import type { TrainSettings } from "./settings.ts";
import { StepLog } from "./step-log.ts";
import type { Task, TaskBatch } from "./task.ts";
import type { TrainOptions } from "./options.ts";

/** Steps between two reports, where no other number is given. */
export const defaultLogEvery = 10;

/** How often is evaluated before the end, and by how much. */
export function evaluationsOf({ evaluateEvery = 250, evaluationWindows = 256 }: TrainOptions): { evaluateEvery: number; evaluationWindows: number } {
  return { evaluateEvery, evaluationWindows };
}

/** What follows the validation losses of a run, where it is told to. Other programs do not load it. */
async function bestOf(options: TrainOptions, hasValidation: boolean): Promise<BestFollower | undefined> {
  const { patience, keepBest } = options;
  if (patience === undefined && !keepBest) return undefined;
  const { BestFollower } = await import("./best.ts");
  return new BestFollower({ ...options, ...evaluationsOf(options) }, hasValidation);
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
  readonly experts: ExpertsTraining | undefined;
  readonly best: BestFollower | undefined;
  readonly options: TrainOptions;
  readonly makeOptimizer: (model: GPT, settings: TrainSettings) => Optimizer;
}

/** The state of a run and what moves it on. */
export class Run {
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
  readonly #askFactor: (() => number) | undefined;
  #rateFactor: number;
  readonly #tellsNorms: boolean;
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
    const otherWeights = await options.checkpointer?.fingerprintOthers?.(model);
    const record: RunRecord = {
      settings,
      modelSeed: model.random.seed,
      ...experts?.options,
      // Absent as before there were tasks.
      ...(!data && { task: { name: task.name, ...task.options } }),
      ...(best && { best: best.record }),
      data: await task.fingerprint(),
      ...(otherWeights !== undefined && { otherWeights }),
      backend: model.backend.name,
      runtime: runtimeName(),
    };
    if (resume && !allowChanges) checkResume(resume.record, record);
    const makeOptimizer = await optimizerOf(settings);
    const run = new Run({ model, task, record, logEvery, experts, best, options, makeOptimizer });
    try {
      await resume?.loadOptimizer(run.#optimizer);
    } catch (error) {
      run.dispose();
      throw error;
    }
    return run;
  }

  private constructor({ model, task, record, logEvery, experts, best, options, makeOptimizer }: RunParts) {
    const { settings } = record;
    const { resume, rateFactor, gradientNorms = false, checkpointBlocks } = options;
    this.step = resume?.step ?? 0;
    this.savedStep = resume?.step;
    this.#rateFactor = resume?.rateFactor ?? 1;
    this.#askFactor = rateFactor;
    this.#tellsNorms = gradientNorms;
    this.settings = settings;
    this.model = model;
    this.best = best;
    this.#task = task;
    this.#record = record;
    this.#schedule = scheduleOf(settings);
    this.#backend = model.backend;
    this.#log = new StepLog(Math.min(logEvery, settings.steps), this.step, this.#backend);
    try {
      if (settings.dropout !== undefined) model.setDropout(settings.dropout);
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
    const batches = await this.readStep(step);
    const losses = batches.reduce((sum, { count }) => sum + count, 0);
    if (losses === 0) throw invalidOption(`the task ${this.#task.name} gave nothing to learn for step ${step}`);
    model.random.startStep(step);
    this.#optimizer.zeroGrad();
    this.#optimizer.learningRate = this.#schedule(step) * this.#factor();
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

  /** By what the rate of the next step is multiplied. */
  #factor(): number {
    const factor: unknown = this.#askFactor?.() ?? this.#rateFactor;
    check("rateFactor()", factor, nonNegative);
    return (this.#rateFactor = factor as number);
  }

  /** The batches of a step. All are read before the first is computed, since each weighs by what the others have. */
  readStep(step: number): Promise<TaskBatch[]> {
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
    const norms = this.#tellsNorms ? await this.#gradientNorms() : undefined;
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
      ...(norms && { gradientNorms: norms }),
      tokensPerSecond: tokens / seconds,
      ...(experts && { experts }),
    };
  }

  /** Of the last step, whose gradients are there until the next one. Programs that do not ask for them do not load it. */
  async #gradientNorms(): Promise<GradientNorms> {
    const { gradientNormsOf } = await import("./gradient-norms.ts");
    return gradientNormsOf(this.model, 1 / this.settings.accumulationSteps);
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
    const state = { step, model, optimizer: this.#optimizer, record: this.#record, ...(this.#rateFactor !== 1 && { rateFactor: this.#rateFactor }), ...(best && { best }) };
    const directory = await checkpointer.save(state);
    this.savedStep = step;
    return { type: "checkpoint", step, directory };
  }

  dispose(): void {
    this.model.eval();
    if (this.settings.dropout !== undefined) this.model.setDropout();
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
