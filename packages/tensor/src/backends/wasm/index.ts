import type { Backend } from "../../contract/index.ts";
import { startBackend } from "./backend.ts";
import type { WasmOptions } from "./backend.ts";

export type { WasmOptions } from "./backend.ts";
export { supportedBuild } from "./build.ts";
export type { WasmBuild } from "./build.ts";

/**
 * The fast backend for any machine: SIMD kernels in WebAssembly on several threads, in one memory of at most 4 GiB. Its
 * name tells the build, `wasm-relaxed` or `wasm-simd`, since their results differ in the last bits. Throws
 * `backend-failure` where the JavaScript engine lacks WebAssembly SIMD (then use `cpu`), where more than one thread is
 * asked for and cannot be had, and where a worker does not start; kernels throw it once a worker was lost.
 */
export async function wasm(options: WasmOptions = {}): Promise<Backend> {
  return startBackend(options);
}
