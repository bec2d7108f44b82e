import type { ReadableFolder } from "@gpt/formats";
import type { GPT } from "@gpt/gpt";
import { isGptError } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { TrainError } from "../errors.ts";
import type { BestState, ResumePoint } from "../loop/checkpointer.ts";
import { verifyChecksums } from "./checksums.ts";
import { wholeModel } from "./model-store.ts";
import type { ModelStore } from "./model-store.ts";
import { loadOptimizer } from "./optimizer-file.ts";
import { RunFolder } from "./run-folder.ts";
import type { ExtraFiles, KeepOptions, RunCheckpointer } from "./run-folder.ts";
import type { RunPlace } from "./run-place.ts";
import { readTraining } from "./training-file.ts";

export interface ResumeOptions extends KeepOptions {
  /** Where the model will live. Default: the backend chosen by `useBackend`, or else the default one. */
  readonly backend?: Backend;
}

/** A run that goes on: give `model` to `train`, and the rest as its options. */
export interface ResumedRun {
  readonly model: GPT;
  readonly resume: ResumePoint;
  readonly checkpointer: RunCheckpointer;
  /** The checkpoint's place: a model folder with the run's extra files, from which its tokenizer can be loaded. */
  readonly directory: string;
  /** The same, open. */
  readonly folder: ReadableFolder;
  /** What the user should know, such as that the checkpoint is of before there were checksums. Mostly empty. */
  readonly notes: readonly string[];
}

/** Goes on with the run of a place from its newest checkpoint, and holds the place. */
export async function resumeRunIn(place: RunPlace, options: ResumeOptions): Promise<ResumedRun> {
  const { store = wholeModel, backend } = options;
  const holder = new RunFolder(place, options);
  if ((await place.steps()).length === 0) throw noCheckpoint(place);
  await holder.open();
  try {
    const [newest, previous] = await place.steps();
    if (newest === undefined) throw noCheckpoint(place);
    const directory = place.nameOf(newest);
    const folder = await place.open(newest);
    const checkpoint = new Checkpoint(place, newest, previous);
    const { step, record, extraFiles, rateFactor, best, checksums } = await checkpoint.read(() => readTraining(folder, store.names));
    if (step !== newest) throw checkpoint.misnamed(step);
    await checkpoint.read(() => verifyChecksums(folder, checksums ?? {}));
    checkpoint.isVerified = checksums !== undefined;
    holder.keepBest(step, best);
    if (best && previous !== undefined) holder.keepBest(previous, await bestOfPrevious(await place.open(previous), store));
    holder.extraFiles = await checkpoint.read(() => readTexts(folder, extraFiles));
    const notes = checksums ? [] : [`${directory} has no checksums, as it was written by an older version: damage goes unnoticed`];
    const onNote = (note: string): void => void notes.push(note);
    const model = await checkpoint.read(() => store.load(folder, { backend, seed: record.modelSeed, onNote }));
    return {
      model,
      resume: {
        step, record, ...(rateFactor !== undefined && { rateFactor }), ...(best && { best }),
        loadOptimizer: (optimizer) => checkpoint.read(() => loadOptimizer(folder, optimizer, step)),
      },
      checkpointer: holder,
      directory,
      folder,
      notes,
    };
  } catch (error) {
    await holder.close();
    throw error;
  }
}

/** What the checkpoint before says of the best state; nothing where that is damaged. */
async function bestOfPrevious(folder: ReadableFolder, { names }: ModelStore): Promise<BestState | undefined> {
  try {
    return (await readTraining(folder, names)).best;
  } catch {
    return undefined;
  }
}

function noCheckpoint({ name }: RunPlace): TrainError {
  return new TrainError("no-checkpoint", `${name} has no checkpoint to resume from; begin the run anew`);
}

/** Errors that say that files cannot be what was written, and those that say that this version does not read them. */
const damageCodes = new Set(["invalid-checkpoint", "invalid-file", "missing-file", "missing-tensor"]);
const versionCodes = new Set(["unsupported-checkpoint", "unsupported-model"]);

/** The checkpoint that is read, and what to say where that fails. */
class Checkpoint {
  /** Whether all of its files are what was written: what is wrong then is no damage. */
  isVerified = false;
  readonly #place: RunPlace;
  readonly #step: number;
  readonly #previous: number | undefined;

  constructor(place: RunPlace, step: number, previous: number | undefined) {
    this.#place = place;
    this.#step = step;
    this.#previous = previous;
  }

  get #path(): string {
    return this.#place.nameOf(this.#step);
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
          `this version cannot read the checkpoint ${this.#path}: ${error.message}; ` +
            "where a newer version of the program wrote it, update to that",
          { cause: error },
        );
      }
      if (!damageCodes.has(error.code)) throw error;
      throw new TrainError(
        "invalid-checkpoint",
        `the checkpoint ${this.#path} is damaged: ${error.message}; ${this.#place.wayOut(this.#step, this.#previous)}`,
        { cause: error },
      );
    }
  }

  /** The error for a checkpoint that holds the state of another step than its name says. */
  misnamed(step: number): TrainError {
    return new TrainError(
      "invalid-checkpoint",
      `${this.#path} holds the state of step ${step}, not ${this.#step}: it was renamed, or copied from there; ` +
        `give it the name step-${step}, or move it elsewhere`,
    );
  }
}

/** A file beside the model; no tokenizer needs more. */
const largestExtraFile = 2 ** 28;

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
