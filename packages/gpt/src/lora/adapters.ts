import {
  belowOne, checkArgument, copyInto, flag, listOf, noGrad, numberThat, objectWith, oneOrMore, PackedWeight, quote, readOptions, scope,
  seed as seedExpected, text, valueThat, wholeNumber,
} from "@gpt/tensor";
import type { Expectations, Tensor, Weight } from "@gpt/tensor";
import { construct, Linear, LoRA, LoRALinear, RandomKeys } from "@gpt/nn";
import type { Module } from "@gpt/nn";
import type { Architecture } from "../architectures/architecture.ts";
import { copyWeights } from "../copy.ts";
import { GPTError } from "../errors.ts";
import type { GPT } from "../model.ts";
import { ModelWeights } from "../model-weights.ts";
import { linearModulesOf } from "./linear-modules.ts";
import { findTargets } from "./targets.ts";
import type { AdapterTargets, Target } from "./targets.ts";

/** What an adapter is. Defaults are those of PEFT where it has any. */
export interface AdapterOptions extends Partial<Omit<AdapterTargets, "layersPattern">> {
  /** By which the adapter is told from others in the model. Default `"default"`. */
  readonly name?: string;
  /** Scales by `alpha / √rank` and not `alpha / rank`. Default false. */
  readonly rsLoRA?: boolean;
  /** Learns the length of each row apart from its direction; for a base in f32 alone. Default false. */
  readonly dora?: boolean;
  /** The probability with which an element of an adapter's input is zero while training. Default 0. */
  readonly dropout?: number;
  /** What the first values derive from. Default 0. */
  readonly seed?: number;
}

/** Adapters of a model before they have values. */
export interface NewAdapter extends Required<Pick<AdapterOptions, "name" | "rsLoRA" | "dora" | "dropout">> {
  readonly seed?: number;
}

const names = valueThat("a text, or a list of texts", (value) =>
  typeof value === "string" || (Array.isArray(value) && value.every((name) => typeof name === "string")));
const rankExpected = wholeNumber(1);
const alphaExpected = numberThat("that is finite", Number.isFinite);

/** An object of such numbers. */
function numbersBy(expectation: typeof rankExpected): typeof rankExpected {
  const problemOf = listOf(expectation);
  const anObject = valueThat("an object of numbers by names", (value) => typeof value === "object" && value !== null && !Array.isArray(value));
  return (value, name) => anObject(value, name) ?? problemOf(Object.values(value as object), name);
}

const optionsExpected: Expectations<AdapterOptions> = {
  name: valueThat("a text that is not empty", (value) => typeof value === "string" && value !== ""),
  rank: rankExpected,
  alpha: alphaExpected,
  rsLoRA: flag,
  dora: flag,
  dropout: belowOne,
  seed: seedExpected,
  targets: names,
  exclude: names,
  layers: oneOrMore(wholeNumber(0)),
  rankPattern: numbersBy(rankExpected),
  alphaPattern: numbersBy(alphaExpected),
};

/**
 * Puts low-rank adapters (LoRA, Hu et al. 2021) around linear layers of a model, and makes them active. All other weights are
 * frozen, so that training changes the adapters alone, and of a classifier its head, as with PEFT; they may be packed (QLoRA). What is adapted is what PEFT adapts in the
 * class that transformers has for the model, the first of these architectures that can hold it: `c_attn` of GPT-2 is one adapter,
 * `q_proj`, `k_proj` and `v_proj` of Llama are three, though here the matrices lie in one. Routers and experts get none. Returns the
 * names of the layers. Throws `invalid-input`, and `unsupported-model` where no architecture can hold the model.
 *
 * @example
 * addLoRA(model, architectures, { rank: 16, targets: ["q_proj", "v_proj"] });
 */
export function addLoRA(model: GPT, architectures: readonly Architecture[], options?: AdapterOptions): string[] {
  const fail = (problem: string): GPTError => new GPTError("invalid-input", `addLoRA: ${problem}`);
  checkArgument("model", model, modelExpected, fail);
  const given = readOptions<AdapterOptions>(options, optionsExpected, fail);
  const { rank = 8, targets: wanted = "all-linear", exclude = [], layers, rankPattern = {}, alphaPattern = {} } = given;
  const { name = "default", rsLoRA = false, dora = false, dropout = 0, seed = 0, alpha = rank } = given;
  const modules = linearModulesOf(model, architectures);
  const { targets, unmatched } = findTargets(
    modules, { targets: wanted, exclude, layers, layersPattern: [], rank, alpha, rankPattern, alphaPattern },
    (field, problem) => fail(`${field} ${problem}`),
  );
  const ends = [...new Set(modules.map(({ name }) => name.slice(name.lastIndexOf(".") + 1)))].join(", ");
  if (unmatched.length > 0) throw fail(`there is no linear layer ${unmatched.map(quote).join(", ")}; there are ${ends}`);
  if (targets.length === 0) throw fail(`no linear layer is left of those that the model has, ${ends}; check targets, exclude and layers`);
  attach(model, targets, { name, rsLoRA, dora, dropout, seed }, fail);
  return targets.map(({ module }) => module.name);
}

/** Makes the adapters of some layers and puts them in, all or none; they are active. Each is returned with its layer. */
export function attach(
  model: GPT, targets: readonly Target[], { name, rsLoRA, dora, dropout, seed = 0 }: NewAdapter, fail: (problem: string) => Error,
): { readonly target: Target; readonly adapter: LoRA }[] {
  if (adapterNames(model).includes(name)) throw fail(`the model has an adapter ${quote(name)}; give another name`);
  const random = new RandomKeys(seed);
  random.startStep(2 ** 32 - 1); // Other numbers than those of a model of this seed.
  const bases = targets.map(({ module: { path, inputs } }) => {
    const found = model.getSubmodule(path);
    const base: Module = found instanceof LoRALinear ? found.base : found;
    if (!isLinear(base) || base.weight.shape[1] !== inputs) throw fail(`${path} is no linear layer of ${inputs} inputs any more`);
    if (base.weight.backend.isMeta && !model.backend.isMeta) throw fail("the model is read block by block (stream); load it without");
    if (dora && base.weight instanceof PackedWeight) {
      throw fail(`dora needs the lengths of rows, and ${path} is stored as ${base.weight.dtype}; load the model as f32, or leave dora out`);
    }
    return base;
  });
  const made = construct(() => targets.map((target, i) => {
    const { rank, alpha, module: { firstOutput, outputs } } = target;
    const adapter = new LoRA(bases[i], { name, rank, alpha, rsLoRA, dropout, dora, firstOutput, outputs, random, dropoutRandom: model.random });
    return { target, adapter };
  }));
  for (const { target: { module: { path } }, adapter } of made) {
    const found = model.getSubmodule(path);
    const layer = found instanceof LoRALinear ? found : new LoRALinear(found as Linear<Weight>);
    if (layer !== found) model.setSubmodule(path, layer);
    layer.add(adapter);
  }
  freeze(model);
  setAdapter(model, name);
  return made;
}

function isLinear(module: Module): module is Linear<Weight> {
  return module instanceof Linear;
}

/** The names of a model's adapters, in the order in which they are found. */
export function adapterNames(model: GPT): string[] {
  return [...new Set([...adaptedLayers(model)].flatMap(([, { adapters }]) => adapters.map(({ name }) => name)))];
}

/** The name of the adapter that is active. */
export function activeAdapter(model: GPT): string | undefined {
  const [first] = adaptedLayers(model);
  return first?.[1].active;
}

/** Makes another adapter active, which is trained from then on, or none: then the model computes as it did without adapters. */
export function setAdapter(model: GPT, name: string | undefined): void {
  if (name !== undefined) checkName("setAdapter", model, name);
  for (const [, layer] of adaptedLayers(model)) {
    layer.active = name;
    for (const adapter of layer.adapters) {
      for (const parameter of adapter.parameters()) parameter.requiresGrad = adapter.name === name;
    }
  }
}

/** Takes an adapter out and frees it. Without the last one, the model's weights are trained again that were before. */
export function removeAdapter(model: GPT, name: string): void {
  checkName("removeAdapter", model, name);
  const active = activeAdapter(model);
  for (const [path, layer] of [...adaptedLayers(model)]) {
    layer.remove(name);
    if (layer.adapters.length === 0) model.setSubmodule(path, layer.base);
  }
  setAdapter(model, active === name ? undefined : active);
  thaw(model);
}

/**
 * Adds what the active adapter has learnt to the weights, and takes out all adapters: the model is then one without, that can be
 * saved, quantised and trained. Throws `invalid-input` where none is active, and where a matrix that it changes is not in f32:
 * then nothing is changed.
 */
export function mergeAdapter(model: GPT): void {
  const name = activeAdapter(model);
  if (name === undefined) throw new GPTError("invalid-input", "mergeAdapter: no adapter is active; call setAdapter before");
  const layers = [...adaptedLayers(model)];
  const merged = layers.flatMap(([path, { base, adapters }]) =>
    adapters.filter((adapter) => adapter.name === name).map((adapter) => ({ path, base, adapter })));
  const packed = merged.find(({ base }) => base.weight instanceof PackedWeight);
  if (packed) {
    const { path, base } = packed;
    throw new GPTError("invalid-input", `mergeAdapter: ${path} is stored as ${base.weight.dtype}, which would round the change away; load the model as f32`);
  }
  for (const { adapter } of merged) adapter.mergeInto();
  for (const [path, layer] of layers) {
    for (const adapter of layer.adapters) adapter.dispose();
    model.setSubmodule(path, layer.base);
  }
  thaw(model);
}

/**
 * A model of its own, without adapters, in whose weights is what the active adapter of this one has learnt: in f32, so that a base of few bits
 * rounds nothing away. This one stays as it is. Throws `invalid-input`, and `too-large` where there is no room for it.
 *
 * @example
 * const merged = await mergedCopy(model);
 */
export async function mergedCopy(model: GPT): Promise<GPT> {
  const name = activeAdapter(model);
  if (name === undefined) throw new GPTError("invalid-input", "mergedCopy: no adapter is active; call setAdapter before");
  const layers = [...adaptedLayers(model)];
  const own = new Map(model.namedWeights());
  for (const [path, { base }] of layers) for (const [part, weight] of base.namedWeights()) own.set(`${path}.${part}`, weight);
  const copy = await copyWeights(model, new ModelWeights(model, own), { dtype: "f32", seed: model.random.seed });
  noGrad(() => scope(() => {
    for (const [path, { adapters }] of layers) {
      for (const adapter of adapters.filter((one) => one.name === name)) {
        const { rank, alpha, rsLoRA, firstOutput, outputs, a, b, magnitude } = adapter;
        const base = copy.getSubmodule(path) as Linear;
        const same = new LoRA(base, { rank, alpha, rsLoRA, firstOutput, outputs, dora: magnitude !== undefined, random: copy.random });
        copyInto(same.a.weight, a.weight);
        copyInto(same.b.weight, b.weight);
        if (magnitude && same.magnitude) copyInto(same.magnitude, magnitude);
        same.mergeInto();
        same.dispose();
      }
    }
  }));
  return copy;
}

const modelExpected = objectWith("a GPT", "config", "setSubmodule()");

/** Refuses a name that no adapter of the model has. */
export function checkName(call: string, model: GPT, name: string): void {
  const fail = (problem: string): GPTError => new GPTError("invalid-input", `${call}: ${problem}`);
  checkArgument("model", model, modelExpected, fail);
  checkArgument("name", name, text, fail);
  const names = adapterNames(model);
  if (names.includes(name)) return;
  throw fail(`there is no adapter ${quote(name)}; ${names.length > 0 ? `there is ${names.map(quote).join(", ")}` : "the model has none"}`);
}

/** The layers of a model that have adapters, with their paths. */
export function* adaptedLayers(module: Module, prefix = ""): Generator<[path: string, layer: LoRALinear]> {
  for (const [name, child] of module.children()) {
    if (child instanceof LoRALinear) yield [prefix + name, child];
    else yield* adaptedLayers(child, `${prefix}${name}.`);
  }
}

/** The head of a classifier, which begins at random and is trained beside adapters. */
export function scoreOf({ config, head }: GPT): Tensor | undefined {
  return config.head.type === "classes" && !(head.weight instanceof PackedWeight) ? head.weight : undefined;
}

/** What was trained before a model had adapters. */
const frozen = new WeakMap<GPT, Set<Tensor>>();

function freeze(model: GPT): void {
  const own = new Set([...adaptedLayers(model)].flatMap(([, { adapters }]) => adapters.flatMap((adapter) => adapter.parameters())));
  const before = frozen.get(model) ?? new Set();
  for (const parameter of model.parameters()) {
    if (own.has(parameter) || parameter === scoreOf(model) || !parameter.requiresGrad) continue;
    parameter.requiresGrad = false;
    before.add(parameter);
  }
  frozen.set(model, before);
}

function thaw(model: GPT): void {
  if (adapterNames(model).length > 0) return;
  for (const parameter of frozen.get(model) ?? []) parameter.requiresGrad = true;
  frozen.delete(model);
}
