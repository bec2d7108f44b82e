import { architectures, loadModelFrom, loadWeights, modelFiles, openWeights } from "@gpt/gpt";
import type { GPT } from "@gpt/gpt";
import { addLoRA } from "@gpt/gpt/lora";
import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { beforeEach, expect, test } from "vitest";
import { startBackend, tinyModel } from "../../test/fixtures.ts";
import { run, stepsOf } from "../../test/loop.ts";

beforeEach(async () => {
  await startBackend();
});

/** Puts an adapter around every linear layer, the head's too. Nothing else learns. */
function adapt(model: GPT): GPT {
  addLoRA(model, architectures, { rank: 2, targets: ["c_attn", "c_proj", "c_fc", "lm_head"] });
  return model;
}

const untied = { initialStd: 0.5, tiedHead: false };

const valuesOf = (model: GPT): Record<string, Float32Array> =>
  Object.fromEntries(Array.from(model.stateDict(), ([path, tensor]) => [path, tensor.dataSync()]));

test("a model whose linear layers are all wrapped trains, is saved, and is loaded into one that is wrapped alike", async () => {
  const [model, plain] = [adapt(tinyModel(untied)), tinyModel(untied)];
  const losses = stepsOf(await run(model, { steps: 40, logEvery: 1 })).map(({ loss }) => loss);
  expect(losses.at(-1)).toBeLessThan(losses[0] - 0.1);
  const learnt = valuesOf(model);
  const kept = Object.entries(learnt).filter(([path]) => !path.includes(".adapters."));
  expect(Object.fromEntries(kept.map(([path, values]) => [path.replace(".base", ""), values]))).toEqual(valuesOf(plain));

  const folder = memoryFolder(await collect(modelFiles(model, architectures)), "adapted");
  const loaded = adapt(tinyModel(untied, 9));
  const source = await openWeights(folder, architectures);
  await loadWeights(loaded, source);
  await source.close();
  expect(valuesOf(loaded)).toEqual(learnt);
  await expect(loadModelFrom(folder, architectures)).rejects.toMatchObject({
    code: "missing-tensor", message: expect.stringContaining('unexpected: "blocks.0.attention.projection.adapters.0.a.weight"') as string,
  });
});
