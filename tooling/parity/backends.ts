import type { Backend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";

/** What starts each backend that is compared with PyTorch, by name. */
export const backends: readonly (readonly [name: string, start: () => Promise<Backend>])[] = [
  ["cpu", () => cpu()],
  ["wasm (relaxed)", () => wasm({ build: "relaxed" })],
  ["wasm (simd)", () => wasm({ build: "simd" })],
];
