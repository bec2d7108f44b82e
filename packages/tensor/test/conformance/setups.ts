import { onSwiftShader } from "@gpt/testing/gpu";
import type { Setup } from "./setup.ts";

/** WebGPU. SwiftShader flushes subnormal numbers; no adapter tells in time that an index is outside. GPUs differ. */
export const onGPU: Setup & { readonly backend: "webgpu" } = {
  backend: "webgpu",
  capabilities: onSwiftShader ? { subnormals: false, indexErrors: false } : "observed",
};
