import type { GPT, ModelPlan } from "@gpt/gpt";
import { loadModel, planModel, resolveModelDirectory } from "@gpt/gpt/node";
import { startBackend } from "./backend.ts";
import type { BackendOptions, DTypeOptions } from "./backend.ts";
import { checkMemory } from "./memory.ts";
import type { Need } from "./memory.ts";
import type { Output } from "./output.ts";

export interface ModelOptions extends BackendOptions, DTypeOptions {
  readonly model: string;
}

/** The model that `--model` names, on the backend, with the folder that it is in; refused where it cannot fit. */
export async function openModel(
  options: ModelOptions,
  needOf: (plan: ModelPlan) => Need,
  output: Output,
): Promise<{ model: GPT; directory: string }> {
  const directory = await resolveModelDirectory(options.model);
  const plan = await planModel(directory, { dtype: options.dtype });
  const backend = await startBackend(options, output);
  checkMemory(needOf(plan), backend, output);
  const onNote = (note: string): void => output.remark(note);
  return { directory, model: await loadModel(directory, { dtype: options.dtype, onNote }) };
}
