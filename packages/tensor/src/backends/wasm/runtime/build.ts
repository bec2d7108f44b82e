import { TensorError } from "../../../errors.ts";
import type { WasmExports } from "../../../generated/wasm-exports.ts";
import type { ProviderKernels, WorkerKernels } from "./provider.ts";

/** Which instructions the kernels are compiled for: `relaxed` multiplies and adds in one, `simd` is plain SIMD. */
export type WasmBuild = "relaxed" | "simd";

/** A body that holds one instruction of each set: `f32x4.relaxed_madd`, `f32x4.abs`. */
const probes: Record<WasmBuild, readonly number[]> = {
  relaxed: [0x20, 0, 0x20, 0, 0x20, 0, 0xfd, 0x85, 0x02],
  simd: [0x20, 0, 0xfd, 0xe0, 0x01],
};

/** The faster of the builds that this engine can run. Throws `backend-failure` where it has no SIMD. */
export function supportedBuild(): WasmBuild {
  if (isSupported("relaxed")) return "relaxed";
  checkSupport("simd");
  return "simd";
}

/** Throws `backend-failure` where this engine cannot run a build. */
export function checkSupport(build: WasmBuild): void {
  if (isSupported(build)) return;
  throw failure(
    build === "relaxed"
      ? 'this JavaScript engine has no relaxed SIMD; use the build "simd"'
      : "this JavaScript engine has no WebAssembly SIMD; use a newer one, or the backend cpu: " +
          '`import { cpu } from "@gpt/tensor/cpu"; useBackend(await cpu())`',
  );
}

/** The kernels of a thread: the compiled ones, and those that a provider of products adds. */
export type ThreadKernels = WasmExports & Partial<ProviderKernels>;

/** Kernels that run on a memory, and what others need to run them too. */
export interface StartedKernels {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly exports: ThreadKernels;
  /** What workers add to the compiled kernels. Default: nothing. */
  readonly added?: WorkerKernels;
}

/** Starts the kernels of a build, from inside this package or from a URL, on a memory. */
export async function startKernels(
  build: WasmBuild, wasmUrl: string | URL | undefined, memory: WebAssembly.Memory,
): Promise<StartedKernels> {
  const binary = wasmUrl === undefined ? fromBase64(await embeddedKernels(build)) : await fetchBinary(wasmUrl);
  declareMemory(binary, memory);
  try {
    const { module, instance } = await WebAssembly.instantiate(binary, { env: { memory } });
    return { module, memory, exports: instance.exports as unknown as WasmExports };
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw failure(
      wasmUrl === undefined
        ? `the kernels do not start: ${problem}; where a content security policy forbids it, allow 'wasm-unsafe-eval'`
        : `${wasmUrl} holds no kernels that start: ${problem}`,
      { cause },
    );
  }
}

/** Each build is a module of its own, so that only one is loaded. */
async function embeddedKernels(build: WasmBuild): Promise<string> {
  const { base64 } =
    build === "relaxed"
      ? await import("../../../generated/wasm-relaxed.ts")
      : await import("../../../generated/wasm-simd.ts");
  return base64;
}

/** The bytes that a generated module holds. */
export function fromBase64(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

async function fetchBinary(url: string | URL): Promise<Uint8Array<ArrayBuffer>> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw failure(`${url} cannot be fetched`, { cause });
  }
  if (!response.ok) throw failure(`${url} cannot be fetched: status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/**
 * Makes a binary one for a memory. Kernels use no atomic instructions: those on shared memory differ from others in one bit of
 * its declaration, so that one binary serves both.
 */
export function declareMemory(binary: Uint8Array, memory: WebAssembly.Memory): void {
  if (memory.buffer instanceof ArrayBuffer) return;
  // The names of the import, by length and bytes, and that it is a memory; flags come next.
  const declaration = "\x03env\x06memory\x02";
  const start = new TextDecoder("latin1").decode(binary).indexOf(declaration);
  if (start >= 0) binary[start + declaration.length] |= 2;
}

function isSupported(build: WasmBuild): boolean {
  return typeof WebAssembly === "object" && WebAssembly.validate(probeModule(probes[build]));
}

/** A module with one function from vector to vector. */
function probeModule(body: readonly number[]): BufferSource {
  const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  const types = [1, 6, 1, 0x60, 1, 0x7b, 1, 0x7b];
  const functions = [3, 2, 1, 0];
  const code = [10, body.length + 4, 1, body.length + 2, 0, ...body, 0x0b];
  return Uint8Array.from([...header, ...types, ...functions, ...code]);
}

function failure(problem: string, options?: ErrorOptions): TensorError {
  return new TensorError("backend-failure", `wasm: ${problem}`, options);
}
