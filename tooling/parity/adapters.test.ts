import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { architectures, GPT } from "@gpt/gpt";
import { addLoRA, mergeAdapter } from "@gpt/gpt/lora";
import type { AdapterOptions } from "@gpt/gpt/lora";
import { loadAdapter, saveAdapter } from "@gpt/gpt/lora/node";
import { loadModel, saveModel } from "@gpt/gpt/node";
import { LoRALinear } from "@gpt/nn";
import { randn, scope, tensor } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { gpt } from "@gpt/testing/gpt-command";
import { tokenizerFiles } from "@gpt/tokenizer";
import { loadTokenizer } from "@gpt/tokenizer/node";
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

  test("by gpt finetune gives the same logits in Python, merged there", { timeout: 600_000 }, async ({ skip }) => {
    if (!python) return skip(noPython);
    const path = (name: string): string => join(directory, name);
    await writeFile(path("text.txt"), "The cat sat on the mat, and the dog sat on the cat.\n".repeat(100));
    const learn = ["--data", path("text.txt"), "--batch", "2", "--steps", "10"];
    const sizes = ["--layers", "2", "--heads", "2", "--dim", "16", "--context", "32", "--vocab-size", "300"];
    await gpt("train", ...learn, "--tokenizer", "bpe", ...sizes, "--out", path("gpt2"));
    const tokenizer = await loadTokenizer(path("gpt2"));
    const llama = await loadModel(fixturePath("folders", "llama"));
    const config = { ...llama.config, vocabSize: tokenizer.vocabSize };
    llama.dispose();
    const fresh = new GPT(config, { seed: 3 });
    await saveModel(fresh, path("llama"), { extraFiles: Object.fromEntries(tokenizerFiles(tokenizer)) });
    fresh.dispose();
    const cases = [["gpt2", []], ["gpt2", ["--rslora", "--dora"]], ["llama", ["--rslora"]], ["llama", ["--dora"]]] as const;
    const ids = [[1, 8, 12, 2, 13], [2, 13, 6, 2, 13]];
    const ours: Float32Array[] = [];
    const folders = cases.map(([base]) => path(base));
    const adapters = cases.map(([base, options]) => path(["tuned", base, ...options].join("-")));
    for (const [i, [, options]] of cases.entries()) {
      const tune = ["--task", "lm", "--context", "16", "--validation-share", "0", "--method", "lora", "--rank", "3", "--lr", "0.02", ...options];
      await gpt("finetune", "--model", folders[i], ...learn, ...tune, "--out", adapters[i]);
      const [base, tuned] = [await loadModel(folders[i]), await loadModel(adapters[i])];
      ours.push(await logitsOf(tuned, ids));
      expect(ours[i]).not.toEqual(await logitsOf(base, ids));
      for (const model of [base, tuned]) model.dispose();
    }
    const theirs = await logitsInPython(python, folders, ids, adapters);
    for (const [i, adapter] of adapters.entries()) agreement.expect("logits", adapter, ours[i], theirs[i].flat(2));
  });
});
