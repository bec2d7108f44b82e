import type { OutputFile, ReadableFolder } from "@gpt/formats";
import { openDirectoryHandle, writeFiles } from "@gpt/formats/web";
import { quote } from "@gpt/tensor";
import { TrainError } from "../errors.ts";
import type { FinalFiles } from "../run/model-store.ts";
import { modelNames, stepsIn } from "../run/run-place.ts";
import type { RunLock, RunPlace } from "../run/run-place.ts";
import { trainingName } from "../run/training-file.ts";

/** The folder of the browser's own file system that has a folder for each run. */
const rootName = "gpt-runs";
const checkpointsName = "checkpoints";

/**
 * A run in the browser's own file system (OPFS), which lies as runs of Node do. No folder can be renamed there: a checkpoint is complete
 * once its `training.json` has contents, which come at once, behind those of all other files.
 */
export class BrowserPlace implements RunPlace {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  nameOf(step: number): string {
    return `${this.name}/${checkpointsName}/step-${step}`;
  }

  lock(): Promise<RunLock> {
    return new Promise((resolve, reject) => {
      // It is held until `released` settles, and where its page is closed.
      let release: () => void;
      const released = new Promise<void>((settle) => (release = settle));
      const request: Promise<void> = navigator.locks.request(lockNameOf(this.name), { ifAvailable: true }, (lock) => {
        if (!lock) return reject(inUse(this.name));
        resolve({ release: () => (release(), request) });
        return released;
      });
      request.catch(reject);
    });
  }

  async tidy(): Promise<void> {
    const checkpoints = await this.#checkpoints();
    for (const step of await this.#stepsOf(checkpoints, false)) await checkpoints?.removeEntry(`step-${step}`, { recursive: true });
  }

  async hasModel(): Promise<boolean> {
    const folder = await folderOf(this.name);
    const sizes = folder ? await Promise.all(modelNames.map((name) => sizeIn(folder, name))) : [];
    return sizes.some((size) => size > 0);
  }

  async steps(): Promise<number[]> {
    return this.#stepsOf(await this.#checkpoints(), true);
  }

  async open(step: number): Promise<ReadableFolder> {
    return openDirectoryHandle(await this.handleOf(step));
  }

  /** The folder of a checkpoint. */
  async handleOf(step: number): Promise<FileSystemDirectoryHandle> {
    const checkpoints = await this.#checkpoints();
    const folder = checkpoints && (await subfolder(checkpoints, `step-${step}`));
    return folder ?? Promise.reject(new TrainError("no-checkpoint", `${this.nameOf(step)} is gone`));
  }

  async publish(step: number, files: readonly OutputFile[]): Promise<void> {
    const checkpoints = await (await makeFolder(this.name)).getDirectoryHandle(checkpointsName, { create: true });
    const name = `step-${step}`;
    try {
      await writeFiles(await checkpoints.getDirectoryHandle(name, { create: true }), files);
    } catch (error) {
      await checkpoints.removeEntry(name, { recursive: true }).catch(() => undefined); // What stays is removed at the next start.
      throw error;
    }
  }

  async remove(step: number): Promise<void> {
    const folder = await this.handleOf(step);
    // Without it, what is left is no checkpoint.
    await folder.removeEntry(trainingName);
    await (await this.#checkpoints())?.removeEntry(`step-${step}`, { recursive: true });
  }

  async finish({ files, isObsolete }: FinalFiles): Promise<void> {
    await writeFiles(await makeFolder(this.name), files, isObsolete);
  }

  taken(): TrainError {
    return new TrainError("run-exists", `there is a run ${quote(this.name)} already: resume it (resumeRun), remove it (removeRun), or choose another name`);
  }

  wayOut(step: number, previous: number | undefined): string {
    if (previous === undefined) return "there is none before it: begin the run anew, under another name";
    return `removeCheckpoint(${quote(this.name)}, ${step}) lets it go on from step ${previous}`;
  }

  async #checkpoints(): Promise<FileSystemDirectoryHandle | undefined> {
    const folder = await folderOf(this.name);
    return folder && subfolder(folder, checkpointsName);
  }

  /** The steps of checkpoints that are complete, or that are not. */
  async #stepsOf(checkpoints: FileSystemDirectoryHandle | undefined, wanted: boolean): Promise<number[]> {
    return checkpoints ? stepsOf(checkpoints, wanted) : [];
  }
}

function inUse(run: string): TrainError {
  return new TrainError("run-in-use", `the run ${quote(run)} is in use, here or in another tab: stop it there, or close that tab`);
}

/** The steps of the checkpoints in a folder that are complete, or that are not, the newest first. */
async function stepsOf(checkpoints: FileSystemDirectoryHandle, wanted: boolean): Promise<number[]> {
  const names: string[] = [];
  for await (const [name, entry] of checkpoints.entries()) {
    if (entry.kind === "directory" && (await sizeIn(entry, trainingName)) > 0 === wanted) names.push(name);
  }
  return stepsIn(names);
}

/** A complete checkpoint. */
export interface Checkpoint {
  readonly step: number;
  readonly folder: FileSystemDirectoryHandle;
}

/** The newest checkpoint in the folder of a run, wherever that is, or that of a step. */
export async function checkpointIn(run: FileSystemDirectoryHandle, wanted?: number): Promise<Checkpoint | undefined> {
  const checkpoints = await subfolder(run, checkpointsName);
  const steps = checkpoints ? await stepsOf(checkpoints, true) : [];
  const step = wanted === undefined ? steps[0] : steps.find((one) => one === wanted);
  return step === undefined ? undefined : { step, folder: await checkpoints!.getDirectoryHandle(`step-${step}`) };
}

/** The name of the lock that holds a run, for all pages of an origin. */
export function lockNameOf(run: string): string {
  return `${rootName}/${run}`;
}

/** The folder of all runs; undefined where there is none yet, or the browser has no place for this page. */
export async function rootFolder(): Promise<FileSystemDirectoryHandle | undefined> {
  // Not there in pages that are not secure.
  const { storage } = navigator as { storage?: Partial<StorageManager> };
  const root = await storage?.getDirectory?.().catch(() => undefined);
  return root && subfolder(root, rootName);
}

async function folderOf(run: string): Promise<FileSystemDirectoryHandle | undefined> {
  const root = await rootFolder();
  return root && subfolder(root, run);
}

/** The folder of a run, which is made where there is none. Throws `write-failed`. */
export async function makeFolder(run: string): Promise<FileSystemDirectoryHandle> {
  try {
    const root = await (await navigator.storage.getDirectory()).getDirectoryHandle(rootName, { create: true });
    return await root.getDirectoryHandle(run, { create: true });
  } catch (cause) {
    throw new TrainError("write-failed", `the browser gives this page no place to keep runs: ${(cause as Error).message}`, { cause });
  }
}

async function subfolder(folder: FileSystemDirectoryHandle, name: string): Promise<FileSystemDirectoryHandle | undefined> {
  return folder.getDirectoryHandle(name).catch(absent);
}

/** The bytes of a file; 0 where there is none. */
async function sizeIn(folder: FileSystemDirectoryHandle, name: string): Promise<number> {
  const file = await folder.getFileHandle(name).then((handle) => handle.getFile()).catch(absent);
  return file?.size ?? 0;
}

function absent(error: unknown): undefined {
  if (["NotFoundError", "TypeMismatchError"].includes((error as Error).name)) return undefined;
  throw new TrainError("read-failed", `the browser's file system cannot be read: ${(error as Error).message}`, { cause: error });
}
