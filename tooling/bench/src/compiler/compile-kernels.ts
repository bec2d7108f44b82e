/**
 * Trains a model for a step and writes some tokens, for the kernels that this takes, each of which is announced before it
 * is compiled. Nothing is computed where the GPU is not there.
 */
import { writeSync } from "node:fs";
import { createRequire } from "node:module";
import { streamTokens } from "@gpt/generate";
import { GPT, preset } from "@gpt/gpt";
import { cacheDTypes, useBackend, weightDTypes } from "@gpt/tensor";
import { webgpu } from "@gpt/tensor/webgpu";
import { tokensInMemory, train } from "@gpt/train";
import { randomTokens } from "../models/weights.ts";
import { announce } from "./radv.ts";

/** One of the layers of GPT-2 124M: the others are the same. */
const config = preset("gpt2", { layers: 1, dropout: 0, attentionDropout: 0 });
const batchSize = 8;

/** What is used of the npm package `webgpu`, which stands beside the tensors. */
interface Dawn {
  readonly globals: { readonly GPUDevice: { readonly prototype: GPUDevice } };
}

/** Announces what devices compile, and lets them compile one program after the other. */
const { globals } = createRequire(import.meta.resolve("@gpt/tensor"))("webgpu") as Dawn;
globals.GPUDevice.prototype.createComputePipelineAsync = function (descriptor) {
  writeSync(process.stderr.fd, announce(descriptor.label ?? ""));
  return Promise.resolve(this.createComputePipeline(descriptor));
};

const backend = await webgpu();
useBackend(backend);

const model = new GPT(config, { seed: 1 });
const tokens = tokensInMemory(Int32Array.from(randomTokens(batchSize * config.contextLength + 1, config.vocabSize)));
for await (const event of train(model, { data: { train: tokens }, steps: 1, batchSize })) void event;
model.dispose();

for (const dtype of weightDTypes) {
  const model = new GPT(config, { seed: 1, dtype });
  const cacheDtype = cacheDTypes.find((other) => other === dtype);
  const sampling = { maxTokens: 3, temperature: 0.8, topK: 40, topP: 0.9, cacheDtype };
  for await (const event of streamTokens(model, randomTokens(600, config.vocabSize), sampling)) void event;
  model.dispose();
}
process.stdout.write(backend.adapter);
process.exit(0); // Dawn would wait for a device that never finishes.
