import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import type { WasmBuild } from "@gpt/tensor/wasm";

/** How our backend is started. */
export interface OursSetup {
  readonly threads: number;
  readonly build?: WasmBuild;
  readonly revectorized?: boolean;
}

/** Flags of Node for `revectorized`: without the baseline compiler, which fuses nothing. */
export const fusedVectors = ["--experimental-wasm-revectorize", "--no-liftoff"];

export async function startOurs({ threads, build, revectorized }: OursSetup): Promise<Backend> {
  const backend = await wasm({ threads, build, revectorized });
  useBackend(backend);
  return backend;
}
