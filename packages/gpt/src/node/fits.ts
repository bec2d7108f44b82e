import { totalmem } from "node:os";
import type { Backend } from "@gpt/tensor";
import type { ModelPlan } from "../folder/load.ts";
import { weightBytesOf } from "../model.ts";

/** Whether a backend, and the machine where its memory is the machine's, can hold a model's weights at all. */
export function fits({ config, dtypes }: ModelPlan, { memory, adapter }: Backend & { readonly adapter?: string }): boolean {
  const { maxBytes = Infinity, liveBytes } = memory;
  // 0, or more than there is, where nothing limits this process.
  const machine = adapter === undefined ? Math.min(totalmem(), process.constrainedMemory() || Infinity) : Infinity;
  return weightBytesOf(config, dtypes) <= Math.min(maxBytes - liveBytes, machine);
}
