import { textFile } from "@gpt/gpt";
import type { OutputFile, ReadableFolder } from "@gpt/gpt";
import { quote } from "@gpt/tensor";
import { TrainError } from "../errors.ts";
import type { RunRecord } from "../loop/checkpointer.ts";

const name = "training.json";
const formatVersion = 1;
const maxBytes = 2 ** 20;

/** What a checkpoint says about the run that made it. */
export interface TrainingRecord {
  /** Steps taken. */
  readonly step: number;
  readonly record: RunRecord;
  /** Names of the files beside the model that each checkpoint has, such as the tokenizer's. */
  readonly extraFiles: readonly string[];
}

export function trainingFile(training: TrainingRecord): OutputFile {
  return textFile(name, `${JSON.stringify({ version: formatVersion, ...training }, null, 2)}\n`);
}

/** Reads and checks a checkpoint's `training.json`. Throws `invalid-checkpoint`. */
export async function readTraining(folder: ReadableFolder): Promise<TrainingRecord> {
  const file = await folder.open(name);
  if (!file) throw invalid("it is missing");
  try {
    if (file.size > maxBytes) throw invalid(`it has ${file.size} bytes, more than ${maxBytes}`);
    return parseTraining(await file.read(0, file.size));
  } finally {
    await file.close();
  }
}

function parseTraining(bytes: Uint8Array): TrainingRecord {
  const { version, ...training } = objectOf(parseJson(bytes), "the file");
  if (version !== formatVersion) {
    throw invalid(`its version is ${quote(version)}, this program reads version ${formatVersion}`);
  }
  const { step, extraFiles } = training;
  const { settings, modelSeed, ...texts } = objectOf(training.record, "record");
  const scalars: Record<string, unknown> = { ...objectOf(settings, "settings"), modelSeed };
  for (const [field, value] of Object.entries(scalars)) {
    if (value !== null && !["string", "number"].includes(typeof value)) throw invalid(`${field} is no single value`);
  }
  for (const field of ["data", "backend", "runtime"]) {
    if (typeof texts[field] !== "string") throw invalid(`${field} is no text`);
  }
  for (const [field, value] of Object.entries({ step, modelSeed })) {
    if (!Number.isSafeInteger(value) || (value as number) < 0) throw invalid(`${field} is no whole number from 0`);
  }
  if (!Array.isArray(extraFiles) || extraFiles.some((name) => typeof name !== "string")) {
    throw invalid("extraFiles is no list of names");
  }
  return training as unknown as TrainingRecord;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid(`it is no JSON (${(error as Error).message})`);
  }
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(`${what} is no object`);
  return value as Record<string, unknown>;
}

function invalid(problem: string): TrainError {
  return new TrainError("invalid-checkpoint", `${name}: ${problem}`);
}
