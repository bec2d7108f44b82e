import { resolve } from "node:path";
import { architectures, classifierFrom, GPT } from "@gpt/gpt";
import type { GPTConfig } from "@gpt/gpt";
import { addLoRA, mergeAdapter } from "@gpt/gpt/lora";
import { loadModel, planModel } from "@gpt/gpt/node";
import { useBackend } from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import { tokenizerFiles } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { balanceExperts, finetune, finetuningOptions, resolveSettings, trainLastBlocks } from "@gpt/train";
import type { Checkpointer, DoneEvent, FinetuneOptions as LibraryOptions, OnEvaluated, ResumePoint, Task, TrainSettings } from "@gpt/train";
import { adapterOnly, createRun, wholeModel } from "@gpt/train/node";
import type { ModelStore, StoreLoadOptions } from "@gpt/train/node";
import { describeBackend, startBackend } from "../backend.ts";
import { optionsOf } from "../configuration/resolved.ts";
import { writeRunFile } from "../configuration/run-file.ts";
import { CommandError, UsageError } from "../errors.ts";
import { exists } from "../files.ts";
import { formatCount } from "../format.ts";
import { interruptible } from "../interruption.ts";
import { bytesOf, checkMemory, finetuningNeed, trainedIn, trainingNeed } from "../memory.ts";
import { addModelCard } from "../model-card.ts";
import { checkWholeModel, modelDirectory } from "../model.ts";
import type { Output } from "../output.ts";
import { hasTokenizer } from "../tokenizers.ts";
import { Forecast } from "../training/forecast.ts";
import { MetricsFile } from "../training/metrics-file.ts";
import { newestCheckpoint } from "../training/newest-checkpoint.ts";
import { hasExperts } from "../training/training-options.ts";
import { TrainingView } from "../training/view.ts";
import type { AnswerScores } from "./answers.ts";
import { cardOf } from "./card.ts";
import { measureAnswers } from "./measure-answers.ts";
import { usedOptions } from "./options.ts";
import type { FinetuneOptions } from "./options.ts";
import { samplerOf } from "./sample.ts";
import type { Sampler } from "./sample.ts";
import { showSamples } from "./show-samples.ts";
import { preferencesOf, readByReference } from "./preferences.ts";
import { labelsOf, readTaskRecords, taskOf, writtenData } from "./task-data.ts";
import type { PreferencePairs, TaskData, TaskRecords } from "./task-data.ts";
import { readTokenExamples } from "./token-data.ts";

/** A run to begin, or with `resume` to go on with. */
export interface FinetuneRequest {
  readonly options: FinetuneOptions;
  readonly out: string;
  readonly resume: boolean;
  readonly allowChanges: boolean;
  /** How many examples are shown before the first step. */
  readonly showSamples: number;
}

/** How a run ended. */
export interface FinetuneResult {
  readonly done: DoneEvent;
  /** Weights that were trained, and all. */
  readonly trainable: number;
  readonly parameters: number;
  /** Of tasks that write, of a run that came to its end. */
  readonly scores?: AnswerScores;
}

/** What is known of a run before its model is loaded, which is planned on the backend `meta`. */
async function planRun(options: FinetuneOptions, output: Output) {
  const directory = await modelDirectory(options.model, output);
  await checkWholeModel(directory, options.model);
  if (!(await hasTokenizer(directory))) throw new CommandError(`${directory} has no tokenizer, which fine-tuning on texts needs`);
  const backend = await startBackend(options, output);
  const { config, dtypes } = await planModel(directory, { dtype: options.dtype });
  if (options.method === "lora" && !leavesAdapter(options) && (dtypes.matrix ?? "f32") !== "f32") {
    throw new UsageError(`--task ${options.task} merges its adapter at the end, into weights in f32, and the model's are in ${dtypes.matrix}: give --dtype f32`);
  }
  const { context: contextLength = config.contextLength } = options;
  if (contextLength > config.contextLength) throw new UsageError(`--context is ${contextLength}, and the model reads at most ${config.contextLength} tokens`);
  checkMemory(finetuningNeed(config, dtypes, options), backend, output);
  const tokenizer = await loadTokenizer(directory);
  const tokens = await readTokenExamples(options, config, output);
  const records = tokens ? { train: [], validation: [] } : await readTaskRecords(options, output);
  checkValidated(options, (tokens ?? records).validation.length);
  const labels = classesOf(records, config, options, output);
  const withHead = (model: GPT): GPT => (labels && model.config.head.type !== "classes" ? classifierFrom(model, labels, { seed: options.seed }) : model);
  const planned = useBackend(meta(), () => withHead(new GPT(config, { dtype: dtypes })));
  const makeData = options.task === "preference" ? preferencesOf : taskOf;
  const found = tokens ? writtenData(options, planned, tokens) : await makeData({ options, model: planned, tokenizer, output }, records);
  // What is refused here leaves no folder behind.
  found.task.check?.(planned, { contextLength } as TrainSettings);
  useBackend(planned.backend, () => chooseTrained(planned, options, false));
  return { directory, backend, tokenizer, withHead, planned, found, settings: finetuningOptions(planned, libraryOptions(options, found.task, config)) };
}

function checkValidated({ best, patience }: FinetuneOptions, count: number): void {
  if (count > 0 || (!best && patience === undefined)) return;
  throw new UsageError(`${best ? "--best" : "--patience"} compares validation losses: give --validation, or a --validation-share above 0`);
}

/** The options of a run with their defaults, which follow from the model and the data. */
export async function resolveFinetune(options: FinetuneOptions, output: Output): Promise<object> {
  const { planned, settings } = await planRun(options, output);
  const alpha = options.method === "lora" ? alphaOf(options) : undefined;
  // Steps are what becomes of the number of epochs.
  return { ...usedOptions(options), epochs: undefined, alpha, ...optionsOf(resolveSettings(planned, settings), settings) };
}

/** Fine-tunes a model, from the data's files to the tuned folder, and reports on the way. */
export async function startFinetune(request: FinetuneRequest, output: Output): Promise<FinetuneResult> {
  const { options, out, resume, allowChanges } = request;
  const { directory, backend, tokenizer, withHead, planned, found, settings: plannedSettings } = await planRun(options, output);
  const need = await trainingNeed(planned, plannedSettings);
  checkMemory(need, backend, output);
  const onNote = (note: string): void => output.remark(note);
  const loadBase = async ({ seed }: StoreLoadOptions): Promise<GPT> =>
    withHead(await loadModel(directory, { dtype: options.dtype, seed, stream: false, onNote }));
  const store = await storeOf(options, loadBase);
  const resumed = resume ? await newestCheckpoint(out, { keep: options.keepCheckpoints, store }, output) : undefined;
  const opened: { close(): Promise<void> }[] = resumed ? [resumed.checkpointer] : [];
  try {
    const model = resumed?.model ?? (await loadBase({ seed: options.seed, onNote }));
    // All weights of a resumed run have changed.
    const loadReference = resumed && options.method !== "lora" ? () => loadBase({ seed: options.seed, onNote }) : undefined;
    const data = found.pairs ? { ...found, task: await readPreferences(options, model, loadReference, found.pairs, output) } : found;
    chooseTrained(model, options, resumed !== undefined);
    if (request.showSamples > 0) showSamples(data.train, tokenizer, request.showSamples, output);
    const run = resumed ?? (await beginRun(options, out, tokenizer, data, store, opened));
    const [trainable, parameters] = [trainedIn(model), model.parameterCount()];
    output.note(`${formatCount(trainable)} of ${formatCount(parameters)} parameters are trained · ${describeBackend(backend)} · ${out}`);
    const { checkpointer, resume: point } = run as { checkpointer: Checkpointer; resume?: ResumePoint };
    const settings = { ...libraryOptions(options, data.task, model.config), checkpointer, resume: point, allowChanges };
    const metrics = await MetricsFile.open(out, { resumedStep: point?.step, tensorboard: options.tensorboard });
    opened.push(metrics);
    // With other options the run goes on as with its first ones: they are those of its checkpoints.
    const onSaved = resumed && allowChanges ? () => writeRunFile(out, "finetune", usedOptions(options)) : undefined;
    const shown = { output, metrics, onSaved, forecast: new Forecast(output, backend, bytesOf(need)), sampler: samplerOf(options, data, tokenizer) };
    const done = await followRun(model, settings, shown);
    const scores = done.interrupted ? undefined : await measureAnswers(model, data.validation, options, tokenizer, output);
    await metrics.take(done, scores);
    if (!done.interrupted && !leavesAdapter(options)) await addModelCard(out, model, await cardOf(options, out, done));
    return { done, trainable, parameters, scores };
  } finally {
    for (const item of opened.reverse()) await item.close();
  }
}

/** The classes of the head that a task needs; undefined for tasks that write. */
function classesOf(records: TaskRecords, config: GPTConfig, options: FinetuneOptions, output: Output): readonly string[] | undefined {
  if (options.task === "choice") return ["score"];
  return options.task === "classify" ? labelsOf(records, config, options, output) : undefined;
}

/** The task of preferred answers, read by the model as it was before it was tuned: the one that is there, or another one that is loaded. */
async function readPreferences(
  options: FinetuneOptions, model: GPT, loadReference: (() => Promise<GPT>) | undefined, pairs: PreferencePairs, output: Output,
): Promise<Task> {
  const reference = (await loadReference?.()) ?? model;
  try {
    return await readByReference(options, reference, pairs, output);
  } finally {
    if (reference !== model) reference.dispose();
  }
}

/** What checkpoints hold. A classifier's adapter is merged at the end, since an adapter's folder has no labels. */
async function storeOf(options: FinetuneOptions, loadBase: (options: StoreLoadOptions) => Promise<GPT>): Promise<ModelStore> {
  const { method, model } = options;
  if (method !== "lora") return wholeModel;
  const store = adapterOnly(loadBase, (await exists(model)) ? resolve(model) : model);
  if (leavesAdapter(options)) return store;
  return {
    ...store,
    finish(model, extraFiles) {
      mergeAdapter(model);
      return wholeModel.finish(model, extraFiles);
    },
  };
}

/** Whether what is left at the end is an adapter beside the model. */
export function leavesAdapter({ method, task }: Pick<FinetuneOptions, "method" | "task">): boolean {
  return method === "lora" && task !== "classify" && task !== "choice";
}

/** Says which weights learn, by the method. */
function chooseTrained(model: GPT, options: FinetuneOptions, isResumed: boolean): void {
  const { method, lastBlocks, rank, target, loraDropout, rslora, dora, seed } = options;
  if (method === "last") trainLastBlocks(model, lastBlocks);
  if (method !== "lora" || isResumed) return;
  addLoRA(model, architectures, { rank, alpha: alphaOf(options), targets: target?.split(","), dropout: loraDropout, rsLoRA: rslora, dora, seed });
}

function alphaOf({ rank, alpha = 2 * rank }: Pick<FinetuneOptions, "rank" | "alpha">): number {
  return alpha;
}

async function beginRun(
  options: FinetuneOptions, out: string, tokenizer: Tokenizer, { template }: TaskData, store: ModelStore, opened: { close(): Promise<void> }[],
): Promise<{ checkpointer: Checkpointer }> {
  const files = Object.fromEntries(tokenizerFiles(tokenizer));
  const extraFiles = template === undefined ? files : { ...files, "chat_template.jinja": template };
  const checkpointer = await createRun(out, { keep: options.keepCheckpoints, extraFiles, store });
  opened.push(checkpointer);
  await writeRunFile(out, "finetune", usedOptions(options));
  return { checkpointer };
}

function libraryOptions(options: FinetuneOptions, task: Task, config: GPTConfig): LibraryOptions {
  return {
    task,
    experts: hasExperts(config) ? balanceExperts() : undefined,
    epochs: options.epochs,
    steps: options.steps,
    batchSize: options.batch,
    accumulationSteps: options.accumulate,
    checkpointBlocks: options.checkpointBlocks,
    contextLength: options.context,
    learningRate: options.lr,
    minLearningRate: options.minLr,
    schedule: options.schedule as LibraryOptions["schedule"],
    warmupSteps: options.warmup,
    dropout: options.dropout,
    weightDecay: options.weightDecay,
    clip: options.clip,
    evaluateEvery: options.evalEvery,
    patience: options.patience,
    keepBest: options.best,
    checkpointEvery: options.checkpointEvery,
    logEvery: options.logEvery,
    seed: options.seed,
  };
}

/** What is needed to show a run. */
interface Shown {
  readonly output: Output;
  readonly metrics: MetricsFile;
  readonly forecast: Forecast;
  readonly sampler: Sampler | undefined;
  readonly onSaved: (() => Promise<void>) | undefined;
}

/** Trains and shows the events; Ctrl-C saves and ends the run. */
async function followRun(model: GPT, options: LibraryOptions, { output, metrics, forecast, sampler, onSaved }: Shown): Promise<DoneEvent> {
  const onInterrupt = (): void => output.note("Saving after this step; Ctrl-C again stops at once, unsaved.");
  const { steps } = finetuningOptions(model, options);
  const view = new TrainingView(output, { steps, stepsBefore: options.resume?.step ?? 0, samples: sampler !== undefined });
  return interruptible(onInterrupt, async (signal) => {
    const onEvaluated: OnEvaluated = (progress) => view.showEvaluated(progress);
    for await (const event of finetune(model, { ...options, signal, onStep: forecast.onStep, onEvaluated })) {
      if (event.type !== "done") await metrics.take(event);
      if (event.type === "checkpoint") await onSaved?.();
      if (event.type === "step") forecast.take(event);
      view.show(event, event.type === "evaluation" ? await sampler?.(model, signal) : undefined);
      if (event.type === "done") return event;
    }
    throw new Error("finetune ended without its last event");
  });
}
