import type { GPT } from "@gpt/gpt";
import { nodeFileOperations, pathExpected, publishFolder, removeFolder, removeLeftovers } from "@gpt/formats/node";
import type { FileOperations } from "@gpt/formats/node";
import { copyInto, noGrad, objectWith, quote, text } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { check, count } from "../checks.ts";
import { TrainError } from "../errors.ts";
import type { BestState, Checkpointer, TrainingState } from "../loop/checkpointer.ts";
import { recordChecksums } from "./checksums.ts";
import type { FileChecksums } from "./checksums.ts";
import { wholeModel } from "./model-store.ts";
import type { ModelStore } from "./model-store.ts";
import { optimizerFile } from "./optimizer-file.ts";
import { lockRun } from "./run-lock.ts";
import type { RunLock } from "./run-lock.ts";
import { checkpointPath, checkpointsPath, namesIn, stepsOf } from "./steps.ts";
import { trainingFile } from "./training-file.ts";

/** Texts of files that make a model's folder complete, by name: `tokenizer.json` and the like. */
export type ExtraFiles = Readonly<Record<string, string>>;

export interface RunFolderOptions {
  /** How many checkpoints stay: older ones are removed when a new one is safe on disk. Default 2. */
  readonly keep?: number;
  /** How what is trained lies in files. Default: `wholeModel`. */
  readonly store?: ModelStore;
  readonly operations?: FileOperations;
}

export interface CreateRunOptions extends RunFolderOptions {
  /** Written into every checkpoint and beside the final model. */
  readonly extraFiles?: ExtraFiles;
}

/** A checkpointer that holds its run's folder, so that no other process trains there, until it is closed. */
export interface RunCheckpointer extends Checkpointer {
  restoreWeights(step: number, model: GPT): Promise<void>;
  /** Lets go of the folder. `train` calls it at last; a program that does not come to train calls it itself. */
  close(): Promise<void>;
}

/**
 * A checkpointer for a new run: states go to `DIR/checkpoints/step-N`, each a complete model folder in the Hugging Face
 * layout with the training state beside it, published by one rename; the final model goes to `DIR` itself. The folder
 * is held from now on: see `RunCheckpointer`. Throws `run-exists` where it has a model or checkpoints already,
 * `run-in-use` where another process holds it, both without changing anything; `invalid-option` and `write-failed`.
 */
export async function createRun(directory: string, options?: CreateRunOptions): Promise<RunCheckpointer> {
  const { extraFiles = {} } = options ?? {};
  checkExtraFiles(extraFiles);
  const run = new RunFolder(directory, options ?? {});
  run.extraFiles = extraFiles;
  await run.checkFree();
  await run.open();
  try {
    // Another process may have begun, trained and ended in between.
    await run.checkFree();
  } catch (error) {
    await run.close();
    throw error;
  }
  return run;
}

function checkExtraFiles(extraFiles: ExtraFiles): void {
  check("extraFiles", extraFiles, objectWith("texts by the names of their files"));
  for (const [name, content] of Object.entries(extraFiles)) check(`extraFiles[${quote(name)}]`, content, text);
}

/** Files by which a folder with a model or an adapter is known. */
const modelNames = new Set(["config.json", "adapter_config.json"]);

/** A run's folder, of a new run or of one that goes on. */
export class RunFolder implements RunCheckpointer {
  extraFiles: ExtraFiles = {};
  readonly #directory: string;
  readonly #keep: number;
  readonly #store: ModelStore;
  readonly #operations: FileOperations;
  /** The best steps by those whose checkpoints name them: they stay while one of these does, from which a run may go on. */
  readonly #best = new Map<number, number>();
  #lock: RunLock | undefined;

  constructor(directory: string, { keep = 2, store = wholeModel, operations = nodeFileOperations }: RunFolderOptions) {
    check("directory", directory, pathExpected);
    check("keep", keep, count);
    this.#directory = directory;
    this.#keep = keep;
    this.#store = store;
    this.#operations = operations;
  }

  /** Throws `run-exists` where the folder has a model or a run. */
  async checkFree(): Promise<void> {
    const names = await namesIn(this.#directory, this.#operations);
    if (!names.some((name) => modelNames.has(name)) && (await stepsOf(this.#directory, this.#operations)).length === 0) return;
    throw new TrainError(
      "run-exists",
      `${this.#directory} holds a training run or a model already: resume it (--resume), or choose another folder (--out)`,
    );
  }

  /** Takes hold of the folder, and removes what processes left there that were killed. */
  async open(): Promise<void> {
    if (this.#lock) return;
    this.#lock = await lockRun(this.#directory, this.#operations);
    await removeLeftovers(checkpointsPath(this.#directory), this.#operations);
  }

  async close(): Promise<void> {
    await this.#lock?.release();
    this.#lock = undefined;
  }

  /** Keeps the checkpoint that one names as the best. */
  keepBest(step: number, best: BestState | undefined): void {
    if (best) this.#best.set(step, best.step);
  }

  async save({ step, model, optimizer, record, best }: TrainingState): Promise<string> {
    await this.open();
    const path = checkpointPath(this.#directory, step);
    if ((await stepsOf(this.#directory, this.#operations)).includes(step)) {
      throw new TrainError(
        "run-exists",
        `${path} exists already: another process trains this run; let one of them go on, and resume when it has ended`,
      );
    }
    const checksums: Record<string, FileChecksums> = {};
    const state = [...this.#store.files(model, this.extraFiles), optimizerFile(optimizer)];
    const files = [
      ...state.map((file) => recordChecksums(file, checksums)),
      trainingFile(() => ({ step, record, extraFiles: Object.keys(this.extraFiles), ...(best && { best }), checksums })),
    ];
    await publishFolder(path, files, { operations: this.#operations });
    this.keepBest(step, best);
    await this.#prune();
    return path;
  }

  async restoreWeights(step: number, model: GPT): Promise<void> {
    await this.open();
    const path = checkpointPath(this.#directory, step);
    if (!(await stepsOf(this.#directory, this.#operations)).includes(step)) {
      throw new TrainError("no-checkpoint", `${path}, the best state of the run, is gone; go on without it (keepBest: false, allowChanges)`);
    }
    const best = await this.#store.load(path, { backend: model.backend, seed: model.random.seed, onNote: () => undefined });
    try {
      const values = new Map(best.namedParameters());
      noGrad(() => {
        for (const [name, parameter] of model.namedParameters()) {
          if (parameter.requiresGrad) copyInto(parameter, values.get(name) as Tensor);
        }
      });
    } finally {
      best.dispose();
    }
  }

  async fingerprintOthers(model: GPT): Promise<string | undefined> {
    return this.#store.fingerprintOthers?.(model);
  }

  async finish(model: GPT): Promise<string> {
    await this.open();
    await this.#store.finish(model, this.#directory, this.extraFiles, this.#operations);
    await this.#prune();
    return this.#directory;
  }

  /** Removes all but the newest checkpoints, and those which they name as the best. */
  async #prune(): Promise<void> {
    try {
      const steps = await stepsOf(this.#directory, this.#operations);
      const best = new Set(steps.slice(0, this.#keep).map((step) => this.#best.get(step)));
      for (const step of steps.slice(this.#keep)) {
        if (best.has(step)) continue;
        await removeFolder(checkpointPath(this.#directory, step), { operations: this.#operations });
      }
    } catch {
      // Another program may be reading it. The state is saved, which is what counts; the next save tries again.
    }
  }
}
