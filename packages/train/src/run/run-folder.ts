import type { GPT } from "@gpt/gpt";
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
import type { RunLock, RunPlace } from "./run-place.ts";
import { trainingFile } from "./training-file.ts";

/** Texts of files that make a model's folder complete, by name: `tokenizer.json` and the like. */
export type ExtraFiles = Readonly<Record<string, string>>;

/** How runs are kept, wherever that is. */
export interface KeepOptions {
  /** How many checkpoints stay: older ones are removed when a new one is safe. Default 2. */
  readonly keep?: number;
  /** How what is trained lies in files. Default: `wholeModel`. */
  readonly store?: ModelStore;
}

/** A checkpointer that holds its run's folder, so that nobody else trains there, until it is closed. */
export interface RunCheckpointer extends Checkpointer {
  /** What is written into every checkpoint and beside the final model, from the next one on. */
  extraFiles: ExtraFiles;
  restoreWeights(step: number, model: GPT): Promise<void>;
  /** Lets go of the folder. `train` calls it at last; a program that does not come to train calls it itself. */
  close(): Promise<void>;
}

/** Begins a run in a place that has none, and holds it. */
export async function createRunIn(place: RunPlace, extraFiles: ExtraFiles, options: KeepOptions): Promise<RunFolder> {
  checkExtraFiles(extraFiles);
  const run = new RunFolder(place, options);
  run.extraFiles = extraFiles;
  await checkFree(place);
  await run.open();
  try {
    // Another program may have begun, trained and ended in between.
    await checkFree(place);
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

/** Throws `run-exists` where a place has a model or a run. */
async function checkFree(place: RunPlace): Promise<void> {
  if ((await place.hasModel()) || (await place.steps()).length > 0) throw place.taken();
}

/** A run's folder, of a new run or of one that goes on. */
export class RunFolder implements RunCheckpointer {
  extraFiles: ExtraFiles = {};
  readonly #place: RunPlace;
  readonly #keep: number;
  readonly #store: ModelStore;
  /** The best steps by those whose checkpoints name them: they stay while one of these does, from which a run may go on. */
  readonly #best = new Map<number, number>();
  #lock: RunLock | undefined;

  constructor(place: RunPlace, { keep = 2, store = wholeModel }: KeepOptions) {
    check("keep", keep, count);
    this.#place = place;
    this.#keep = keep;
    this.#store = store;
  }

  /** Takes hold of the folder, and removes what programs left there that were ended. */
  async open(): Promise<void> {
    if (this.#lock) return;
    this.#lock = await this.#place.lock();
    await this.#place.tidy();
  }

  async close(): Promise<void> {
    await this.#lock?.release();
    this.#lock = undefined;
  }

  /** Keeps the checkpoint that one names as the best. */
  keepBest(step: number, best: BestState | undefined): void {
    if (best) this.#best.set(step, best.step);
  }

  async save({ step, model, optimizer, ...state }: TrainingState): Promise<string> {
    await this.open();
    const path = this.#place.nameOf(step);
    if ((await this.#place.steps()).includes(step)) {
      throw new TrainError(
        "run-exists",
        `${path} exists already: another process trains this run; let one of them go on, and resume when it has ended`,
      );
    }
    const checksums: Record<string, FileChecksums> = {};
    const { extraFiles } = this;
    const files = [...this.#store.files(model, extraFiles), optimizerFile(optimizer)];
    await this.#place.publish(step, [
      ...files.map((file) => recordChecksums(file, checksums)),
      trainingFile(() => ({ step, ...state, extraFiles: Object.keys(extraFiles), checksums })),
    ]);
    this.keepBest(step, state.best);
    await this.#prune();
    return path;
  }

  async restoreWeights(step: number, model: GPT): Promise<void> {
    await this.open();
    if (!(await this.#place.steps()).includes(step)) {
      const path = this.#place.nameOf(step);
      throw new TrainError("no-checkpoint", `${path}, the best state of the run, is gone; go on without it (keepBest: false, allowChanges)`);
    }
    const folder = await this.#place.open(step);
    if (this.#store.restore) return this.#store.restore(model, folder);
    const best = await this.#store.load(folder, { backend: model.backend, seed: model.random.seed, onNote: () => undefined });
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
    await this.#place.finish(this.#store.finish(model, this.extraFiles));
    await this.#prune();
    return this.#place.name;
  }

  /** Removes all but the newest checkpoints, and those which they name as the best. */
  async #prune(): Promise<void> {
    try {
      const steps = await this.#place.steps();
      const best = new Set(steps.slice(0, this.#keep).map((step) => this.#best.get(step)));
      for (const step of steps.slice(this.#keep)) if (!best.has(step)) await this.#place.remove(step);
    } catch {
      // Another program may be reading it. The state is saved, which is what counts; the next save tries again.
    }
  }
}
