import fc from "fast-check";
import { GPT, resolveConfig } from "@gpt/gpt";
import type { AttentionConfig, BlockConfig, GatedConfig, GPTConfig, MLPConfig, NormConfig, RotaryConfig } from "@gpt/gpt";
import { onnxFiles } from "@gpt/gpt/onnx";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { collect } from "@gpt/testing/memory-folder";
import * as ort from "onnxruntime-node";
import { beforeAll, expect, test } from "vitest";
import { activationNames } from "../../../packages/gpt/src/activations.ts";
import { difference, logitsOf } from "./compare.ts";
import { read } from "./onnx-runtime.ts";

beforeAll(async () => {
  useBackend(await cpu());
});

const flag = fc.boolean();
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const factor = fc.constantFrom(0.5, 1, 4, 32);

const norm: fc.Arbitrary<NormConfig> = fc.record({ type: fc.constantFrom("layer", "rms"), epsilon: fc.constantFrom(1e-6, 1e-5, 0.1) });

const rotary: fc.Arbitrary<RotaryConfig> = fc.record({
  theta: fc.constantFrom(2, 100, 10_000, 5e5),
  scaling: maybe(fc.oneof(
    fc.record({ type: fc.constant("linear" as const), factor }),
    fc.record({
      type: fc.constant("llama3" as const), factor, lowFrequencyFactor: fc.constant(1),
      highFrequencyFactor: fc.constantFrom(1, 4), originalContext: fc.constantFrom(4, 64),
    }),
    fc.record({
      type: fc.constant("yarn" as const), factor, originalContext: fc.constantFrom(4, 64), betaFast: fc.constantFrom(4, 32),
      betaSlow: fc.constant(1), attentionFactor: maybe(fc.constantFrom(0.5, 1.3)), truncate: flag,
    }),
  )),
});

const attention: fc.Arbitrary<AttentionConfig> = fc.record({
  group: fc.integer({ min: 1, max: 3 }), kvHeads: fc.integer({ min: 1, max: 3 }), half: fc.integer({ min: 1, max: 5 }),
  bias: flag, outputBias: flag, sinks: flag, scale: maybe(fc.constantFrom(0.1, 1)), window: maybe(fc.integer({ min: 1, max: 12 })),
  headNorm: maybe(norm), rotary: maybe(rotary),
}).map(({ group, kvHeads, half, ...rest }) => ({ ...rest, kvHeads, heads: group * kvHeads, headDim: 2 * half }));

const hiddenDim = fc.integer({ min: 1, max: 40 });
const gated: fc.Arbitrary<GatedConfig> = fc.record({
  type: fc.constant("gated"), hiddenDim, bias: flag, gate: fc.oneof(fc.constant("silu" as const), fc.constant({ alpha: 1.702, limit: 0.5 })),
});
const single = fc.oneof(
  gated, fc.record({ type: fc.constant("dense" as const), hiddenDim, bias: flag, activation: fc.constantFrom(...activationNames) }),
);
const mlp: fc.Arbitrary<MLPConfig> = fc.oneof(
  { weight: 2, arbitrary: single },
  fc.record({ count: fc.integer({ min: 1, max: 5 }), share: fc.double({ min: 0, max: 1, noNaN: true }), expert: single, routerBias: flag })
    .map(({ share, ...rest }) => ({ ...rest, type: "experts" as const, active: Math.max(1, Math.round(share * rest.count)) })),
);

const block: fc.Arbitrary<BlockConfig> = fc.record({ place: fc.constantFrom("pre", "post"), norm, attention, mlp });

const config: fc.Arbitrary<GPTConfig> = fc.record({
  vocabSize: fc.integer({ min: 2, max: 40 }), contextLength: fc.constant(16), dim: fc.integer({ min: 1, max: 40 }),
  positions: fc.constantFrom("learned", "sinusoidal", "none"), blocks: fc.array(block, { minLength: 1, maxLength: 3 }),
  finalNorm: maybe(norm), head: fc.record({ type: fc.constantFrom("tied", "linear") }), initialStd: fc.constant(0.3),
}).map((config) => resolveConfig(JSON.parse(JSON.stringify(config)) as GPTConfig));

const tokens = 13;
const input = fc.record({
  config, dtype: fc.constantFrom("f32", "int8"), seed: fc.nat(1000), cut: fc.integer({ min: 1, max: tokens }), padding: fc.nat(3),
});

test("random configurations give our logits, by a cache and behind padding", async () => {
  await fc.assert(fc.asyncProperty(input, async ({ config, dtype, seed, cut, padding }) => {
    const model = new GPT(config, { seed, dtype }).eval();
    const ids = Array.from({ length: tokens }, (_, i) => (seed * 7 + i * i * 3) % config.vocabSize);
    const ours = logitsOf(model, ids);
    const file = (await collect(onnxFiles(model, { dtype })))[dtype === "f32" ? "model.onnx" : "model_quantized.onnx"];
    const session = await ort.InferenceSession.create(file, {
      intraOpNumThreads: 1, extra: { session: { qdq_matmulnbits_accuracy_level: "1" } },
    });
    const pad = Array<number>(padding).fill(0);
    const mask = [...pad, ...ids.map(() => 1)];
    const positions = [...pad, ...ids.keys()];
    const all = [...pad, ...ids];
    const end = padding + cut;
    const first = await read(ort, session, { ids: [all.slice(0, end)], positions: [positions.slice(0, end)], mask: [mask.slice(0, end)] });
    const second = cut === tokens
      ? undefined
      : await read(ort, session, { ids: [all.slice(end)], positions: [positions.slice(end)], mask: [mask] }, first.past);
    const flat = [...first.logits, ...(second?.logits ?? [])];
    const theirs = ids.map((_, i) => flat.slice((padding + i) * config.vocabSize, (padding + i + 1) * config.vocabSize));
    const largest = Math.max(1, ...ours.flat().map(Math.abs));
    expect(difference(theirs, ours) / largest).toBeLessThan(1e-4);
    await session.release();
    model.dispose();
  }), { numRuns: process.env.GPT_VERIFY ? 1000 : 60 });
});
