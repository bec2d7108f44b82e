import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { afterAll, beforeAll, expect } from "vitest";

type Start = () => Promise<Backend>;

/** What starts each backend that is compared with PyTorch, by name. */
export const backends: readonly (readonly [name: string, start: Start])[] = [
  ["cpu", () => cpu()],
  ["wasm (relaxed)", () => wasm({ build: "relaxed" })],
  ["wasm (simd)", () => wasm({ build: "simd" })],
];

/** Runs the tests of a `describe` on a backend of their own, and expects them to free all that they allocate. */
export function runOn(start: Start): void {
  let backend: Backend | undefined;
  beforeAll(async () => {
    backend = await start();
    useBackend(backend);
  });
  afterAll(() => {
    if (!backend) return;
    expect(backend.memory.liveBuffers, "buffers that the tests did not free").toBe(0);
    backend.dispose();
  });
}
