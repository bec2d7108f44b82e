import { trainableParameters } from "@gpt/nn";
import type { Linear, LoRALinear } from "@gpt/nn";
import { linear, noGrad, scope, tensor, transpose, useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { beforeEach, describe, expect, test } from "vitest";
import { architectures as known } from "../architectures/index.ts";
import { GPT } from "../model.ts";
import { resolveConfig } from "../resolve-config.ts";
import { activeAdapter, adapterNames, addLoRA, mergeAdapter, removeAdapter, setAdapter } from "../lora.ts";
import type { AdapterOptions } from "../lora.ts";
import { architectures, compositions, idsOf, largestDifference, tiny } from "../../test/fixtures.ts";
import { fillAdapters as fill } from "../../test/adapters.ts";
import { logits, weights } from "../../test/folders.ts";

beforeEach(async () => {
  useBackend(await wasm());
});

/** The layers of which an adapter is made. */
function adapted(config: ConstructorParameters<typeof GPT>[0], options: AdapterOptions): string[] {
  return addLoRA(new GPT(config), known, options);
}

const llama = compositions["the parts of Llama"];
/** One that llama can hold. */
const plainLlama = { ...llama, blocks: [llama.blocks[0], llama.blocks[0]] };

describe.each(Object.entries({ ...architectures, ...compositions, "plain Llama": plainLlama }))("%s", (name, config) => {
  const others = ["GPT-2", "plain Llama"].includes(name) ? [{ rsLoRA: true, alpha: 5 }, { dora: true }] : [];
  test.each<AdapterOptions>([{}, ...others])("%o: merged is as it was, without is as before", (options) => {
    const model = new GPT(config);
    const [base, all] = [logits(model), model.parameters()];
    const before = weights(model);
    addLoRA(model, known, { rank: 3, ...options });
    expect(largestDifference(logits(model), base)).toBeLessThan(1e-6); // B is zero.
    fill(model);
    const learnt = logits(model);
    expect(largestDifference(learnt, base)).toBeGreaterThan(1e-2);
    setAdapter(model, undefined);
    expect(logits(model)).toEqual(base);
    setAdapter(model, "default");
    expect(all.some(({ requiresGrad }) => requiresGrad)).toBe(false);

    const plain = new GPT(config);
    addLoRA(plain, known, { rank: 3, ...options });
    fill(plain);
    removeAdapter(plain, "default");
    expect(weights(plain)).toEqual(before);

    mergeAdapter(model);
    expect(model.parameters()).toEqual(all);
    expect(all.every(({ requiresGrad }) => requiresGrad)).toBe(true);
    expect(largestDifference(logits(model), learnt)).toBeLessThan(1e-5);
  });
});

describe("the layers are those of transformers' classes", () => {
  const gpt2 = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"];
  const decoder = ["q_proj", "k_proj", "v_proj", "o_proj"].map((name) => `self_attn.${name}`);
  const gated = ["gate_proj", "up_proj", "down_proj"].map((name) => `mlp.${name}`);

  test.each<[string, Parameters<typeof adapted>[0], string[]]>([
    ["GPT-2", tiny, gpt2.map((name) => `transformer.h.1.${name}`)],
    ["GPT-1", { ...tiny, normPlacement: "post", hiddenDim: 32 }, gpt2.map((name) => `transformer.h.1.${name}`)],
    ["Llama", plainLlama, [...decoder, ...gated].map((name) => `model.layers.1.${name}`)],
    ["gpt-oss, of which experts and routers get none", compositions["the parts of gpt-oss"], decoder.map((name) => `model.layers.1.${name}`)],
    ["this project's own", architectures["sinusoidal positions"], ["attention.qkv", "attention.projection", "mlp.up", "mlp.down"].map((name) => `blocks.1.${name}`)],
  ])("%s", (_, config, expected) => {
    expect(adapted(config, {}).filter((name) => name.includes(".1."))).toEqual(expected);
  });

  test("a part of a matrix is trained alone, by as many numbers as in PEFT", () => {
    const model = new GPT(plainLlama);
    addLoRA(model, known, { rank: 2, targets: ["q_proj", "v_proj", "down_proj"] });
    const { dim, blocks: [{ attention: { heads, kvHeads, headDim }, mlp }] } = resolveConfig(plainLlama);
    const hidden = "hiddenDim" in mlp ? mlp.hiddenDim : 0;
    expect(trainableParameters(model)).toBe(2 * 2 * ((dim + heads * headDim) + (dim + kvHeads * headDim) + (hidden + dim)));
    fill(model);
    const { weight: before } = (model.getSubmodule("blocks.0.attention.qkv") as LoRALinear).base as Linear;
    const keys = [heads * headDim * dim, (heads + kvHeads) * headDim * dim];
    const old = before.dataSync();
    mergeAdapter(model);
    const merged = before.dataSync();
    expect(merged.slice(...keys)).toEqual(old.slice(...keys));
    expect(merged.slice(0, keys[0]).every((value, i) => value !== old[i])).toBe(true);
    expect(merged.slice(keys[1]).every((value, i) => value !== old[keys[1] + i])).toBe(true);
  });
});

test("several are held, and switched", () => {
  const model = new GPT(tiny);
  const base = logits(model);
  addLoRA(model, known, { name: "one", rank: 2, targets: ["c_attn"] });
  fill(model);
  const one = logits(model);
  addLoRA(model, known, { name: "two", rank: 3, seed: 5 });
  expect(logits(model)).toEqual(base); // The new one is active, and its B is zero.
  expect([adapterNames(model), activeAdapter(model)]).toEqual([["one", "two"], "two"]);
  const trained = trainableParameters(model);
  setAdapter(model, "one");
  expect(logits(model)).toEqual(one);
  expect(trainableParameters(model)).toBe(2 * 2 * (8 + 24));
  expect(trained).toBe(2 * 3 * ((8 + 24) + (8 + 8) + (8 + 12) + (12 + 8)));
  removeAdapter(model, "two");
  expect(logits(model)).toEqual(one);
  setAdapter(model, undefined);
  expect(trainableParameters(model)).toBe(0);
  removeAdapter(model, "one");
  expect(trainableParameters(model)).toBe(model.parameterCount());
  expect(adapterNames(model)).toEqual([]);
});

test("what was frozen before stays so", () => {
  const model = new GPT(tiny);
  model.tokenEmbedding.parameters()[0].requiresGrad = false;
  const trained = trainableParameters(model);
  addLoRA(model, known);
  addLoRA(model, known, { name: "b" });
  removeAdapter(model, "default");
  mergeAdapter(model);
  expect(trainableParameters(model)).toBe(trained);
});

test("first values derive from the seed, and from no other", () => {
  const values = (seed?: number): Float32Array[] => {
    const model = new GPT(tiny, { seed: 3 });
    addLoRA(model, known, { seed });
    return model.parameters().filter(({ requiresGrad }) => requiresGrad).map((parameter) => parameter.dataSync());
  };
  expect(values(1)).toEqual(values(1));
  expect(values()).toEqual(values(0));
  expect(values(1)[0]).not.toEqual(values(2)[0]);
});

test("a failed call changes and keeps nothing", async () => {
  const model = new GPT({ ...tiny, hiddenDim: 64, dim: 64 }, { dtype: "int8" });
  const before = model.backend.memory;
  const refuse = (options: AdapterOptions, problem: string): void => {
    expect(() => addLoRA(model, known, options)).toThrow(`addLoRA: ${problem}`);
    expect(model.backend.memory).toEqual(before);
    expect(adapterNames(model)).toEqual([]);
  };
  refuse({ targets: ["c_attn", "q_proj"] }, 'there is no linear layer "q_proj"; there are c_attn, c_proj, c_fc');
  refuse({ targets: ["lm_head"] }, 'there is no linear layer "lm_head"'); // It is the embedding.
  refuse({ targets: [] }, "no linear layer is left");
  refuse({ layers: [1] }, 'layers applies to ends of names alone, and targets is "all-linear"; list ends of names');
  refuse({ targets: ["c_attn"], layers: [2] }, "no linear layer is left");
  refuse({ targets: "(" }, 'targets "(" is not supported: it has a ( without its ), at character 1');
  refuse({ targets: "c_attn" }, "no linear layer is left"); // A regular expression of whole names.
  refuse({ rankPattern: { c_attn: 0 } }, "rankPattern[0] must be a whole number from 1, not 0");
  refuse({ dora: true }, "dora needs the lengths of rows, and blocks.0.attention.qkv is stored as int8");
  expect(() => addLoRA(model, known, { rank: 2 ** 40 })).toThrow("there is no room for a buffer");
  expect(model.backend.memory.liveBuffers).toBe(before.liveBuffers);
  addLoRA(model, known, { rank: 2 });
  expect(() => addLoRA(model, known)).toThrow('the model has an adapter "default"; give another name');
  expect(() => { mergeAdapter(model); }).toThrow("mergeAdapter: blocks.0.attention.qkv is stored as int8, which would round the change away; load the model as f32");
  expect(() => { setAdapter(model, "x"); }).toThrow('setAdapter: there is no adapter "x"; there is "default"');
  setAdapter(model, undefined);
  expect(() => { mergeAdapter(model); }).toThrow("no adapter is active");
  const plan = new GPT(tiny);
  useBackend(await cpu());
  expect(() => addLoRA({ config: plan.config } as GPT, known)).toThrow("model must be a GPT: it has no setSubmodule()");
});

test.each(["int8", "int4", "mxfp4", "bf16"] as const)("over %s: what the adapters learn is what they learn over the same values in f32", (dtype) => {
  const config = { ...tiny, dim: 64, hiddenDim: 64, heads: 2 };
  const packed = new GPT(config, { dtype: { matrix: dtype }, seed: 1 });
  const whole = new GPT(config, { seed: 1 });
  const stored = new Map(packed.namedWeights());
  for (const [path, parameter] of whole.namedParameters()) {
    const weight = stored.get(path);
    if (!weight || "requiresGrad" in weight) continue;
    // The values that it stands for: of the identity.
    const columns = parameter.shape[1];
    const identity = Float32Array.from({ length: columns * columns }, (_, i) => Number(i % columns === Math.floor(i / columns)));
    const values = noGrad(() => scope(() => transpose(linear(tensor(identity, { shape: [columns, columns] }), weight)).dataSync()));
    parameter.backend.write(parameter, values);
  }
  const gradients = [packed, whole].map((model) => {
    addLoRA(model, known, { rank: 2 });
    fill(model);
    scope(() => { model.loss(idsOf([[1, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3, 2, 1]]), idsOf([[2, 3, 4, 5, 6, 7, 8, 9], [7, 6, 5, 4, 3, 2, 1, 0]])).backward(); });
    return model.parameters().filter(({ requiresGrad }) => requiresGrad).map(({ grad }) => grad?.dataSync() ?? new Float32Array());
  });
  expect(gradients[0].length).toBe(2 * 4 * 2);
  for (const [i, gradient] of gradients[0].entries()) {
    const largest = Math.max(...gradient.map(Math.abs));
    expect(largest).toBeGreaterThan(1e-4);
    expect(largestDifference(gradient, gradients[1][i])).toBeLessThan(1e-4 * Math.max(1, largest));
  }
});
