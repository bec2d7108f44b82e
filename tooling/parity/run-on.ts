import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { afterAll, beforeAll, expect } from "vitest";

/** Runs the tests of a `describe` on a backend of their own, and expects them to free all that they allocate. */
export function runOn(start: () => Promise<Backend>): void {
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
