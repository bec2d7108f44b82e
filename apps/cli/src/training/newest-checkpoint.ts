import { isGptError } from "@gpt/tensor";
import { resumeRun } from "@gpt/train/node";
import type { ModelStore, ResumedRun } from "@gpt/train/node";
import type { Output } from "../output.ts";

/** Resumes the run in a folder, and says so; undefined where it has no checkpoint yet. */
export async function newestCheckpoint(
  out: string, options: { readonly keep?: number; readonly store?: ModelStore }, output: Output,
): Promise<ResumedRun | undefined> {
  try {
    const resumed = await resumeRun(out, options);
    output.note(`Resuming ${out} from step ${resumed.resume.step}.`);
    for (const note of resumed.notes) output.remark(note);
    return resumed;
  } catch (error) {
    if (!(isGptError(error) && error.code === "no-checkpoint")) throw error;
    output.note(`${out} has no checkpoint yet: beginning.`);
    return undefined;
  }
}
