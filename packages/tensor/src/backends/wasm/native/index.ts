import { startBackend } from "../backend.ts";
import type { StartOptions, WasmBackend, WasmOptions } from "../backend.ts";
import { findLibrary } from "./find.ts";
import { libraryProducts } from "./products.ts";

export interface NativeOptions extends Pick<WasmOptions, "threads" | "build"> {
  /**
   * The path of a BLAS, or its name where the system looks for libraries. Default: the one that the environment variable
   * `GPT_BLAS` names; else the system's: Accelerate on macOS, elsewhere OpenBLAS, MKL or BLIS.
   */
  readonly library?: string;
}

/** What the backend `native` has beside what `wasm` has. */
export interface NativeBackend extends WasmBackend {
  /** The library that makes products, with its version. */
  readonly library: string;
}

/**
 * The backend `wasm`, with matrix products by the machine's own BLAS: for Node, Bun and Deno, where WebAssembly's vectors of
 * 128 bits are a half or a quarter of what the processor has. The library is called by the npm package `koffi`, or by
 * `node:ffi` where Node has it, on the backend's own memory and threads.
 *
 * The name tells the library, its version and the number of threads: results are the same bits where these and the processor
 * are the same, and differ in the last bits elsewhere. Throws `backend-failure` where there is no library, and says what to
 * install, and for the reasons that `wasm` has.
 */
export async function native(options: NativeOptions = {}): Promise<NativeBackend> {
  return startNative(options);
}

/** See `native`. `smallest` is how few multiply-adds a product may have that the library makes. */
export async function startNative(
  { library: path, threads, build }: NativeOptions, { minPart, smallest }: Pick<StartOptions, "minPart"> & { smallest?: number } = {},
): Promise<NativeBackend> {
  const found = findLibrary(path, import.meta.url, threads !== 1);
  const backend = await startBackend({ threads, build }, { minPart, products: libraryProducts(found, smallest) });
  return Object.defineProperty(backend, "library", { value: found.library.name, enumerable: true }) as NativeBackend;
}
