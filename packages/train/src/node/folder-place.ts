import { basename, join } from "node:path";
import type { OutputFile, ReadableFolder } from "@gpt/formats";
import { openFolder, publishFiles, publishFolder, removeFolder, removeLeftovers } from "@gpt/formats/node";
import type { FileOperations } from "@gpt/formats/node";
import { TrainError } from "../errors.ts";
import type { FinalFiles } from "../run/model-store.ts";
import { modelNames, stepsIn } from "../run/run-place.ts";
import type { RunLock, RunPlace } from "../run/run-place.ts";
import { lockRun } from "./run-lock.ts";

/** A run in a folder of the file system. Checkpoints are published by one rename. */
export class FolderPlace implements RunPlace {
  readonly name: string;
  readonly #operations: FileOperations;

  constructor(directory: string, operations: FileOperations) {
    this.name = directory;
    this.#operations = operations;
  }

  get #checkpoints(): string {
    return join(this.name, "checkpoints");
  }

  nameOf(step: number): string {
    return join(this.#checkpoints, `step-${step}`);
  }

  lock(): Promise<RunLock> {
    return lockRun(this.name, this.#operations);
  }

  tidy(): Promise<void> {
    return removeLeftovers(this.#checkpoints, this.#operations);
  }

  async hasModel(): Promise<boolean> {
    const names = await this.#namesIn(this.name);
    return modelNames.some((name) => names.includes(name));
  }

  async steps(): Promise<number[]> {
    return stepsIn(await this.#namesIn(this.#checkpoints));
  }

  async open(step: number): Promise<ReadableFolder> {
    return openFolder(this.nameOf(step));
  }

  publish(step: number, files: readonly OutputFile[]): Promise<void> {
    return publishFolder(this.nameOf(step), files, { operations: this.#operations });
  }

  remove(step: number): Promise<void> {
    return removeFolder(this.nameOf(step), { operations: this.#operations });
  }

  finish({ files, isObsolete }: FinalFiles): Promise<void> {
    return publishFiles(this.name, files, { obsolete: isObsolete, operations: this.#operations });
  }

  taken(): TrainError {
    return new TrainError(
      "run-exists",
      `${this.name} holds a training run or a model already: resume it (--resume), or choose another folder (--out)`,
    );
  }

  /** Nothing is to be deleted: what is damaged may still be of use. */
  wayOut(step: number, previous: number | undefined): string {
    if (previous === undefined) return "there is none before it: begin the run anew, in another folder";
    return `move ${basename(this.nameOf(step))} elsewhere to go on from step-${previous}`;
  }

  /** The names in a folder; none where there is no such folder. Throws `read-failed`. */
  async #namesIn(directory: string): Promise<readonly string[]> {
    try {
      return (await this.#operations.list(directory)) ?? [];
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new TrainError("read-failed", `${directory} cannot be read: ${reason}`, { cause });
    }
  }
}
