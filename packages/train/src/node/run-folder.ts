import { join } from "node:path";
import { modelFiles } from "@gpt/gpt";
import type { GPT, ReadableFolder } from "@gpt/gpt";
import { loadModel, nodeFileOperations, openFolder, publishFolder, removeFolder, saveModel } from "@gpt/gpt/node";
import type { FileOperations } from "@gpt/gpt/node";
import { isGptError, quote } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { TrainError } from "../errors.ts";
import type { Checkpointer, ResumePoint, TrainingState } from "../loop/checkpointer.ts";
import { checkCount } from "../checks.ts";
import { fileError } from "./file-error.ts";
import { loadOptimizer, optimizerFile } from "./optimizer-file.ts";
import { readTraining, trainingFile } from "./training-file.ts";

/** Texts of files that make a model's folder complete, by name: `tokenizer.json` and the like. */
export type ExtraFiles = Readonly<Record<string, string>>;

export interface RunFolderOptions {
  /** How many checkpoints stay: older ones are removed when a new one is safe on disk. Default 2. */
  readonly keep?: number;
  readonly operations?: FileOperations;
}

export interface CreateRunOptions extends RunFolderOptions {
  /** Written into every checkpoint and beside the final model. */
  readonly extraFiles?: ExtraFiles;
}

export interface ResumeRunOptions extends RunFolderOptions {
  /** Where the model will live. Default: the backend chosen by `useBackend`, or else the default one. */
  readonly backend?: Backend;
}

/** A run that goes on: give `model` to `train`, and the rest as its options. */
export interface ResumedRun {
  readonly model: GPT;
  readonly resume: ResumePoint;
  readonly checkpointer: Checkpointer;
  /** The checkpoint: a model folder with the run's extra files, from which its tokenizer can be loaded. */
  readonly directory: string;
}

/**
 * A checkpointer for a new run: states go to `DIR/checkpoints/step-N`, each a complete model folder in the Hugging Face
 * layout with the training state beside it, published by one rename; the final model goes to `DIR` itself. Throws
 * `run-exists` where the folder has a model or checkpoints already.
 */
export async function createRun(directory: string, options: CreateRunOptions = {}): Promise<Checkpointer> {
  const { operations = nodeFileOperations, extraFiles = {} } = options;
  const names = await namesIn(directory, operations);
  if (names.includes("config.json") || (await stepsOf(directory, operations)).length > 0) {
    throw new TrainError(
      "run-exists",
      `${directory} holds a training run or a model already: resume it (--resume), or choose another folder (--out)`,
    );
  }
  return new RunFolder(directory, extraFiles, options);
}

/**
 * Goes on with a run from its newest checkpoint. What a crash left half-written does not count. Throws `no-checkpoint`
 * where there is none, and `invalid-checkpoint` where the newest was damaged later.
 */
export async function resumeRun(directory: string, options: ResumeRunOptions = {}): Promise<ResumedRun> {
  const { operations = nodeFileOperations, backend } = options;
  const [newest, previous] = await stepsOf(directory, operations);
  if (newest === undefined) {
    throw new TrainError("no-checkpoint", `${directory} has no checkpoint to resume from; begin the run anew`);
  }
  const checkpoint = checkpointPath(directory, newest);
  const folder = openFolder(checkpoint);
  const orDamaged = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw isDamage(error) ? damaged(checkpoint, error, previous) : error;
    }
  };
  const { step, record, extraFiles } = await orDamaged(readTraining(folder));
  const checkpointer = new RunFolder(directory, await orDamaged(readTexts(folder, extraFiles)), options);
  return {
    model: await orDamaged(loadModel(checkpoint, { backend, seed: record.modelSeed })),
    resume: { step, record, loadOptimizer: (optimizer) => orDamaged(loadOptimizer(folder, optimizer, step)) },
    checkpointer,
    directory: checkpoint,
  };
}

/**
 * Nothing locks the folder: process numbers say nothing across machines and containers. None is needed, since no
 * checkpoint replaces another: of two processes that train one run by mistake, the later one ends at the first
 * checkpoint that both reach.
 */
class RunFolder implements Checkpointer {
  readonly #directory: string;
  readonly #extraFiles: ExtraFiles;
  readonly #keep: number;
  readonly #operations: FileOperations;

  constructor(
    directory: string,
    extraFiles: ExtraFiles,
    { keep = 2, operations = nodeFileOperations }: RunFolderOptions,
  ) {
    checkCount("keep", keep, 1);
    this.#directory = directory;
    this.#extraFiles = extraFiles;
    this.#keep = keep;
    this.#operations = operations;
  }

  async save({ step, model, optimizer, record }: TrainingState): Promise<string> {
    const path = checkpointPath(this.#directory, step);
    if ((await stepsOf(this.#directory, this.#operations)).includes(step)) {
      throw new TrainError(
        "run-exists",
        `${path} exists already: another process trains this run; let one of them go on, and resume when it has ended`,
      );
    }
    const files = [
      ...modelFiles(model, { extraFiles: this.#extraFiles }),
      optimizerFile(optimizer),
      trainingFile({ step, record, extraFiles: Object.keys(this.#extraFiles) }),
    ];
    await publishFolder(path, files, { operations: this.#operations });
    await this.#prune();
    return path;
  }

  async finish(model: GPT): Promise<string> {
    await saveModel(model, this.#directory, { extraFiles: this.#extraFiles, operations: this.#operations });
    return this.#directory;
  }

  /** Removes all but the newest checkpoints. */
  async #prune(): Promise<void> {
    try {
      const steps = await stepsOf(this.#directory, this.#operations);
      for (const step of steps.slice(this.#keep)) {
        await removeFolder(checkpointPath(this.#directory, step), { operations: this.#operations });
      }
    } catch {
      // Another program may be reading it. The state is saved, which is what counts; the next save tries again.
    }
  }
}

function checkpointPath(directory: string, step: number): string {
  return join(directory, "checkpoints", `step-${step}`);
}

/** The steps of a run's checkpoints, the newest first. */
async function stepsOf(directory: string, operations: FileOperations): Promise<number[]> {
  const names = await namesIn(join(directory, "checkpoints"), operations);
  return names
    .filter((name) => /^step-\d+$/.test(name))
    .map((name) => Number(name.slice("step-".length)))
    .sort((a, b) => b - a);
}

async function namesIn(directory: string, operations: FileOperations): Promise<readonly string[]> {
  try {
    return (await operations.list(directory)) ?? [];
  } catch (error) {
    throw fileError(directory, error);
  }
}

async function readTexts(folder: ReadableFolder, names: readonly string[]): Promise<ExtraFiles> {
  const texts: [string, string][] = [];
  for (const name of names) {
    const file = await folder.open(name);
    if (!file) throw new TrainError("invalid-checkpoint", `${quote(name)} is missing`);
    try {
      texts.push([name, new TextDecoder("utf-8", { ignoreBOM: true }).decode(await file.read(0, file.size))]);
    } finally {
      await file.close();
    }
  }
  return Object.fromEntries(texts);
}

/** Errors that say that files are not what was written. */
const damageCodes = new Set([
  "invalid-checkpoint",
  "invalid-file",
  "missing-file",
  "missing-tensor",
  "unsupported-model",
]);

function isDamage(error: unknown): error is Error {
  return isGptError(error) && damageCodes.has(error.code);
}

function damaged(checkpoint: string, cause: Error, previous: number | undefined): TrainError {
  const wayOut =
    previous === undefined
      ? "there is none before it: begin the run anew, in another folder"
      : `remove that folder to go on from step-${previous}`;
  return new TrainError("invalid-checkpoint", `the checkpoint ${checkpoint} is damaged: ${cause.message}; ${wayOut}`, {
    cause,
  });
}
