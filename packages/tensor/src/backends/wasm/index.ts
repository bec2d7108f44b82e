import { startBackend } from "./backend.ts";
import type { WasmBackend, WasmOptions } from "./backend.ts";

export type { WasmBackend, WasmOptions } from "./backend.ts";
export { maxBytes as wasmMaxBytes } from "./runtime/engine.ts";
export { supportedBuild } from "./runtime/build.ts";
export type { WasmBuild } from "./runtime/build.ts";

/**
 * The fast backend for any machine: SIMD kernels in WebAssembly on several threads, in one memory of at most 4 GiB. Its
 * name tells the build, `wasm-relaxed` or `wasm-simd`, since their results differ in the last bits. Throws
 * `backend-failure` where the JavaScript engine lacks WebAssembly SIMD (then use `cpu`), and where more than one thread, or
 * a worker's script, is asked for and cannot be had; kernels throw it once a worker was lost.
 */
export async function wasm(options: WasmOptions = {}): Promise<WasmBackend> {
  return startBackend(options);
}
