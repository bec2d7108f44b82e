import { architectures, classifierFrom, GPT } from "@gpt/gpt";
import { addLoRA } from "@gpt/gpt/lora";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { meta } from "@gpt/tensor/meta";
import { expect, test } from "vitest";
import { collect, patternedData } from "../test/fixtures.ts";
import type { Example } from "./data/examples.ts";
import { trainLastBlocks } from "./last-blocks.ts";
import { balanceExperts } from "./loop/experts.ts";
import type { TrainOptions } from "./loop/options.ts";
import { train } from "./loop/train.ts";
import { planTraining } from "./plan.ts";
import { classificationTask } from "./tasks/classification-task.ts";
import { nextTokenTask } from "./tasks/next-token-task.ts";
import { preferenceTask } from "./tasks/preference-task.ts";

const small = { vocabSize: 11, contextLength: 24, layers: 3, heads: 2, dim: 32 };
const lora = (model: GPT): GPT => {
  addLoRA(model, architectures, { rank: 4 });
  return model;
};
const last = (model: GPT): GPT => {
  trainLastBlocks(model, 1);
  return model;
};
const moe = (): GPT => {
  const norm = { type: "rms", epsilon: 1e-5 } as const;
  const expert = { type: "gated", hiddenDim: 16, gate: "silu" } as const;
  const mlp = { type: "experts", count: 4, active: 2, expert } as const;
  const block = { place: "pre", norm, attention: { heads: 2, kvHeads: 2, headDim: 16, rotary: { theta: 100 } }, mlp } as const;
  return new GPT({ vocabSize: 11, contextLength: 24, dim: 32, positions: "none", blocks: [block], finalNorm: norm, head: { type: "tied" } });
};

/** Examples of all lengths, the longest in the middle. */
const examples = Array.from({ length: 30 }, (_, i): Example => {
  const ids = Int32Array.from({ length: 3 + ((i * 7) % 20) }, (_, t) => (i + t) % 11);
  return { ids, mask: Uint8Array.from(ids, (_, t) => Number(t > 1)) };
});
const pairs = examples.map((chosen, i) => ({ chosen, rejected: examples[(i + 11) % 30], reference: [-1, -2] as const }));
const labelled = examples.map(({ ids }, i) => ({ ids, label: i % 2 }));

const runs: Readonly<Record<string, readonly [make: () => GPT, options: Partial<TrainOptions>]>> = {
  windows: [() => new GPT(small), { data: patternedData(), accumulationSteps: 2 }],
  Muon: [() => new GPT(small), { data: patternedData(), optimizer: "muon" }],
  "blocks that are computed again": [() => new GPT({ ...small, dropout: 0.1 }), { data: patternedData(), checkpointBlocks: true }],
  experts: [moe, { data: patternedData(), experts: balanceExperts() }],
  "the last block": [() => last(new GPT(small)), { task: nextTokenTask({ train: examples }) }],
  "packed examples": [() => new GPT(small), { task: nextTokenTask({ train: examples }, { packTokens: 24 }) }],
  "an adapter of a model in few bits": [() => lora(new GPT(small, { dtype: "int8" })), { task: nextTokenTask({ train: examples }) }],
  labels: [() => classifierFrom(new GPT(small), ["a", "b"]), { task: classificationTask({ train: labelled }) }],
  preferences: [() => lora(new GPT(small)), { task: preferenceTask({ train: pairs }), checkpointBlocks: true }],
};

test.each(Object.entries(runs))("says exactly what training takes: %s", async (_, [make, more]) => {
  const options = { steps: 8, batchSize: 4, logEvery: 8, ...more };
  const plan = await planTraining(useBackend(meta(), make), options);
  expect(plan.weights + plan.optimizer + plan.activations).toBe(plan.peak);
  const backend = await cpu();
  useBackend(backend);
  const model = make();
  expect(backend.memory.liveBytes).toBe(plan.weights);
  await collect(train(model, options));
  expect(backend.memory.peakBytes).toBe(plan.peak);
});

test("needs a model without values, and says what is wrong with options as train does", async () => {
  useBackend(await cpu());
  await expect(planTraining(new GPT(small), { data: patternedData(), steps: 1 })).rejects.toThrow(
    "a plan needs a model of the backend meta: useBackend(meta(), () => new GPT(config))",
  );
  const planned = useBackend(meta(), () => new GPT(small));
  await expect(planTraining(planned, { data: patternedData(), steps: 1, contextLength: 25 })).rejects.toThrow("contextLength 25 exceeds");
});
