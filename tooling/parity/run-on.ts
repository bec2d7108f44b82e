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
  afterAll(() => backend && finish(backend));
}

/** Disposes of a backend, and expects all that was allocated on it to be free. */
export function finish(backend: Backend): void {
  expect(backend.memory.liveBuffers, `buffers that were not freed on ${backend.name}`).toBe(0);
  backend.dispose();
}
