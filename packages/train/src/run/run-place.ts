import type { OutputFile, ReadableFolder } from "@gpt/formats";
import type { TrainError } from "../errors.ts";
import type { FinalFiles } from "./model-store.ts";

/** A run's place, held by one program. */
export interface RunLock {
  release(): Promise<void>;
}

/** Where a run lies: a folder with `checkpoints/step-N` in it, and at last the final model. */
export interface RunPlace {
  /** For people. */
  readonly name: string;
  /** That of a checkpoint. */
  nameOf(step: number): string;
  /** Takes hold of it, for this program alone. Throws `run-in-use`, having changed nothing, where another one holds it. */
  lock(): Promise<RunLock>;
  /** Removes what programs left half-written that were ended. */
  tidy(): Promise<void>;
  /** Whether it has a finished model. */
  hasModel(): Promise<boolean>;
  /** The steps of its complete checkpoints, the newest first. Throws `read-failed`. */
  steps(): Promise<number[]>;
  /** A checkpoint, or what is left of it. */
  open(step: number): Promise<ReadableFolder>;
  /** Writes a new checkpoint, which is complete or not there. */
  publish(step: number, files: readonly OutputFile[]): Promise<void>;
  remove(step: number): Promise<void>;
  /** Writes the final model. */
  finish(final: FinalFiles): Promise<void>;
  /** Why no run may begin here. */
  taken(): TrainError;
  /** What to do about a damaged checkpoint, with the one before it if there is any. */
  wayOut(step: number, previous: number | undefined): string;
}

/** The steps that folders are named after, the newest first. */
export function stepsIn(names: Iterable<string>): number[] {
  return Array.from(names, (name) => /^step-(0|[1-9]\d{0,14})$/.exec(name)?.[1])
    .flatMap((step) => (step === undefined ? [] : Number(step)))
    .sort((a, b) => b - a);
}

/** Files by which a folder with a model or an adapter is known. */
export const modelNames = ["config.json", "adapter_config.json"] as const;
