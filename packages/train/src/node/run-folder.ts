import { nodeFileOperations, pathExpected } from "@gpt/formats/node";
import type { FileOperations } from "@gpt/formats/node";
import { check } from "../checks.ts";
import { resumeRunIn } from "../run/resume-run.ts";
import type { ResumedRun, ResumeOptions } from "../run/resume-run.ts";
import { createRunIn } from "../run/run-folder.ts";
import type { ExtraFiles, KeepOptions, RunCheckpointer } from "../run/run-folder.ts";
import { FolderPlace } from "./folder-place.ts";

export interface RunFolderOptions extends KeepOptions {
  readonly operations?: FileOperations;
}

export interface CreateRunOptions extends RunFolderOptions {
  /** Written into every checkpoint and beside the final model. */
  readonly extraFiles?: ExtraFiles;
}

export interface ResumeRunOptions extends RunFolderOptions, ResumeOptions {}

/**
 * A checkpointer for a new run: states go to `DIR/checkpoints/step-N`, each a complete model folder in the Hugging Face
 * layout with the training state beside it, published by one rename; the final model goes to `DIR` itself. The folder
 * is held from now on: see `RunCheckpointer`. Throws `run-exists` where it has a model or checkpoints already,
 * `run-in-use` where another process holds it, both without changing anything; `invalid-option` and `write-failed`.
 */
export async function createRun(directory: string, options?: CreateRunOptions): Promise<RunCheckpointer> {
  const { extraFiles = {}, ...keep } = options ?? {};
  return createRunIn(placeOf(directory, keep), extraFiles, keep);
}

/**
 * Goes on with a run from its newest checkpoint, and holds its folder from now on: see `RunCheckpointer`. What a crash
 * left half-written does not count. All files of the checkpoint are compared with their checksums. Throws
 * `no-checkpoint` where there is none; `run-in-use`, having changed nothing, where another process holds the folder;
 * `invalid-checkpoint` where the newest was damaged after it was written, or renamed; `unsupported-checkpoint` where it
 * is well, but this version does not read it, as one of a newer version; `write-failed`.
 */
export async function resumeRun(directory: string, options: ResumeRunOptions = {}): Promise<ResumedRun> {
  return resumeRunIn(placeOf(directory, options), options);
}

function placeOf(directory: string, { operations = nodeFileOperations }: RunFolderOptions): FolderPlace {
  check("directory", directory, pathExpected);
  return new FolderPlace(directory, operations);
}
