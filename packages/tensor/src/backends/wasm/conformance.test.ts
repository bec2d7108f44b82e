import { describe, expect, test } from "vitest";
import { checkCase, conformanceCases } from "../../testing/index.ts";
import { startBackend } from "./backend.ts";

const builds = ["relaxed", "simd"] as const;
const setups = builds.flatMap((build) => [1, 2, 3].map((threads) => ({ build, threads })));

describe.each(setups)("$build, threads: $threads", async (setup) => {
  // Cases are small: threads share all work that can be divided.
  const backend = await startBackend(setup, 1);

  test.each(conformanceCases())("$kernel: $name", async (subject) => {
    await checkCase(subject, backend);
    expect(backend.memory.liveBuffers).toBe(0);
  });
});
