import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { architectures } from "@gpt/gpt";
import type { GPT } from "@gpt/gpt";
import { addLoRA, mergeAdapter } from "@gpt/gpt/lora";
import type { AdapterOptions } from "@gpt/gpt/lora";
import { loadAdapter, saveAdapter } from "@gpt/gpt/lora/node";
import { loadModel } from "@gpt/gpt/node";
import { LoRALinear } from "@gpt/nn";
import { randn, scope, tensor } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agreement } from "./agreement.ts";
import { fixtureNames, fixturePath, readJson, readTensors, subset, valuesOf } from "./fixtures.ts";
import { logitsOf } from "./folders.ts";
import { findPython, logitsInPython } from "./python.ts";
import { runOn } from "./run-on.ts";

const agreement = new Agreement("adapters on wasm");
runOn(() => wasm());
afterAll(() => agreement.report());

/** Layers with their adapters, of which a model has one. */
function adaptersOf(model: GPT): LoRALinear["adapters"] {
  return [...model.modules()].flatMap((module) => (module instanceof LoRALinear ? module.adapters : []));
}

/** An adapter's parameters by the ends of their names. */
function parametersOf({ a, b, magnitude }: LoRALinear["adapters"][number]): Record<string, Tensor> {
  return { "lora_A.weight": a.weight, "lora_B.weight": b.weight, ...(magnitude ? { lora_magnitude_vector: magnitude } : {}) };
}

/** What PyTorch computes with the adapter beside it. */
interface AdapterFixture {
  readonly folder: string;
  readonly ids: number[][];
  readonly targets: number[][];
}

test.each(fixtureNames("adapters"))("the adapter %s, which Python wrote: the same logits and gradients, and logits when it is merged", async (name) => {
  const { folder, ids, targets } = readJson<AdapterFixture>("adapters", `${name}.json`);
  const expected = readTensors(fixturePath("adapters", `${name}.safetensors`));
  const model = await loadModel(fixturePath("folders", folder));
  const layers = await loadAdapter(model, fixturePath("adapters", name));
  agreement.expect("logits", name, await logitsOf(model, ids), valuesOf(expected, "logits").data);
  scope(() => { model.loss(tensor(ids, { dtype: "i32" }), tensor(targets, { dtype: "i32" })).backward(); });
  const gradients = subset(expected, "gradient.base_model.model.");
  const adapters = adaptersOf(model);
  expect(adapters.length).toBe(layers.length);
  for (const [i, adapter] of adapters.entries()) {
    for (const [end, parameter] of Object.entries(parametersOf(adapter))) {
      const of = `${layers[i]}.${end}`;
      agreement.expect("gradients", `${name} ${of}`, (await parameter.grad?.data()) ?? [], valuesOf(gradients, of).data);
      gradients.delete(of);
    }
  }
  expect([...gradients.keys()]).toEqual([]);
  mergeAdapter(model);
  agreement.expect("merged", name, await logitsOf(model, ids), valuesOf(expected, "logits").data);
  model.dispose();
});

interface TargetsFixture {
  readonly folder: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly layers: Readonly<Record<string, [rank: number, alpha: number]>>;
}

test("layers, ranks and alphas are those that PEFT's rules give in Python", async () => {
  const cases = readJson<TargetsFixture[]>("adapters.json");
  for (const folder of new Set(cases.map(({ folder }) => folder))) {
    const model = await loadModel(fixturePath("folders", folder));
    for (const [i, { settings, layers }] of cases.entries()) {
      if (cases[i].folder !== folder) continue;
      const options = {
        name: String(i), rank: 8, alpha: 16, targets: settings.target_modules, exclude: settings.exclude_modules,
        layers: settings.layers_to_transform, rankPattern: settings.rank_pattern, alphaPattern: settings.alpha_pattern,
      } as AdapterOptions;
      const names = addLoRA(model, architectures, options);
      const found = adaptersOf(model).filter(({ name }) => name === options.name);
      const actual = names.map((name, layer) => [name, [found[layer].rank, found[layer].alpha]] as const);
      expect(Object.fromEntries(actual), JSON.stringify(settings)).toEqual(layers);
    }
    model.dispose();
  }
});

describe("an adapter written here", () => {
  const python = findPython();
  const noPython = "skipped: there is no python3 with PyTorch here; GPT_PYTHON names one elsewhere";
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "gpt-adapters-"));
  });
  afterAll(async () => {
    await rm(directory, { recursive: true });
  });

  test("gives the same logits in Python, merged there", { timeout: 120_000 }, async ({ skip }) => {
    if (!python) return skip(noPython);
    const cases: readonly [folder: string, options: AdapterOptions][] = [
      ["bare", { rank: 3, alpha: 5, rankPattern: { "attn.c_proj": 2 } }],
      ["bare", { rank: 2, dora: true, rsLoRA: true, targets: ["c_attn", "c_proj"], exclude: ["h.0.mlp.c_proj"] }],
      ["llama", { rank: 2, alpha: 7, alphaPattern: { "layers\\.1\\..*": 3 } }],
      ["llama", { rank: 4, dora: true, targets: ["q_proj", "v_proj", "up_proj"], rankPattern: { v_proj: 1, "layers.0.mlp.up_proj": 2 } }],
      ["qwen3", { rank: 2, rsLoRA: true, targets: ".*(k|gate)_proj", alphaPattern: { gate_proj: 5 } }],
    ];
    const [folders, adapters, ours]: [string[], string[], Float32Array[]] = [[], [], []];
    const ids = [[1, 8, 12, 2, 13], [2, 13, 6, 2, 13]];
    for (const [i, [folder, options]] of cases.entries()) {
      const model = await loadModel(fixturePath("folders", folder));
      addLoRA(model, architectures, options);
      let stream = 0;
      for (const adapter of adaptersOf(model)) {
        for (const parameter of Object.values(parametersOf(adapter))) {
          scope(() => { parameter.backend.write(parameter, randn(parameter.shape, { std: 0.5, key: { seed: [i, 1], stream: [0, stream++] } }).dataSync()); });
        }
      }
      ours.push(await logitsOf(model, ids));
      folders.push(fixturePath("folders", folder));
      adapters.push(join(directory, String(i)));
      await saveAdapter(model, adapters[i], { baseModel: "somebody/model" });
      model.dispose();
    }
    const theirs = await logitsInPython(python, folders, ids, adapters);
    for (const [i, [folder, options]] of cases.entries()) agreement.expect("logits", `${folder} ${JSON.stringify(options)}`, ours[i], theirs[i].flat(2));
  });
});
