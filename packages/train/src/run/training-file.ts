import { textFile } from "@gpt/formats";
import type { OutputFile, ReadableFolder } from "@gpt/formats";
import { routerLossOptionsExpected } from "@gpt/gpt";
import type { RouterLossOptions } from "@gpt/gpt";
import { flag, nonNegative, quote, valueThat, wholeNumber } from "@gpt/tensor";
import type { Expectation } from "@gpt/tensor";
import { check, count } from "../checks.ts";
import { TrainError } from "../errors.ts";
import type { BestRecord, BestState, RunRecord } from "../loop/checkpointer.ts";
import { checkSettings } from "../loop/settings.ts";
import type { TrainSettings } from "../loop/settings.ts";
import { checksumOf } from "./checksums.ts";
import type { Checksums, FileChecksums } from "./checksums.ts";
import { optimizerName } from "./optimizer-file.ts";

export const trainingName = "training.json";
/** Version 1 had no checksums. */
const formatVersion = 2;
const maxBytes = 2 ** 24;
const maxExtraFiles = 1000;
const finite = valueThat("a finite number", Number.isFinite);

/** What a checkpoint says about the run that made it. */
export interface TrainingRecord {
  /** Steps taken. */
  readonly step: number;
  readonly record: RunRecord;
  /** Names of the files beside the model that each checkpoint has, such as the tokenizer's. */
  readonly extraFiles: readonly string[];
  /** By what the scheduled learning rate is multiplied; missing where that is 1. */
  readonly rateFactor?: number;
  /** What is known of the run's best state; missing where it does not look for it. */
  readonly best?: BestState;
  /** Of all other files of the checkpoint; undefined where a program of before wrote it. */
  readonly checksums?: Checksums;
}

/** The file; `training` is asked for when its turn to be written comes, behind the files that it has checksums of. */
export function trainingFile(training: () => TrainingRecord & { readonly checksums: Checksums }): OutputFile {
  function* chunks(): Generator<Uint8Array> {
    const content = { version: formatVersion, ...training() };
    const checksum = checksumOf(JSON.stringify(content));
    yield* textFile(trainingName, `${JSON.stringify({ ...content, checksum }, null, 2)}\n`).chunks as Iterable<Uint8Array>;
  }
  return { name: trainingName, chunks: chunks() };
}

/**
 * Reads and checks a checkpoint's `training.json`; `modelNames` are those of the model's files, which are to have checksums. Throws `invalid-checkpoint`, and `unsupported-checkpoint` for what a
 * newer version of this program has written.
 */
export async function readTraining(folder: ReadableFolder, modelNames: readonly string[] = []): Promise<TrainingRecord> {
  const file = await folder.open(trainingName);
  if (!file) throw invalid("it is missing");
  try {
    if (file.size > maxBytes) throw invalid(`it has ${file.size} bytes, more than ${maxBytes}`);
    return parseTraining(await file.read(0, file.size), modelNames);
  } finally {
    await file.close();
  }
}

function parseTraining(bytes: Uint8Array, modelNames: readonly string[]): TrainingRecord {
  const { checksum, ...content } = objectOf(parseJson(bytes), "the file");
  const { version, step, record, extraFiles, rateFactor, best, checksums, ...unknown } = content;
  if (!(Number.isSafeInteger(version) && (version as number) >= 1)) throw invalid(`its version is ${quote(version)}`);
  if ((version as number) > formatVersion) {
    throw unsupported(`it has version ${quote(version)}, this program reads up to ${formatVersion}`);
  }
  const hasChecksums = version !== 1;
  if (hasChecksums && checksum !== checksumOf(JSON.stringify(content))) {
    throw invalid("it is not what was written (by its checksum)");
  }
  if (!hasChecksums && checksum !== undefined) throw unsupported('it has the field "checksum", unknown to version 1');
  if (!hasChecksums && checksums !== undefined) throw unsupported('it has the field "checksums", unknown to version 1');
  checkKnown(unknown, "");
  checkField("step", step, wholeNumber(0));
  if (rateFactor !== undefined) checkField("rateFactor", rateFactor, nonNegative);
  const names = namesOf(extraFiles);
  return {
    step: step as number,
    record: recordOf(record, step as number),
    extraFiles: names,
    ...(rateFactor !== undefined && { rateFactor: rateFactor as number }),
    ...(best !== undefined && { best: bestOf(best, step as number) }),
    checksums: hasChecksums ? checksumsOf(checksums, [...modelNames, optimizerName, ...names]) : undefined,
  };
}

function recordOf(value: unknown, step: number): RunRecord {
  const { settings: settingsValue, modelSeed, data, backend, runtime, ...rest } = objectOf(value, "record");
  const { balanceLoss, zLoss, balanceTogether, task, best, otherWeights, ...unknown } = rest;
  checkKnown(unknown, "record.");
  const settings = settingsOf(settingsValue);
  checkField("record.modelSeed", modelSeed, wholeNumber(0));
  if (step > settings.steps) throw invalid(`step ${step} lies beyond the ${settings.steps} of the run`);
  const texts = { data, backend, runtime, ...(otherWeights !== undefined && { otherWeights }) };
  for (const [field, text] of Object.entries(texts)) {
    if (typeof text !== "string") throw invalid(`record.${field} is no text`);
  }
  return {
    settings,
    modelSeed: modelSeed as number,
    ...routerLossOptionsOf({ balanceLoss, zLoss, balanceTogether }),
    ...(task !== undefined && { task: taskOf(task) }),
    ...(best !== undefined && { best: bestRecordOf(best) }),
    ...(texts as Record<keyof typeof texts, string>),
  };
}

function routerLossOptionsOf(values: Readonly<Record<keyof RouterLossOptions, unknown>>): RouterLossOptions {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) checkField(`record.${name}`, value, routerLossOptionsExpected[name as keyof RouterLossOptions]);
  return Object.fromEntries(given);
}

function bestRecordOf(value: unknown): BestRecord {
  const { patience, keepBest, evaluateEvery, evaluationWindows, ...unknown } = objectOf(value, "record.best") as unknown as BestRecord;
  checkKnown(unknown, "record.best.");
  if (patience !== null) checkField("record.best.patience", patience, count);
  checkField("record.best.keepBest", keepBest, flag);
  checkField("record.best.evaluateEvery", evaluateEvery, count);
  checkField("record.best.evaluationWindows", evaluationWindows, count);
  return { patience, keepBest, evaluateEvery, evaluationWindows };
}

function bestOf(value: unknown, until: number): BestState {
  const { evaluated, step, loss, worse, ...unknown } = objectOf(value, "best") as unknown as BestState;
  checkKnown(unknown, "best.");
  checkField("best.evaluated", evaluated, wholeNumber(0, until));
  checkField("best.step", step, wholeNumber(0, evaluated));
  checkField("best.loss", loss, finite);
  checkField("best.worse", worse, wholeNumber(0));
  return { evaluated, step, loss, worse };
}

function taskOf(value: unknown): NonNullable<RunRecord["task"]> {
  const task = objectOf(value, "record.task");
  const isValue = (value: unknown): boolean => value === null || ["string", "number", "boolean"].includes(typeof value);
  const wrong = Object.entries(task).find(([, value]) => !isValue(value));
  if (wrong) throw invalid(`record.task: ${quote(wrong[0])} is ${quote(wrong[1])}, expected a text, a number, or true or false`);
  return task as NonNullable<RunRecord["task"]>;
}

function settingsOf(value: unknown): TrainSettings {
  const {
    steps, batchSize, contextLength, accumulationSteps, optimizer, momentum, adamwRate, schedule, learningRate, minLearningRate, warmupSteps, decaySteps,
    beta1, beta2, epsilon, weightDecay, clip, dropout, seed, ...unknown
  } = objectOf(value, "record.settings") as unknown as TrainSettings;
  checkKnown(unknown, "record.settings.");
  const settings: TrainSettings = {
    steps, batchSize, contextLength, accumulationSteps,
    ...Object.fromEntries(Object.entries({ optimizer, momentum, adamwRate }).filter(([, value]) => value !== undefined)),
    schedule, learningRate, minLearningRate, warmupSteps,
    ...(decaySteps !== undefined && { decaySteps }), beta1, beta2, epsilon, weightDecay, clip,
    ...(dropout !== undefined && { dropout }), seed,
  };
  try {
    checkSettings(settings);
  } catch (error) {
    throw invalid(`record.settings: ${(error as Error).message}`);
  }
  return settings;
}

function namesOf(value: unknown): string[] {
  const isName = (name: unknown): boolean => typeof name === "string" && /^[^/\\:\0]+$/.test(name) && !/^\.\.?$/.test(name);
  if (!Array.isArray(value)) throw invalid("extraFiles is no list of names");
  if (value.length > maxExtraFiles) throw invalid(`extraFiles has ${value.length} names, more than ${maxExtraFiles}`);
  const wrong: unknown = value.find((name, i) => !isName(name) || value.indexOf(name) < i);
  if (wrong !== undefined) throw invalid(`extraFiles: ${quote(wrong)} is no name of a file, or appears twice`);
  return value as string[];
}

function checksumsOf(value: unknown, names: readonly string[]): Checksums {
  const checksums = objectOf(value, "checksums");
  for (const [file, entry] of Object.entries(checksums)) {
    const { rest, tensors, ...unknown } = objectOf(entry, `checksums.${quote(file)}`);
    checkKnown(unknown, `checksums.${quote(file)}.`);
    const all = [rest, ...(tensors === undefined ? [] : Object.values(objectOf(tensors, `checksums.${quote(file)}.tensors`)))];
    if (!all.every((checksum) => typeof checksum === "string" && /^[0-9a-f]{8}$/.test(checksum))) {
      throw invalid(`checksums.${quote(file)} has something else than eight hexadecimal digits`);
    }
  }
  const missing = names.find((name) => !Object.hasOwn(checksums, name));
  if (missing !== undefined) throw invalid(`checksums has none of ${quote(missing)}`);
  return checksums as Record<string, FileChecksums>;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // The reason quotes the text, whatever that holds.
    throw invalid("it is no JSON");
  }
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(`${what} is no object`);
  return value as Record<string, unknown>;
}

/** A field that this version does not know may decide what the others mean. */
function checkKnown(unknown: object, place: string): void {
  const [field] = Object.keys(unknown);
  if (field !== undefined) throw unsupported(`it has a field ${place}${quote(field)}, which this version does not know`);
}

function checkField(name: string, value: unknown, expectation: Expectation): void {
  try {
    check(name, value, expectation);
  } catch (error) {
    throw invalid((error as Error).message);
  }
}

function invalid(problem: string): TrainError {
  return new TrainError("invalid-checkpoint", `${trainingName}: ${problem}`);
}

function unsupported(problem: string): TrainError {
  return new TrainError("unsupported-checkpoint", `${trainingName}: ${problem}`);
}
