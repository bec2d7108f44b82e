import { architectures, loadModelFrom, loadWeights, modelFiles, openWeights } from "@gpt/gpt";
import type { GPT } from "@gpt/gpt";
import { Linear, Module } from "@gpt/nn";
import { add, gelu, relu, silu } from "@gpt/tensor";
import type { LinearOptions, Tensor, Weight } from "@gpt/tensor";
import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { beforeEach, expect, test } from "vitest";
import { startBackend, tinyModel } from "../../test/fixtures.ts";
import { run, stepsOf } from "../../test/loop.ts";

beforeEach(async () => {
  await startBackend();
});

/** A linear layer, and beside it a product of two narrow ones that learns in its place (Hu et al. 2021). */
class LoRA extends Module {
  readonly base: Linear<Weight>;
  readonly narrow: Linear;
  readonly wide: Linear;
  constructor(base: Linear<Weight>, rank: number) {
    super();
    this.base = base;
    const [outputs, inputs] = base.weight.shape;
    this.narrow = new Linear(inputs, rank, { bias: false });
    this.wide = new Linear(rank, outputs, { bias: false, std: 0 });
  }
  forward(x: Tensor, { activation, residual }: LinearOptions = {}): Tensor {
    const y = this.base.forward(x, { residual: this.wide.forward(this.narrow.forward(x)) });
    const active = activation ? { gelu, relu, silu }[activation](y) : y;
    return residual ? add(active, residual) : active;
  }
}

/** Puts an adapter around every linear layer. Nothing else learns. */
function adapt(model: GPT): GPT {
  for (const parameter of model.parameters()) parameter.requiresGrad = false;
  const inBlock = ["attention.qkv", "attention.projection", "mlp.up", "mlp.down"];
  for (const path of ["head", ...model.blocks.flatMap((_, i) => inBlock.map((part) => `blocks.${i}.${part}`))]) {
    model.setSubmodule(path, new LoRA(model.getSubmodule(path) as Linear<Weight>, 2));
  }
  return model;
}

const valuesOf = (model: GPT): Record<string, Float32Array> =>
  Object.fromEntries(Array.from(model.stateDict(), ([path, tensor]) => [path, tensor.dataSync()]));

test("a model whose linear layers are all wrapped trains, is saved, and is loaded into one that is wrapped alike", async () => {
  const [model, plain] = [adapt(tinyModel({ initialStd: 0.5 })), tinyModel({ initialStd: 0.5 })];
  const losses = stepsOf(await run(model, { steps: 40, logEvery: 1 })).map(({ loss }) => loss);
  expect(losses.at(-1)).toBeLessThan(losses[0] - 0.1);
  const learnt = valuesOf(model);
  const kept = Object.entries(learnt).filter(([path]) => !/narrow|wide/.test(path));
  expect(Object.fromEntries(kept.map(([path, values]) => [path.replace(".base", ""), values]))).toEqual(valuesOf(plain));

  const folder = memoryFolder(await collect(modelFiles(model, architectures)), "adapted");
  const loaded = adapt(tinyModel({}, 9));
  const source = await openWeights(folder, architectures);
  await loadWeights(loaded, source);
  await source.close();
  expect(valuesOf(loaded)).toEqual(learnt);
  await expect(loadModelFrom(folder, architectures)).rejects.toMatchObject({
    code: "missing-tensor", message: expect.stringContaining('unexpected: "blocks.0.attention.projection.base.bias"') as string,
  });
});
