import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { UsageError } from "./errors.ts";

const backends: Record<string, () => Promise<Backend>> = {
  wasm: async () => (await import("@gpt/tensor/wasm")).wasm(),
  cpu: async () => (await import("@gpt/tensor/cpu")).cpu(),
};

/** The values of `--backend`, the default one first. */
export const backendNames = Object.keys(backends);

/** Starts the backend that `--backend` names and chooses it. */
export async function startBackend(name: string): Promise<Backend> {
  if (!Object.hasOwn(backends, name)) {
    throw new UsageError(`there is no backend "${name}"; there are ${backendNames.join(", ")}`);
  }
  const backend = await backends[name]();
  useBackend(backend);
  return backend;
}
