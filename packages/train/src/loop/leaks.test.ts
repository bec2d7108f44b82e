import { expect, test } from "vitest";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { patternedData, tinyModel } from "../../test/fixtures.ts";
import { train } from "./train.ts";

const backends = { cpu, wasm: () => wasm({ threads: 1 }), "wasm on two threads": () => wasm({ threads: 2 }) };

test.each(Object.keys(backends) as (keyof typeof backends)[])("1,000 steps leak no buffer: %s", async (name) => {
  const backend = await backends[name]();
  useBackend(backend);
  const model = tinyModel({ dropout: 0.1, attentionDropout: 0.1 });
  const [before, after] = [new Set<string>(), new Set<string>()];
  const steps = { steps: 1000, batchSize: 2, learningRate: 0.01, logEvery: 1, evaluateEvery: 200 };
  for await (const event of train(model, { data: patternedData(), ...steps })) {
    if (event.type === "step") (event.step <= steps.evaluateEvery ? before : after).add(JSON.stringify(backend.memory));
  }
  // The peak, too, is that of the first step, and then that of the first evaluation: nothing grows.
  expect([before.size, after.size]).toEqual([1, 1]);
  expect(backend.memory.liveBuffers).toBe(1); // All parameters lie in one.
  model.dispose();
  expect(backend.memory).toMatchObject({ liveBuffers: 0, liveBytes: 0 });
  backend.dispose();
});
