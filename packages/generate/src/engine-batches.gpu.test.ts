import { expect, test } from "vitest";
import { webgpu } from "@gpt/tensor/webgpu";
import { checkRaggedBatch } from "../test/batches.ts";

test("on webgpu, sequences of 1 to 300 tokens give together what they give alone", async () => {
  const backend = await webgpu();
  await checkRaggedBatch(backend, 2, { maxSequences: 5, stepTokens: 64, maxTokens: 8 });
  expect(backend.memory.liveBuffers).toBe(0);
  backend.dispose();
});
