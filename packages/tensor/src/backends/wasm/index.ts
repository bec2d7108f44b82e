import type { Backend } from "../../contract/index.ts";
import { TensorError } from "../../errors.ts";

/** The instruction sets that the kernels are compiled for: `relaxed` has fused multiply-add, `simd` runs everywhere. */
export type WasmBuild = "relaxed" | "simd";

export interface WasmOptions {
  /** Where to fetch the compiled kernels from, instead of those inside this package: for a strict CSP. */
  readonly wasmUrl?: string | URL;
  /** Which build to run. Default: `relaxed` where the engine has it. */
  readonly build?: WasmBuild;
}

/** The WebAssembly backend. */
export async function wasm(options: WasmOptions = {}): Promise<Backend> {
  throw new TensorError("backend-failure", `wasm: the build ${options.build ?? "relaxed"} is not compiled yet; use cpu`);
}
