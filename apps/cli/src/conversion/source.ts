import { basename, resolve } from "node:path";
import type { GPT, ReadableWeights } from "@gpt/gpt";
import { openModel } from "@gpt/gpt/node";
import type { Tokenizer } from "@gpt/tokenizer";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { asLicense, licenseIn, repositoryOf } from "../model-card.ts";
import { modelDirectory } from "../model.ts";
import type { Output } from "../output.ts";
import { cutToColumns } from "../terminal-text.ts";
import { hasTokenizer } from "../tokenizers.ts";

/** A model to be written for other programs. Its weights stay in its files. */
export interface ModelSource {
  /** What it is called, for names of files. */
  readonly name: string;
  /** What its own file calls it, or the same. */
  readonly title: string;
  /** Its license, where its files name one. */
  readonly license: string | undefined;
  /** Its name on the hub, where it is from there. */
  readonly repository: string | undefined;
  readonly model: GPT;
  readonly weights: ReadableWeights;
  /** Bytes of the tensors in its files. */
  readonly bytes: number;
  readonly tokenizer: Tokenizer | undefined;
}

/** Opens the model that `--model` names for the time of some work. */
export async function withSource<T>(given: string, output: Output, work: (source: ModelSource) => Promise<T>): Promise<T> {
  const repository = await repositoryOf(given);
  const directory = await modelDirectory(given, output);
  // A folder in the cache has the name of a commit, and a run's newest checkpoint that of a step; a GGUF file has its own.
  const name = nameOf(/\.gguf$/i.test(directory) ? directory : repository === undefined ? resolve(given) : given.replace(/@.*$/, ""));
  const { model, weights, bytes, name: title = name, license } = await openModel(directory, { onNote: (note) => output.remark(note) });
  try {
    const tokenizer = (await hasTokenizer(directory)) ? await loadTokenizer(directory) : undefined;
    const known = asLicense(license) ?? (await licenseIn(directory));
    return await work({ name, title, license: known, repository, model, weights, bytes, tokenizer });
  } finally {
    await weights.close();
  }
}

/** What a file of GGUF has behind the model's name: its type, and which of several files it is. */
const ggufEnding = /([-.](?:f32|f16|bf16|mxfp4\w*|i?q\d\w*))?(-\d{5}-of-\d{5})?\.gguf$/i;

/** The name of a model by its path, or its name on the hub, where repositories of GGUF files say that they are. */
export function nameOf(path: string): string {
  return basename(path).replace(ggufEnding, "").replace(/-gguf$/i, "") || "model";
}

/** The weights of a model, whose reading a person sees as a share of all. */
export function watched({ model, weights }: Pick<ModelSource, "model" | "weights">, doing: string, output: Output): ReadableWeights {
  const total = model.parameterCount();
  let count = 0;
  return {
    async read(slot, rows) {
      const parts = await weights.read(slot, rows);
      count += parts.rows * parts.columns;
      output.panel(({ columns }) => [cutToColumns(`${doing}: ${Math.floor((100 * Math.min(count, total)) / total)}%`, columns - 1)]);
      return parts;
    },
  };
}
