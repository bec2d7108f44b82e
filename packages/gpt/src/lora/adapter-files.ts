import { checkArgument, copyInto, noGrad, objectWith, quote, readOptions, scope, tensor, text, valueThat } from "@gpt/tensor";
import type { Expectations } from "@gpt/tensor";
import { readHeader, readSmallFile, safetensorsChunks, textFile } from "@gpt/formats";
import type { OutputFile, ReadableFolder, TensorSource } from "@gpt/formats";
import type { LoRA } from "@gpt/nn";
import type { Architecture, TensorNames } from "../architectures/architecture.ts";
import { GPTError } from "../errors.ts";
import { scoreName } from "../folder/classes.ts";
import { listed } from "../folder/match-weights.ts";
import { readFinite } from "../folder/read-elements.ts";
import { architectureOf } from "../folder/save.ts";
import type { FileTensor } from "../folder/weight-files.ts";
import type { GPT } from "../model.ts";
import { activeAdapter, adaptedLayers, attach, checkName, scoreOf } from "./adapters.ts";
import { adapterConfigName, formatAdapterConfig, parseAdapterConfig } from "./adapter-config.ts";
import type { AdapterConfigToWrite } from "./adapter-config.ts";
import { linearModulesOf } from "./linear-modules.ts";
import type { LinearModule } from "./linear-modules.ts";
import { findTargets } from "./targets.ts";
import type { AdapterTargets, Target } from "./targets.ts";

export const adapterWeightsName = "adapter_model.safetensors";
const maxConfigBytes = 2 ** 22;

/** What PEFT's model has before the names of the model that it wraps. */
const prefix = "base_model.model.";

/** The tensors of a layer's adapter by their names, with their shapes. */
function tensorsOf({ module: { name, inputs, outputs }, rank }: Target, dora: boolean): [name: string, shape: readonly number[]][] {
  return [
    [`${name}.lora_A.weight`, [rank, inputs]],
    [`${name}.lora_B.weight`, [outputs, rank]],
    ...(dora ? [[`${name}.lora_magnitude_vector`, [outputs]] as [string, number[]]] : []),
  ];
}

/** How an adapter is written. */
export interface AdapterFilesOptions {
  /** Which one. Default: the active one. */
  readonly name?: string;
  /** Where others find the model that it was made for: a name on the Hugging Face hub, or a path. */
  readonly baseModel?: string;
  /** Texts of further files by name, such as `tokenizer.json` and `README.md`. */
  readonly extraFiles?: Readonly<Record<string, string>>;
}

/**
 * The files of a folder that PEFT reads, `adapter_config.json` last, of an adapter of a model, which is of the first of these
 * architectures that can hold it. The adapter is read while the files are written: it must live, and not change, until then. Throws `invalid-input`, and
 * `unsupported-model` where no architecture can hold the model.
 */
export function adapterFiles(model: GPT, architectures: readonly Architecture[], options?: AdapterFilesOptions): OutputFile[] {
  const fail = (problem: string): GPTError => new GPTError("invalid-input", `adapterFiles: ${problem}`);
  const expected: Expectations<AdapterFilesOptions> = { name: text, baseModel: text, extraFiles: objectWith("an object of texts by the names of their files") };
  const { name = activeAdapter(model), baseModel, extraFiles = {} } = readOptions<AdapterFilesOptions>(options, expected, fail);
  if (name === undefined) throw fail("no adapter is active; give the name of one");
  checkName("adapterFiles", model, name);
  const modules = linearModulesOf(model, architectures);
  const found = [...adaptedLayers(model)].flatMap(([path, { adapters }]) =>
    adapters.filter((adapter) => adapter.name === name).map((adapter) => ({ adapter, module: moduleOf(modules, path, adapter, fail) })));
  const score = scoreOf(model);
  const config = { ...describe(modules, found, fail), baseModel, hasScore: score !== undefined };
  const sources = found.flatMap(({ adapter, module }): TensorSource[] =>
    Object.entries(valuesOf(adapter)).map(([end, tensor]) => ({
      name: `${prefix}${module.name}.${end}`, shape: tensor.shape, read: () => tensor.data(),
    })));
  if (score) sources.push({ name: prefix + scoreName, shape: score.shape, read: () => score.data() });
  return [
    { name: adapterWeightsName, chunks: safetensorsChunks(sources, { format: "pt" }) },
    ...Object.entries(extraFiles).map(([name, content]) => textFile(name, content)),
    textFile(adapterConfigName, formatAdapterConfig(config)),
  ];
}

/** The values of an adapter, by the ends of their names. */
function valuesOf({ a, b, magnitude }: LoRA) {
  return { "lora_A.weight": a.weight, "lora_B.weight": b.weight, ...(magnitude ? { lora_magnitude_vector: magnitude } : {}) };
}

function moduleOf(modules: readonly LinearModule[], path: string, { firstOutput, outputs }: LoRA, fail: (problem: string) => Error): LinearModule {
  const module = modules.find((one) => one.path === path && one.firstOutput === firstOutput && one.outputs === outputs);
  if (module) return module;
  throw fail(`${path} has an adapter of outputs ${firstOutput} to ${firstOutput + outputs - 1}, which are no layer of their own in a folder`);
}

/** An adapter's layers. */
type Found = readonly { readonly adapter: LoRA; readonly module: LinearModule }[];

function describe(
  modules: readonly LinearModule[], found: Found, fail: (problem: string) => Error,
): Omit<AdapterConfigToWrite, "baseModel" | "hasScore"> {
  const [{ adapter: { rsLoRA, magnitude, dropout: { probability: dropout } } }] = found;
  const dora = magnitude !== undefined;
  const odd = found.find(({ adapter }) =>
    adapter.rsLoRA !== rsLoRA || (adapter.magnitude !== undefined) !== dora || adapter.dropout.probability !== dropout);
  if (odd) throw fail(`the adapters of ${found[0].module.name} and ${odd.module.name} differ in rsLoRA, dora or dropout, which a folder says of all`);
  const adapted = new Set(found.map(({ module }) => module.name));
  const targets = groupsOf(modules).flatMap(({ end, names }) => {
    const own = names.filter((name) => adapted.has(name));
    return own.length === names.length ? [end] : own;
  });
  const byName = (numberOf: (adapter: LoRA) => number) => {
    const numbers = new Map(found.map(({ adapter, module }) => [module.name, numberOf(adapter)]));
    const usual = mostFrequent([...numbers.values()]);
    const pattern = groupsOf(found.map(({ module }) => module)).flatMap(({ end, names }) => {
      const own = new Set(names.map((name) => numbers.get(name) as number));
      if (own.size === 1) return own.has(usual) ? [] : [[end, [...own][0]] as const];
      // PEFT before 0.14 asks for something before a key.
      return names.filter((name) => numbers.get(name) !== usual).map((name) => [name.slice(name.indexOf(".") + 1), numbers.get(name) as number] as const);
    });
    return { usual, pattern: Object.fromEntries(pattern) };
  };
  const [rank, alpha] = [byName(({ rank }) => rank), byName(({ alpha }) => alpha)];
  return {
    targets, rsLoRA, dora, dropout, isConv1D: found.some(({ module }) => module.isConv1D),
    rank: rank.usual, rankPattern: rank.pattern, alpha: alpha.usual, alphaPattern: alpha.pattern,
  };
}

/** The names of layers by their last parts. */
function groupsOf(modules: readonly LinearModule[]): { readonly end: string; readonly names: readonly string[] }[] {
  const groups = new Map<string, string[]>();
  for (const { name } of modules) {
    const end = name.slice(name.lastIndexOf(".") + 1);
    groups.set(end, [...(groups.get(end) ?? []), name]);
  }
  return Array.from(groups, ([end, names]) => ({ end, names }));
}

function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}

/** How an adapter is loaded. */
export interface LoadAdapterOptions {
  /** By which it is told from others in the model. Default `"default"`. */
  readonly name?: string;
}

const nameExpected = valueThat("a text that is not empty", (value) => typeof value === "string" && value !== "");

/**
 * Loads an adapter from a folder that PEFT or `adapterFiles` wrote into a model of the same kind, which is the first of these
 * architectures that can hold it, and makes it active; see `addLoRA`. With the adapter of a classifier comes its head, which is one for
 * all adapters and is overwritten. Returns the names of its layers. What the folder says and
 * this package does not compute is refused by field, and so are tensors that are missing, left over or of other shapes. All is
 * read and checked before the model changes. Throws `missing-file`, `invalid-file`, `missing-tensor`, `unsupported-model`,
 * `unsupported-dtype`, `read-failed` and `invalid-input`.
 */
export async function loadAdapterFrom(
  model: GPT, folder: ReadableFolder, architectures: readonly Architecture[], options?: LoadAdapterOptions,
): Promise<string[]> {
  const fail = (problem: string): GPTError => new GPTError("invalid-input", `loadAdapter: ${problem}`);
  checkArgument("folder", folder, objectWith("a folder whose files can be opened (name and open)", "name", "open"), fail);
  const { name = "default" } = readOptions<LoadAdapterOptions>(options, { name: nameExpected }, fail);
  const json = await readSmallFile(folder, adapterConfigName, maxConfigBytes);
  if (!json) throw new GPTError("missing-file", `${folder.name} is no folder of an adapter: it has no ${adapterConfigName}`);
  const config = parseAdapterConfig(json.bytes, json.path);
  const score = config.hasScore ? scoreOf(model) : undefined;
  if (config.hasScore && !score) {
    throw new GPTError("unsupported-model", `${json.path}: the adapter is of a classifier (task_type, modules_to_save), and the model has no head of classes`);
  }
  const modules = linearModulesOf(model, architectures);
  const { targets } = findTargets(modules, config, (field, problem) => new GPTError("unsupported-model", `${json.path}: ${fieldNames[field]} ${problem}`));
  const { chosen, written } = architectureOf(model, architectures);
  const file = await folder.open(adapterWeightsName);
  if (!file) throw await noWeights(folder);
  let values: Map<string, Float32Array>;
  try {
    const stored = Array.from((await readHeader(file)).tensors, ([name, entry]) => ({ name, file, entry }));
    const expected = new Map(targets.flatMap((target) => tensorsOf(target, config.dora)));
    if (score && targets.length > 0) expected.set(scoreName, score.shape);
    values = await readAll(matchTensors(stored, chosen.tensorsOf(written), expected, file.name));
  } finally {
    await file.close();
  }
  for (const { target: { module }, adapter } of attach(model, targets, { name, ...config }, fail)) {
    for (const [end, tensor] of Object.entries(valuesOf(adapter))) {
      tensor.backend.write(tensor, values.get(`${module.name}.${end}`) as Float32Array);
    }
  }
  if (score) noGrad(() => scope(() => { copyInto(score, tensor(values.get(scoreName) as Float32Array, { shape: score.shape, backend: score.backend })); }));
  return targets.map(({ module }) => module.name);
}

/** The fields that `findTargets` may find fault with. */
const fieldNames: Readonly<Record<keyof AdapterTargets, string>> = {
  targets: "target_modules", exclude: "exclude_modules", layers: "layers_to_transform", layersPattern: "layers_pattern",
  rank: "r", alpha: "lora_alpha", rankPattern: "rank_pattern", alphaPattern: "alpha_pattern",
};

/**
 * The tensors that are expected, by their names in the class with a head; they must be all that the file has, in these
 * shapes. Throws `missing-tensor`.
 */
function matchTensors(
  stored: readonly FileTensor[], names: TensorNames, expected: ReadonlyMap<string, readonly number[]>, file: string,
): Map<string, FileTensor> {
  const left = new Map<string, FileTensor>();
  const unexpected: string[] = [];
  for (const tensor of stored) {
    const plain = names.plainName(tensor.name.slice(prefix.length));
    const full = names.fullName?.(plain) ?? plain;
    if (!tensor.name.startsWith(prefix) || left.has(full)) unexpected.push(tensor.name);
    else left.set(full, tensor);
  }
  const [missing, misshapen, found] = [[] as string[], [] as string[], new Map<string, FileTensor>()];
  for (const [name, shape] of expected) {
    const tensor = left.get(name);
    left.delete(name);
    if (!tensor) missing.push(prefix + name);
    else if (tensor.entry.shape.join() === shape.join()) found.set(name, tensor);
    else misshapen.push(`${prefix}${name} is [${tensor.entry.shape.join(", ")}], expected [${shape.join(", ")}]`);
  }
  unexpected.push(...Array.from(left.values(), ({ name }) => name));
  const problems = [
    ...(expected.size > 0 ? [] : ["target_modules names no linear layer of the model"]),
    ...listed("missing", missing), ...listed("unexpected", unexpected.map(quote)), ...listed("wrong shape", misshapen),
  ];
  if (problems.length === 0) return found;
  throw new GPTError("missing-tensor", `${file}: the adapter does not fit the model and ${adapterConfigName}; ${problems.join("; ")}`);
}

async function readAll(tensors: ReadonlyMap<string, FileTensor>): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for (const [name, tensor] of tensors) {
    values.set(name, await readFinite(tensor, 0, tensor.entry.shape.reduce((size, length) => size * length, 1)));
  }
  return values;
}

async function noWeights(folder: ReadableFolder): Promise<GPTError> {
  const other = await folder.open("adapter_model.bin");
  await other?.close();
  const advice = other ? "; adapter_model.bin runs code when it is read, and is not: save the adapter again with PEFT" : "";
  return new GPTError("missing-file", `${folder.name} has no ${adapterWeightsName}${advice}`);
}
