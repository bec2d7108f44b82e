import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { native } from "@gpt/tensor/native";
import { wasm } from "@gpt/tensor/wasm";
import type { WasmBuild } from "@gpt/tensor/wasm";
import { webgpu } from "@gpt/tensor/webgpu";
import type { GPUWork, KernelTime, WebGPUOptions } from "@gpt/tensor/webgpu";

/** How our backend is started. */
export interface OursSetup {
  readonly threads: number;
  readonly build?: WasmBuild;
  readonly revectorized?: boolean;
  /** Products by the machine's BLAS. */
  readonly native?: boolean;
  /** WebGPU instead of WebAssembly. */
  readonly gpu?: Pick<WebGPUOptions, "profile">;
}

/** What a GPU did between two moments. */
export interface GPUReport {
  readonly work: GPUWork;
  /** Where the backend was started with `profile`. */
  readonly kernels: readonly KernelTime[];
}

export interface Ours {
  readonly backend: Backend;
  /** The backend's name, or the adapter's. */
  readonly version: string;
  /** What the GPU did since it was asked the last time; undefined where there is none. */
  report(): Promise<GPUReport | undefined>;
}

/** Flags of Node for `revectorized`: without the baseline compiler, which fuses nothing. */
export const fusedVectors = ["--experimental-wasm-revectorize", "--no-liftoff"];

export async function startOurs({ threads, build, revectorized, native: callsLibrary, gpu }: OursSetup): Promise<Ours> {
  if (gpu) return startGPU(gpu);
  const backend = await (callsLibrary ? native({ threads, build }) : wasm({ threads, build, revectorized }));
  useBackend(backend);
  return { backend, version: backend.name, report: () => Promise.resolve(undefined) };
}

async function startGPU(options: WebGPUOptions): Promise<Ours> {
  const backend = await webgpu(options);
  useBackend(backend);
  let before = backend.work;
  return {
    backend,
    version: backend.adapter,
    async report() {
      const kernels = await backend.profile();
      const now = backend.work;
      const work = {
        calls: now.calls - before.calls,
        submissions: now.submissions - before.submissions,
        reads: now.reads - before.reads,
      };
      before = now;
      return { work, kernels };
    },
  };
}
