import type { WasmOptions } from "../../src/backends/wasm/index.ts";
import type { NativeOptions } from "../../src/backends/wasm/native/index.ts";
import type { WebGPUOptions } from "../../src/backends/webgpu/index.ts";
import type { Backend } from "../../src/contract/index.ts";
import { withoutFusedKernels } from "../../src/testing/index.ts";
import type { Capabilities } from "../../src/testing/index.ts";
import type { Sample } from "./sample.ts";

interface Run {
  /** What the backend has. Default: everything. */
  readonly capabilities?: Partial<Capabilities> | "observed";
  /** Which cases of each kernel to run alone, where the suite runs in full in another place that differs little. Default: all. */
  readonly sample?: Sample;
  /** Whether fused kernels are hidden: then what they do is composed. Default false. */
  readonly composed?: boolean;
}

/** How to run the conformance suite, and on which backend. */
export type Setup = Run & (
  | { readonly backend: "cpu" }
  | { readonly backend: "wasm"; readonly options?: WasmOptions }
  | { readonly backend: "native"; readonly options?: NativeOptions }
  | { readonly backend: "webgpu"; readonly options?: WebGPUOptions; readonly limits?: "default" }
);

/** Starts the backend; only that one is loaded. */
export async function start(setup: Setup): Promise<Backend> {
  const backend = await startWhole(setup);
  return setup.composed ? withoutFusedKernels(backend) : backend;
}

async function startWhole(setup: Setup): Promise<Backend> {
  switch (setup.backend) {
    case "cpu": {
      const { cpu } = await import("../../src/backends/cpu/index.ts");
      return cpu();
    }
    case "wasm": {
      const { startBackend } = await import("../../src/backends/wasm/backend.ts");
      // Cases are small: threads share all work that can be divided.
      return startBackend(setup.options ?? {}, { minPart: 1 });
    }
    case "native": {
      const { startNative } = await import("../../src/backends/wasm/native/index.ts");
      return startNative(setup.options ?? {}, { minPart: 1, smallest: 1 });
    }
    case "webgpu": {
      const { webgpu } = await import("../../src/backends/webgpu/index.ts");
      if (!setup.limits) return webgpu(setup.options);
      const { defaultGPU } = await import("../default-gpu.ts");
      return webgpu({ ...setup.options, gpu: await defaultGPU() });
    }
  }
}
