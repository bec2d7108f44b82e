import { basename, resolve } from "node:path";
import { GPT } from "@gpt/gpt";
import { loadModel, planModel } from "@gpt/gpt/node";
import type { GPTConfig } from "@gpt/gpt";
import { tokenizerFiles } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { balanceExperts, resolveSettings, splitTokens, train } from "@gpt/train";
import type { Checkpointer, DoneEvent, ExpertsTraining, OnEvaluated, ResumePoint, TrainingData, TrainOptions } from "@gpt/train";
import { createRun } from "@gpt/train/node";
import type { ResumedRun } from "@gpt/train/node";
import { describeBackend, startBackend } from "../backend.ts";
import { commandName, shellWord } from "../command-name.ts";
import { optionsOf } from "../configuration/resolved.ts";
import { writeRunFile } from "../configuration/run-file.ts";
import { areTokenFiles, findTextFiles, openTokens } from "../data.ts";
import { CommandError, UsageError } from "../errors.ts";
import { formatCount, formatDuration } from "../format.ts";
import { Interrupted, interruptible } from "../interruption.ts";
import { bytesOf, checkMemory, windowsNeed } from "../memory.ts";
import type { Need } from "../memory.ts";
import { addModelCard, code } from "../model-card.ts";
import type { Output } from "../output.ts";
import { checkWholeModel, modelDirectory } from "../model.ts";
import { hasTokenizer } from "../tokenizers.ts";
import { differences } from "./differences.ts";
import { Forecast } from "./forecast.ts";
import { checkFrom, defaultPreset, hasExperts, modelConfig } from "./training-options.ts";
import type { RunOptions } from "./training-options.ts";
import { MetricsFile } from "./metrics-file.ts";
import { writeSample } from "./sample.ts";
import { chooseTokenizer, defaultVocabSize } from "./tokenizer.ts";
import { newestCheckpoint } from "./newest-checkpoint.ts";
import { TrainingView } from "./view.ts";

/** A run to begin, or with `resume` to go on with. */
export interface RunRequest {
  readonly options: RunOptions;
  readonly out: string;
  readonly resume: boolean;
  readonly allowChanges: boolean;
  /** Of the validation text, in nats, where it is known. */
  readonly validationEntropy?: number;
}

/** Trains, from the data's files to the model's folder, and reports on the way. */
export async function startRun(request: RunRequest, output: Output): Promise<DoneEvent> {
  const { out, resume, allowChanges, validationEntropy } = request;
  const options = await withFiles(request.options);
  checkFrom(options);
  const from = options.from === undefined ? undefined : await modelDirectory(options.from, output);
  if (options.from !== undefined) await checkWholeModel(from!, options.from);
  const base = from === undefined ? undefined : (await planModel(from)).config;
  const backend = await startBackend(options, output);
  const need = (vocabSize: number): Promise<Need> => {
    const config = base ?? modelConfig(options, vocabSize);
    return windowsNeed(config, { ...trainOptions(options), experts: expertsOf(config, options) });
  };
  // At once what fits with no vocabulary; the rest when it is known.
  checkMemory(await need(1), backend);
  const opened: { close(): Promise<void> }[] = [];
  try {
    const resumed = resume ? await newestCheckpoint(out, { keep: options.keepCheckpoints }, output) : undefined;
    if (resumed) opened.push(resumed.checkpointer);
    const tokenizer = await tokenizerOf(options, resumed, from, output);
    const vocabSize = (resumed?.model.config ?? base ?? tokenizer)?.vocabSize ?? options.vocabSize;
    if (vocabSize !== undefined) checkMemory(await need(vocabSize), backend, output);
    const data = await openData(options, tokenizer, vocabSize, output);
    opened.push(data);
    const run = resumed
      ? { ...resumed, model: from === undefined ? checkModel(resumed.model, options, tokenizer) : resumed.model }
      : await beginRun(options, out, tokenizer, from, opened);
    const sizes = `${formatCount(run.model.parameterCount())} parameters`;
    const tokens = `${formatCount(data.train.length)} training tokens`;
    output.note(`${sizes} · ${tokens} · ${describeBackend(backend)} · ${out}`);
    const entropy = validationEntropy && data.validation && validationEntropy / (data.validation.length - 1);
    const { config } = run.model;
    const forecast = new Forecast(output, backend, bytesOf(await need(config.vocabSize)));
    const metrics = await MetricsFile.open(out, { resumedStep: resumed?.resume.step, tensorboard: options.tensorboard });
    opened.push(metrics);
    // With other options the run goes on as with its first ones: they are those of its checkpoints.
    const onSaved = resumed && allowChanges ? () => writeRunFile(out, "train", options) : undefined;
    const show = { output, tokenizer, entropy, forecast, metrics, onSaved };
    const experts = expertsOf(config, options);
    const done = await followRun(run.model, { ...trainOptions(options), ...run, data, allowChanges, experts }, show);
    if (!done.interrupted) await addModelCard(out, run.model, { name: basename(resolve(out)), origin: originOf(options, done) });
    return done;
  } finally {
    for (const item of opened.reverse()) await item.close();
  }
}

/** The options, with the files that patterns and folders name. */
async function withFiles(options: RunOptions): Promise<RunOptions> {
  const { data, validation } = options;
  return { ...options, data: await findTextFiles(data), ...(validation && { validation: await findTextFiles(validation) }) };
}

/** The options of a run with their defaults, which follow from the model. Its sizes are those of the preset where none are given. */
export async function resolveRun(options: RunOptions, output: Output): Promise<object> {
  checkFrom(options);
  const { from, tokenizer, data } = options;
  const vocabSize = options.vocabSize ?? (tokenizer === "bpe" && !areTokenFiles(data) ? defaultVocabSize : undefined);
  const config = from === undefined ? modelConfig(options, vocabSize ?? 1) : (await planModel(await modelDirectory(from, output))).config;
  const model = from === undefined && { preset: options.preset ?? defaultPreset, vocabSize };
  const settings = trainOptions(options);
  return { ...options, ...model, ...optionsOf(resolveSettings({ config }, settings), settings) };
}

/** What is done about the experts of a model that has any. */
function expertsOf(config: GPTConfig, { balanceTogether }: RunOptions): ExpertsTraining | undefined {
  return hasExperts(config) ? balanceExperts({ balanceTogether }) : undefined;
}

/** Where a model comes from, as its card says it. */
function originOf({ data, batch = 1, accumulate = 1 }: RunOptions, { step, validationLoss }: DoneEvent): string {
  const files = data.map((file) => code(basename(file))).join(", ");
  const loss = validationLoss === null ? "" : `; its loss on validation data is ${validationLoss.toFixed(4)} nats a token`;
  return `It was trained on ${files} by \`gpt train\`: ${formatCount(step)} steps of ${formatCount(batch * accumulate)} windows${loss}.`;
}

/** What is needed to show a run. */
interface Shown {
  readonly output: Output;
  /** What decodes samples; without one there are none. */
  readonly tokenizer: Tokenizer | undefined;
  /** Of a token of the validation data, in nats, where it is known. */
  readonly entropy: number | undefined;
  readonly forecast: Forecast;
  readonly metrics: MetricsFile;
  readonly onSaved: (() => Promise<void>) | undefined;
}

/** Trains a model and shows the events; Ctrl-C saves and ends the run. */
async function followRun(model: GPT, options: TrainOptions & { readonly data: TrainingData }, { output, tokenizer, entropy, forecast, metrics, onSaved }: Shown): Promise<DoneEvent> {
  const { data, steps, resume } = options;
  const sampler = output.live && data.validation ? tokenizer : undefined;
  const view = new TrainingView(output, {
    steps,
    stepsBefore: resume?.step ?? 0,
    entropy,
    samples: sampler !== undefined,
  });
  const onInterrupt = (): void => output.note("Saving after this step; Ctrl-C again stops at once, unsaved.");
  return interruptible(onInterrupt, async (signal) => {
    const onEvaluated: OnEvaluated = (progress) => view.showEvaluated(progress);
    for await (const event of train(model, { ...options, signal, onStep: forecast.onStep, onEvaluated })) {
      await metrics.take(event);
      if (event.type === "checkpoint") await onSaved?.();
      if (event.type === "step") forecast.take(event);
      view.show(event);
      if (event.type === "done") return event;
      if (event.type === "evaluation" && sampler) {
        view.showSample({ step: event.step, text: await writeSample(model, sampler, data.train, signal) });
      }
    }
    throw new Error("train ended without its last event");
  });
}

/** The tokenizer of the run; none where it learns from token ids without one. */
async function tokenizerOf(
  options: RunOptions,
  resumed: ResumedRun | undefined,
  from: string | undefined,
  output: Output,
): Promise<Tokenizer | undefined> {
  const directory = resumed?.directory ?? from;
  if (directory !== undefined) return (await hasTokenizer(directory)) ? loadTokenizer(directory) : undefined;
  if (!areTokenFiles(options.data)) return chooseTokenizer(options, output);
  // The default cannot be learnt from ids; a tokenizer that is named goes beside the model.
  return options.tokenizer === "char" || options.tokenizer === "bpe" ? undefined : chooseTokenizer(options, output);
}

async function openData(
  options: RunOptions,
  tokenizer: Tokenizer | undefined,
  vocabSize: number | undefined,
  output: Output,
): Promise<TrainingData & { close(): Promise<void> }> {
  const whole = await openTokens(options.data, tokenizer, vocabSize, output);
  if (!options.validation) return { ...splitTokens(whole), close: () => whole.close() };
  try {
    const validation = await openTokens(options.validation, tokenizer, vocabSize, output);
    const close = async (): Promise<void> => void (await Promise.all([whole.close(), validation.close()]));
    return { train: whole, validation, close };
  } catch (error) {
    await whole.close();
    throw error;
  }
}

async function beginRun(
  options: RunOptions,
  out: string,
  tokenizer: Tokenizer | undefined,
  from: string | undefined,
  opened: { close(): Promise<void> }[],
): Promise<{ model: GPT; checkpointer: Checkpointer; resume?: ResumePoint }> {
  const { seed } = options;
  const model = from === undefined ? new GPT(configOf(options, tokenizer), { seed }) : await loadModel(from, { seed, dtype: "f32", stream: false });
  const extraFiles = tokenizer ? Object.fromEntries(tokenizerFiles(tokenizer)) : {};
  // From here on the folder is ours: another command that begins at the same time changes nothing there.
  const checkpointer = await createRun(out, { keep: options.keepCheckpoints, extraFiles });
  opened.push(checkpointer);
  await writeRunFile(out, "train", options);
  return { model, checkpointer };
}

function configOf(options: RunOptions, tokenizer: Tokenizer | undefined): GPTConfig {
  const vocabSize = tokenizer?.vocabSize ?? options.vocabSize;
  if (vocabSize === undefined) {
    throw new UsageError("token ids do not say how many there are: give --vocab-size, or their --tokenizer");
  }
  return modelConfig(options, vocabSize);
}

/** Refuses to resume with options that describe another model than the checkpoint's. */
function checkModel(model: GPT, options: RunOptions, tokenizer: Tokenizer | undefined): GPT {
  const before = model.config;
  const changed = differences(before, modelConfig(options, tokenizer?.vocabSize ?? before.vocabSize));
  if (changed.length === 0) return model;
  throw new CommandError(`the options describe another model than the run's: ${changed.join("; ")}; leave them out to resume`);
}

function trainOptions(options: RunOptions): Omit<TrainOptions, "data"> {
  return {
    steps: options.steps,
    batchSize: options.batch,
    contextLength: options.from === undefined ? undefined : options.context,
    accumulationSteps: options.accumulate,
    checkpointBlocks: options.checkpointBlocks,
    optimizer: options.optimizer,
    momentum: options.momentum,
    adamwRate: options.adamwRate,
    schedule: options.schedule,
    decaySteps: options.decay,
    learningRate: options.lr,
    minLearningRate: options.minLr,
    warmupSteps: options.warmup,
    beta1: options.beta1,
    beta2: options.beta2,
    weightDecay: options.weightDecay,
    clip: options.clip,
    seed: options.seed,
    logEvery: options.logEvery,
    evaluateEvery: options.evalEvery,
    patience: options.patience,
    keepBest: options.best,
    checkpointEvery: options.checkpointEvery,
  };
}

/** Says how a run ended, and what to do next. Throws `Interrupted` where it was. */
export function reportEnd(done: DoneEvent, out: string, output: Output): void {
  const { step, validationLoss, seconds, interrupted } = done;
  if (interrupted) {
    output.note(`Saved at step ${formatCount(step)}. Go on with: ${commandName} train --out ${shellWord(out)} --resume`);
    throw new Interrupted();
  }
  const validation = validationLoss === null ? "" : `, validation loss ${validationLoss.toFixed(4)}`;
  noteBest(done, output);
  output.note(`Trained ${formatCount(step)} steps in ${formatDuration(seconds)}${validation}. The model is in ${out}`);
}

/** Says where the lowest validation loss was, where that was looked for, and whether the run ended for want of a lower one. */
export function noteBest({ best, stoppedEarly }: DoneEvent, output: Output): void {
  if (!best) return;
  const [before, verb] = stoppedEarly ? ["Ended early, without a lower validation loss than", ""] : ["The lowest validation loss", "was "];
  output.note(`${before} ${verb}${best.loss.toFixed(4)} at step ${formatCount(best.step)}.`);
}
