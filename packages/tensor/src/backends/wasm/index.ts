import type { Backend } from "../../contract/index.ts";
import { attention } from "./attention.ts";
import { checkSupport, startKernels, supportedBuild } from "./build.ts";
import type { WasmBuild } from "./build.ts";
import { elementwise } from "./elementwise.ts";
import { createMemory, Engine } from "./engine.ts";
import { indexing } from "./indexing.ts";
import { loss } from "./loss.ts";
import { matmul } from "./matmul.ts";
import { normalization } from "./normalization.ts";
import { optimizer } from "./optimizer.ts";
import { random } from "./random.ts";
import { reduce } from "./reduce.ts";

export { supportedBuild } from "./build.ts";
export type { WasmBuild } from "./build.ts";

export interface WasmOptions {
  /** Which build to run. Default: `supportedBuild()`. */
  readonly build?: WasmBuild;
  /**
   * Where to fetch the compiled kernels of the build from, `wasm-relaxed.wasm` or `wasm-simd.wasm` of this package,
   * instead of taking them from inside the script.
   */
  readonly wasmUrl?: string | URL;
}

/**
 * The fast backend for any machine: SIMD kernels in WebAssembly, in one memory of at most 4 GiB. Its name tells the
 * build, `wasm-relaxed` or `wasm-simd`, since their results differ in the last bits. Throws `backend-failure` where the
 * JavaScript engine lacks WebAssembly SIMD: then use `cpu`.
 */
export async function wasm({ build = supportedBuild(), wasmUrl }: WasmOptions = {}): Promise<Backend> {
  checkSupport(build);
  const memory = createMemory();
  const engine = new Engine(await startKernels(build, wasmUrl, memory), memory);
  return {
    name: engine.wasm.relaxed.value ? "wasm-relaxed" : "wasm-simd",
    kernels: {
      ...elementwise(engine),
      ...reduce(engine),
      ...matmul(engine),
      ...indexing(engine),
      ...normalization(engine),
      ...attention(engine),
      ...loss(engine),
      ...optimizer(engine),
      ...random(engine),
    },
    get memory() {
      return engine.use;
    },
    allocate: (byteLength) => engine.allocate(byteLength),
    free: (buffer) => engine.free(buffer),
    write: (view, data) => engine.write(view, data),
    read: async (view) => engine.read(view),
    readSync: (view) => engine.read(view),
    dispose: () => engine.dispose(),
  };
}
