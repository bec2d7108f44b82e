import { isPlainName } from "@gpt/formats";
import type { OutputFile, ReadableFolder } from "@gpt/formats";
import { openDirectoryHandle } from "@gpt/formats/web";
import { quote, valueThat } from "@gpt/tensor";
import { check } from "../checks.ts";
import { TrainError } from "../errors.ts";
import type { BestState, RunRecord } from "../loop/checkpointer.ts";
import { resumeRunIn } from "../run/resume-run.ts";
import type { ResumedRun, ResumeOptions } from "../run/resume-run.ts";
import { createRunIn } from "../run/run-folder.ts";
import type { ExtraFiles, KeepOptions, RunCheckpointer } from "../run/run-folder.ts";
import { readTraining, trainingName } from "../run/training-file.ts";
import { BrowserPlace, checkpointIn, lockNameOf, makeFolder, rootFolder } from "./browser-place.ts";
import type { Checkpoint } from "./browser-place.ts";

export interface CreateRunOptions extends KeepOptions {
  /** Written into every checkpoint and beside the final model. */
  readonly extraFiles?: ExtraFiles;
}

const nameExpected = valueThat("a name that a file may have", (name) => typeof name === "string" && isPlainName(name));

function placeOf(name: string): BrowserPlace {
  check("name", name, nameExpected);
  return new BrowserPlace(name);
}

/**
 * A checkpointer for a new run in the browser's own file system (OPFS), as `createRun` of `@gpt/train/node` is one for a folder: the files are the
 * same. A page that is closed at any moment leaves the last complete checkpoint. The run is held from now on, by a Web
 * Lock, for this page or Worker alone. Throws `run-exists`, `run-in-use`, `invalid-option` and `write-failed`, saving `write-failed` where
 * storage is full: see `onSaveFailed` of `TrainOptions`.
 *
 * @example
 * const checkpointer = await createRun("stories");
 * for await (const event of train(model, { data, steps: 1000, checkpointer })) console.log(event);
 */
export async function createRun(name: string, options?: CreateRunOptions): Promise<RunCheckpointer> {
  const { extraFiles = {}, ...keep } = options ?? {};
  return createRunIn(placeOf(name), extraFiles, keep);
}

/**
 * Goes on with a run from its newest checkpoint, and holds it, as `resumeRun` of `@gpt/train/node` does. Throws `no-checkpoint`, `run-in-use`,
 * `invalid-checkpoint` and `unsupported-checkpoint`.
 */
export async function resumeRun(name: string, options: ResumeOptions = {}): Promise<ResumedRun> {
  return resumeRunIn(placeOf(name), options);
}

/** A run that is kept. */
export interface StoredRun {
  readonly name: string;
  /** Of all of its files. */
  readonly bytes: number;
  /** Whether a page trains it now. */
  readonly inUse: boolean;
  /** Whether it has its final model. */
  readonly isFinished: boolean;
  /** The newest checkpoint; null where there is none yet, or it cannot be read. */
  readonly checkpoint: {
    /** Steps taken. */
    readonly step: number;
    readonly record: RunRecord;
    /** The lowest validation loss, where the run looks for it. */
    readonly best?: BestState;
    /** When it was written, in milliseconds since 1970. */
    readonly time: number;
  } | null;
}

/** The runs that the browser keeps for this page's origin, by name; none where it keeps nothing. */
export async function listRuns(): Promise<StoredRun[]> {
  const root = await rootFolder();
  const { held = [] } = await navigator.locks.query();
  const locks = new Set(held.map(({ name }) => name));
  const runs: StoredRun[] = [];
  for await (const [name, folder] of root?.entries() ?? []) {
    if (folder.kind !== "directory") continue;
    const [bytes, isFinished] = [await bytesOf(folder), await new BrowserPlace(name).hasModel()];
    runs.push({ name, bytes, inUse: locks.has(lockNameOf(name)), isFinished, checkpoint: await newestOf(folder) });
  }
  return runs.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function newestOf(run: FileSystemDirectoryHandle): Promise<StoredRun["checkpoint"]> {
  try {
    const newest = await checkpointIn(run);
    if (!newest) return null;
    const { step, record, best } = await readTraining(openDirectoryHandle(newest.folder));
    const { lastModified: time } = await (await newest.folder.getFileHandle(trainingName)).getFile();
    return { step, record, ...(best && { best }), time };
  } catch {
    // It was removed meanwhile, or is damaged, which resumeRun says.
    return null;
  }
}

/** The bytes of all files in a folder and in those below. */
async function bytesOf(folder: FileSystemDirectoryHandle): Promise<number> {
  let bytes = 0;
  for await (const entry of folder.values()) {
    try {
      bytes += entry.kind === "file" ? (await entry.getFile()).size : await bytesOf(entry);
    } catch {
      // It was removed meanwhile.
    }
  }
  return bytes;
}

/** Removes a run with all that is in its folder. Throws `no-checkpoint` where there is none, and `run-in-use`. */
export async function removeRun(name: string): Promise<void> {
  const lock = await placeOf(name).lock();
  try {
    await (await rootFolder())?.removeEntry(name, { recursive: true });
  } catch (cause) {
    throw new TrainError("no-checkpoint", `the run ${quote(name)} cannot be removed: ${(cause as Error).message}`, { cause });
  } finally {
    await lock.release();
  }
}

/** Removes a checkpoint that is damaged, so that the run goes on from the one before. Throws `no-checkpoint` and `run-in-use`. */
export async function removeCheckpoint(name: string, step: number): Promise<void> {
  const place = placeOf(name);
  const lock = await place.lock();
  try {
    await place.remove(step);
  } finally {
    await lock.release();
  }
}

/** The newest state of a run, as a model folder in the Hugging Face layout. */
export interface OpenedRun {
  /** Steps that were taken until then. */
  readonly step: number;
  readonly folder: ReadableFolder;
  /** Its files, those of the training state among them, `training.json` and `optimizer.safetensors`: for `zipOf` and `writeFiles`. */
  readonly files: readonly OutputFile[];
}

/** Opens the newest checkpoint of a run for reading, also of one that is in use. Throws `no-checkpoint`. */
export async function openRun(name: string): Promise<OpenedRun> {
  const place = placeOf(name);
  const [step] = await place.steps();
  if (step === undefined) throw new TrainError("no-checkpoint", `the run ${quote(name)} has no checkpoint`);
  const folder = await place.handleOf(step);
  return { step, folder: openDirectoryHandle(folder), files: await filesIn(folder) };
}

/**
 * The folder of a run in the browser's own file system, for files of one's own beside `checkpoints`, such as the data. It is made where
 * there is none. Throws `write-failed`.
 */
export async function runDirectory(name: string): Promise<FileSystemDirectoryHandle> {
  check("name", name, nameExpected);
  return makeFolder(name);
}

/**
 * Takes over the newest checkpoint of a run, and the best one if it names one, in a folder that a user chose, such as one that the command made; it can be resumed
 * then, with `allowChanges`. Throws `no-checkpoint` where there is none, `run-exists`, `run-in-use` and `write-failed`.
 */
export async function importRun(name: string, folder: FileSystemDirectoryHandle): Promise<void> {
  const newest = await checkpointIn(folder);
  if (!newest) throw new TrainError("no-checkpoint", `${folder.name} has no checkpoint; choose the folder of a run, in which there is "checkpoints"`);
  const place = placeOf(name);
  const run = await createRunIn(place, {}, {});
  try {
    const best = await bestBeside(newest, folder);
    if (best) await place.publish(best.step, await checkpointFiles(best.folder));
    await place.publish(newest.step, await checkpointFiles(newest.folder));
  } finally {
    await run.close();
  }
}

/** The checkpoint that another one names as the best, by which the run may end. */
async function bestBeside({ step, folder }: Checkpoint, run: FileSystemDirectoryHandle): Promise<Checkpoint | undefined> {
  // What is damaged says resumeRun.
  const training = await readTraining(openDirectoryHandle(folder)).catch(() => undefined);
  return training?.best && training.best.step !== step ? checkpointIn(run, training.best.step) : undefined;
}

/** The files of a checkpoint, of which the last commits the others. */
async function checkpointFiles(folder: FileSystemDirectoryHandle): Promise<OutputFile[]> {
  const files = await filesIn(folder);
  return [...files.filter(({ name }) => name !== trainingName), ...files.filter(({ name }) => name === trainingName)];
}

async function filesIn(folder: FileSystemDirectoryHandle): Promise<OutputFile[]> {
  const files: OutputFile[] = [];
  for await (const [name, entry] of folder.entries()) if (entry.kind === "file") files.push({ name, chunks: chunksOf(entry) });
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const blockBytes = 2 ** 22;

async function* chunksOf(handle: FileSystemFileHandle): AsyncGenerator<Uint8Array> {
  const file = await handle.getFile();
  for (let at = 0; at < file.size; at += blockBytes) yield new Uint8Array(await file.slice(at, at + blockBytes).arrayBuffer());
}
