import { describe, expect, test } from "vitest";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { checkRaggedBatch } from "../test/batches.ts";

describe.each([["cpu", cpu], ["wasm", wasm]] as const)("on %s", (_, start) => {
  test.each([
    ["all at once", 1, {}],
    ["a few tokens a step", 2, { stepTokens: 9, maxSequences: 7 }],
    ["little room", 3, { maxSequences: 3, cacheTokens: 700, stepTokens: 33 }],
  ])("sequences of 1 to 300 tokens give together what they give alone: %s", async (_, seed, options) => {
    const backend = await start();
    await checkRaggedBatch(backend, seed, options);
    expect(backend.memory.liveBuffers).toBe(0);
  });
});
