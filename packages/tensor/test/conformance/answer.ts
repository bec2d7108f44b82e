import { Runner } from "./runner.ts";
import type { Kernel } from "./runner.ts";
import type { Setup } from "./setup.ts";

/** What a place is asked: to start, and then to run kernels. */
export type Question = { readonly setup: Setup } | { readonly kernel: Kernel };

let runner: Runner | undefined;

/** Answers in this process, page or Worker: with the capabilities, or with what the cases about a kernel found. */
export async function answer(question: Question): Promise<unknown> {
  if ("setup" in question) {
    runner = await Runner.start(question.setup);
    return runner.capabilities;
  }
  if (!runner) throw new Error("the suite was not started");
  return runner.run(question.kernel);
}
