import { Option } from "commander";
import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";

const backends = {
  wasm: async () => (await import("@gpt/tensor/wasm")).wasm(),
  cpu: async () => (await import("@gpt/tensor/cpu")).cpu(),
} satisfies Record<string, () => Promise<Backend>>;

const names = Object.keys(backends) as (keyof typeof backends)[];

/** `--backend`, for commands that compute. */
export function backendOption(): Option {
  return new Option("--backend <name>", "where to compute").choices(names).default(names[0]);
}

/** Starts the backend that `--backend` names and chooses it. */
export async function startBackend(name: string): Promise<Backend> {
  const backend = await backends[name as keyof typeof backends]();
  useBackend(backend);
  return backend;
}
