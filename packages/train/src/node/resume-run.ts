import { basename } from "node:path";
import type { ReadableFolder } from "@gpt/formats";
import type { GPT } from "@gpt/gpt";
import { nodeFileOperations, openFolder } from "@gpt/formats/node";
import { isGptError } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { TrainError } from "../errors.ts";
import type { BestState, ResumePoint } from "../loop/checkpointer.ts";
import { verifyChecksums } from "./checksums.ts";
import { wholeModel } from "./model-store.ts";
import type { ModelStore } from "./model-store.ts";
import { loadOptimizer } from "./optimizer-file.ts";
import { RunFolder } from "./run-folder.ts";
import type { ExtraFiles, RunCheckpointer, RunFolderOptions } from "./run-folder.ts";
import { checkpointPath, stepsOf } from "./steps.ts";
import { readTraining } from "./training-file.ts";

export interface ResumeRunOptions extends RunFolderOptions {
  /** Where the model will live. Default: the backend chosen by `useBackend`, or else the default one. */
  readonly backend?: Backend;
}

/** A run that goes on: give `model` to `train`, and the rest as its options. */
export interface ResumedRun {
  readonly model: GPT;
  readonly resume: ResumePoint;
  readonly checkpointer: RunCheckpointer;
  /** The checkpoint: a model folder with the run's extra files, from which its tokenizer can be loaded. */
  readonly directory: string;
  /** What the user should know, such as that the checkpoint is of before there were checksums. Mostly empty. */
  readonly notes: readonly string[];
}

/** A file beside the model; no tokenizer needs more. */
const largestExtraFile = 2 ** 28;

/**
 * Goes on with a run from its newest checkpoint, and holds its folder from now on: see `RunCheckpointer`. What a crash
 * left half-written does not count. All files of the checkpoint are compared with their checksums. Throws
 * `no-checkpoint` where there is none; `run-in-use`, having changed nothing, where another process holds the folder;
 * `invalid-checkpoint` where the newest was damaged after it was written, or renamed; `unsupported-checkpoint` where it
 * is well, but this version does not read it, as one of a newer version; `write-failed`.
 */
export async function resumeRun(directory: string, options: ResumeRunOptions = {}): Promise<ResumedRun> {
  const { operations = nodeFileOperations, store = wholeModel, backend } = options;
  const holder = new RunFolder(directory, options);
  if ((await stepsOf(directory, operations)).length === 0) throw noCheckpoint(directory);
  await holder.open();
  try {
    const [newest, previous] = await stepsOf(directory, operations);
    if (newest === undefined) throw noCheckpoint(directory);
    const checkpoint = new Checkpoint(checkpointPath(directory, newest), newest, previous);
    const { folder, path } = checkpoint;
    const { step, record, extraFiles, best, checksums } = await checkpoint.read(() => readTraining(folder, store.names));
    if (step !== newest) throw checkpoint.misnamed(step);
    await checkpoint.read(() => verifyChecksums(folder, checksums ?? {}));
    checkpoint.isVerified = checksums !== undefined;
    holder.keepBest(step, best);
    if (best && previous !== undefined) holder.keepBest(previous, await bestOfPrevious(checkpointPath(directory, previous), store));
    holder.extraFiles = await checkpoint.read(() => readTexts(folder, extraFiles));
    const notes = checksums ? [] : [`${path} has no checksums, as it was written by an older version: damage goes unnoticed`];
    const onNote = (note: string): void => void notes.push(note);
    const model = await checkpoint.read(() => store.load(path, { backend, seed: record.modelSeed, onNote }));
    return {
      model,
      resume: { step, record, ...(best && { best }), loadOptimizer: (optimizer) => checkpoint.read(() => loadOptimizer(folder, optimizer, step)) },
      checkpointer: holder,
      directory: path,
      notes,
    };
  } catch (error) {
    await holder.close();
    throw error;
  }
}

/** What the checkpoint before says of the best state; nothing where that is damaged. */
async function bestOfPrevious(path: string, { names }: ModelStore): Promise<BestState | undefined> {
  try {
    return (await readTraining(openFolder(path), names)).best;
  } catch {
    return undefined;
  }
}

function noCheckpoint(directory: string): TrainError {
  return new TrainError("no-checkpoint", `${directory} has no checkpoint to resume from; begin the run anew`);
}

/** Errors that say that files cannot be what was written, and those that say that this version does not read them. */
const damageCodes = new Set(["invalid-checkpoint", "invalid-file", "missing-file", "missing-tensor"]);
const versionCodes = new Set(["unsupported-checkpoint", "unsupported-model"]);

/** The checkpoint that is read, and what to say where that fails. */
class Checkpoint {
  readonly path: string;
  readonly folder: ReadableFolder;
  /** Whether all of its files are what was written: what is wrong then is no damage. */
  isVerified = false;
  readonly #step: number;
  readonly #previous: number | undefined;

  constructor(path: string, step: number, previous: number | undefined) {
    this.path = path;
    this.folder = openFolder(path);
    this.#step = step;
    this.#previous = previous;
  }

  /** Carries out what reads it. Its errors say what is the matter with the checkpoint, and what to do. */
  async read<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isGptError(error)) throw error;
      if (versionCodes.has(error.code) || (this.isVerified && damageCodes.has(error.code))) {
        throw new TrainError(
          "unsupported-checkpoint",
          `this version cannot read the checkpoint ${this.path}: ${error.message}; ` +
            "where a newer version of the program wrote it, update to that",
          { cause: error },
        );
      }
      if (!damageCodes.has(error.code)) throw error;
      throw new TrainError(
        "invalid-checkpoint",
        `the checkpoint ${this.path} is damaged: ${error.message}; ${this.#wayOut()}`,
        { cause: error },
      );
    }
  }

  /** The error for a checkpoint that holds the state of another step than its name says. */
  misnamed(step: number): TrainError {
    return new TrainError(
      "invalid-checkpoint",
      `${this.path} holds the state of step ${step}, not ${this.#step}: it was renamed, or copied from there; ` +
        `give it the name step-${step}, or move it elsewhere`,
    );
  }

  /** Nothing is to be deleted: what is damaged may still be of use. */
  #wayOut(): string {
    if (this.#previous === undefined) return "there is none before it: begin the run anew, in another folder";
    return `move ${basename(this.path)} elsewhere to go on from step-${this.#previous}`;
  }
}

async function readTexts(folder: ReadableFolder, names: readonly string[]): Promise<ExtraFiles> {
  const texts: [string, string][] = [];
  for (const name of names) {
    const file = await folder.open(name);
    if (!file) throw new TrainError("invalid-checkpoint", `${name} is missing`);
    try {
      if (file.size > largestExtraFile) {
        throw new TrainError("invalid-checkpoint", `${name} has ${file.size} bytes, more than ${largestExtraFile}`);
      }
      texts.push([name, decode(name, await file.read(0, file.size))]);
    } finally {
      await file.close();
    }
  }
  return Object.fromEntries(texts);
}

/** Strictly: a character that was replaced would go into every checkpoint from now on. */
function decode(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new TrainError("invalid-checkpoint", `${name} is not valid UTF-8`);
  }
}
