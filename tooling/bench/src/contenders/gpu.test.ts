import assert from "node:assert/strict";
import { test } from "node:test";
import { gpuEnvironment } from "@gpt/testing/gpu";
import { resolveConfig } from "@gpt/gpt";
import { Contender } from "../harness/contender.ts";
import { randomTokens, weightShapes } from "../models/weights.ts";
import { inputsOf } from "../models/work.ts";
import type { Work } from "../models/work.ts";
import type { DecodingResult } from "./decoding.ts";
import type { GPUReport } from "./ours-backend.ts";
import type { ProductResult } from "./product.ts";
import type { TrainingResult, TrainingSetup } from "./training.ts";

const environment = await gpuEnvironment();
const config = resolveConfig({ vocabSize: 65, dropout: 0, layers: 1, heads: 2, dim: 32, contextLength: 16 });
const gpu = { profile: true };
const timeout = 240_000;

function checkReport(report: GPUReport | undefined, reads: number): void {
  assert.equal(report?.work.reads, reads);
  assert.ok(report.kernels.every(({ milliseconds }) => milliseconds >= 0));
  const calls = report.kernels.reduce((sum, kernel) => sum + kernel.calls, 0);
  assert.equal(calls, report.work.calls, "every call has its time");
}

test("training on WebGPU has the losses of WebAssembly, and a profile", { timeout }, async () => {
  const [batch, context] = [2, 16];
  const optimizer = { learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1, clip: 1 };
  const tokens = randomTokens(batch * context + 1, config.vocabSize);
  const parameters = weightShapes(config);
  const setup: TrainingSetup = { config, weights: "", parameters, batch, context, tokens, threads: 1, optimizer };
  const train = async (backend: object): Promise<TrainingResult> => {
    const program = { name: "ours", file: "train-ours.ts", setup: { ...setup, ...backend }, environment };
    const contender = await Contender.start(program);
    try {
      for (let step = 0; step < 2; step++) await contender.ask({ milliseconds: 0 });
      return (await contender.ask({ milliseconds: 0 })) as TrainingResult;
    } finally {
      await contender.close();
    }
  };
  const [own, other] = [await train({ gpu }), await train({})];
  assert.equal(own.losses.length, 3);
  for (const [i, loss] of own.losses.entries()) assert.ok(Math.abs(loss - other.losses[i]) < 1e-4 * loss);
  checkReport(own.gpu, 1);
  assert.equal(other.gpu, undefined);
});

test("generation on WebGPU writes the tokens of WebAssembly, and has a profile", { timeout }, async () => {
  const decode = async (backend: object): Promise<DecodingResult> => {
    const setup = { config, threads: 1, ...backend };
    const contender = await Contender.start({ name: "ours", file: "decode-ours.ts", setup, environment });
    try {
      return (await contender.ask({ prompt: [1], tokens: 8 })) as DecodingResult;
    } finally {
      await contender.close();
    }
  };
  const [own, other] = [await decode({ gpu }), await decode({})];
  assert.deepEqual(own.ids, other.ids);
  checkReport(own.gpu, 8);
});

test("a product on WebGPU in Node has the elements that it should", { timeout }, async () => {
  const work: Work = { kind: "product", m: 4, k: 32, n: 16 };
  const contender = await Contender.start({ name: "ours", file: "work-ours.ts", setup: { work, milliseconds: 0 }, environment });
  try {
    const { times, probes } = (await contender.ask({})) as ProductResult;
    const [a, b] = inputsOf(work).map(({ values }) => values);
    // 64 places of 64 elements: all of them.
    for (const [i, probe] of probes.entries()) {
      let sum = 0;
      for (let j = 0; j < work.k; j++) sum += a[Math.floor(i / work.n) * work.k + j] * b[j * work.n + (i % work.n)];
      assert.ok(Math.abs(sum - probe) < 1e-5);
    }
    assert.equal(times.length, 1);
  } finally {
    await contender.close();
  }
});
