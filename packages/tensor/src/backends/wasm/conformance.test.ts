import { describe, expect, test } from "vitest";
import { checkCase, conformanceCases } from "../../testing/index.ts";
import { wasm } from "./index.ts";

describe.each(["relaxed", "simd"] as const)("%s", async (build) => {
  const backend = await wasm({ build });

  test.each(conformanceCases())("$kernel: $name", async (subject) => {
    await checkCase(subject, backend);
    expect(backend.memory.liveBuffers).toBe(0);
  });
});
