import { join } from "node:path";
import type { FileOperations } from "@gpt/formats/node";
import { TrainError } from "../errors.ts";

/** The folder of a run that has its checkpoints. */
export function checkpointsPath(directory: string): string {
  return join(directory, "checkpoints");
}

export function checkpointPath(directory: string, step: number): string {
  return join(checkpointsPath(directory), `step-${step}`);
}

/** The steps of a run's checkpoints, the newest first. */
export async function stepsOf(directory: string, operations: FileOperations): Promise<number[]> {
  return (await namesIn(checkpointsPath(directory), operations))
    .flatMap((name) => /^step-(0|[1-9]\d{0,14})$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => b - a);
}

/** The names in a folder; none where there is no such folder. Throws `read-failed`. */
export async function namesIn(directory: string, operations: FileOperations): Promise<readonly string[]> {
  try {
    return (await operations.list(directory)) ?? [];
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TrainError("read-failed", `${directory} cannot be read: ${reason}`, { cause });
  }
}
