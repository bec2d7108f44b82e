import { quote } from "@gpt/tensor";
import type { GPTConfig } from "../config.ts";
import { GPTError } from "../errors.ts";
import { configName } from "./config-json.ts";
import type { ModelType } from "./config-json.ts";
import type { OnNote } from "./notes.ts";
import type { FileTensor, WeightFiles } from "./weight-files.ts";
import { fileShape, weightCount, weightPlaces } from "./weight-layout.ts";
import type { WeightPlace } from "./weight-layout.ts";

/** Where the weights of a model lie. */
export interface Match {
  readonly sources: ReadonlyMap<WeightPlace, FileTensor>;
  /** A head that is stored beside the embedding to which the configuration ties it: both must be the same. */
  readonly tied: readonly [head: FileTensor, embedding: FileTensor] | undefined;
}

const embeddingName = "wte.weight";
const headName = "lm_head.weight";

/**
 * What becomes of a tensor that is no weight of the model, by its name without the prefix `transformer.`; the first rule
 * that matches counts, and one that none matches is refused. As Hugging Face's transformers at v5.18.0 (src/transformers,
 * modeling_utils.py, _load_pretrained_model), which ignores all such tensors with a report; those within the blocks are
 * refused here instead, since adapters, more layers and quantised weights look so.
 */
const others: readonly (readonly [pattern: RegExp, treatment: "mask" | "beside"])[] = [
  // models/gpt2/modeling_gpt2.py, _keys_to_ignore_on_load_unexpected, and what older releases stored: constants.
  [/(^|\.)attn\.(bias|masked_bias)$/, "mask"],
  // GPT2ForSequenceClassification, GPT2ForTokenClassification, GPT2ForQuestionAnswering, GPT2DoubleHeadsModel, trl's
  // AutoModelForCausalLMWithValueHead, position_ids and whatever else is not in GPT2Model.
  [/^(?!(wte|wpe|h|ln_f|lm_head)(\.|$))/, "beside"],
];

/** Finds the tensor of every parameter. Throws `missing-tensor` where one is missing, left over or of another shape. */
export function matchWeights(config: GPTConfig, type: ModelType, files: WeightFiles, folder: string, onNote: OnNote): Match {
  const stored = byName(files, folder);
  const head = config.head.type === "tied" ? stored.get(headName) : undefined;
  if (head) {
    stored.delete(headName);
    // PreTrainedModel.tie_weights: tying goes both ways.
    if (!stored.has(embeddingName)) stored.set(embeddingName, head);
  }
  const expected = weightCount(config);
  if (expected > 2 * stored.size) {
    // Listing what is missing could take for ever.
    throw new GPTError(
      "missing-tensor",
      `${folder}: ${configName} asks for ${expected} tensors, there are ${stored.size}`,
    );
  }
  const sources = new Map<WeightPlace, FileTensor>();
  const [missing, misshapen]: [string[], string[]] = [[], []];
  for (const weight of weightPlaces(config)) {
    const tensor = stored.get(weight.name);
    const shape = fileShape(weight).join(", ");
    if (weight.name !== embeddingName) stored.delete(weight.name);
    if (!tensor) missing.push(weight.name);
    else if (tensor.entry.shape.join(", ") !== shape) {
      misshapen.push(`${weight.name} is [${tensor.entry.shape.join(", ")}], expected [${shape}]`);
    } else sources.set(weight, tensor);
  }
  const embedding = stored.get(embeddingName);
  stored.delete(embeddingName);
  const { unexpected, beside } = sortOthers(stored.keys(), type);
  const problems = [
    ...describe("missing", missing),
    ...describe("unexpected", unexpected.map(quote)),
    ...describe("wrong shape", misshapen),
  ];
  if (problems.length > 0) {
    throw new GPTError("missing-tensor", `${folder}: the weights do not fit ${configName}; ${problems.join("; ")}`);
  }
  for (const note of describe("tensors beside the language model are ignored", beside.sort().map(quote))) {
    onNote(`${folder}: ${note}`);
  }
  return { sources, tied: head && embedding && embedding !== head ? [head, embedding] : undefined };
}

/** The tensors by their names in GPT-2, with or without the prefix that its class with a head adds. */
function byName(files: WeightFiles, folder: string): Map<string, FileTensor> {
  const stored = new Map<string, FileTensor>();
  for (const tensor of files.tensors) {
    const name = tensor.name.replace(/^transformer\./, "");
    if (stored.has(name)) throw new GPTError("invalid-file", `${folder}: there are two tensors ${quote(name)}`);
    stored.set(name, tensor);
  }
  return stored;
}

function sortOthers(names: Iterable<string>, type: ModelType): { unexpected: string[]; beside: string[] } {
  const unexpected: string[] = [];
  const beside: string[] = [];
  for (const name of names) {
    const treatment = others.find(([pattern]) => pattern.test(name))?.[1];
    if (treatment === "mask") continue;
    // Nobody else writes folders of this project's own type.
    if (treatment === "beside" && type === "gpt2") beside.push(name);
    else unexpected.push(name);
  }
  return { unexpected, beside };
}

function describe(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const more = items.length > 5 ? `, and ${items.length - 5} more` : "";
  return [`${title}: ${items.slice(0, 5).join(", ")}${more}`];
}
