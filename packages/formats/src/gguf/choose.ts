import { quote } from "@gpt/common";
import { FormatError } from "../errors.ts";
import type { GGUFChoice } from "../hub-names.ts";
import { parseSplitName, partsOfSplit } from "./split-names.ts";

/** Weights in the Hugging Face layout. */
const safetensors = ["model.safetensors", "model.safetensors.index.json"];
/** Parts of a model that lie beside it: llama.cpp, common/download.cpp, gguf_filename_is_model. */
const beside = /(?:mmproj|imatrix|\b(?:mtp|eagle3|dflash|dspark)-)[^/]*$/i;
const mostListed = 20;

/**
 * The GGUF file of a repository that is meant, and behind it the others where it is split; undefined where none is named and the
 * repository has its weights otherwise. A quantization is found in paths as llama.cpp finds it (`find_best_model` in common/download.cpp), which
 * however takes Q4_K_M, Q8_0 or the first file where nothing is named. Throws `invalid-input` where several files are meant, and `not-found`.
 */
export function chooseGGUF(paths: ReadonlySet<string>, choice: GGUFChoice | undefined): string[] | undefined {
  if (choice && "path" in choice) return partsOfSplit(choice.path);
  const models = [...paths].filter((path) => /\.gguf$/i.test(path) && !beside.test(path) && (parseSplitName(path)?.number ?? 1) === 1);
  if (!choice && (models.length === 0 || safetensors.some((name) => paths.has(name)))) return undefined;
  const found = choice ? models.filter((path) => isOf(path, choice.quantization)) : models;
  if (found.length === 1) return partsOfSplit(found[0]);
  const others = found.length > 0 ? found : models;
  const choices = others.slice(0, mostListed).map((path) => suffixOf(path, models));
  const list = choices.join(", ") + (others.length > mostListed ? `, and ${others.length - mostListed} more` : "");
  const of = choice ? ` of ${quote(choice.quantization)}` : "";
  if (found.length > 1) throw new FormatError("invalid-input", `it has several GGUF files${of}; write one of these behind the name: ${list}`, { choices });
  if (models.length === 0) throw new FormatError("not-found", "it has no GGUF file");
  throw new FormatError("not-found", `it has no GGUF file${of}; write one of these behind the name: ${list}`, { choices });
}

function isOf(path: string, quantization: string): boolean {
  return new RegExp(`(?:^|[^a-z0-9])${quantization.replaceAll(".", "\\.")}[./-]`, "i").test(path);
}

/** What names a file behind the repository's name: how it is quantized where that tells it from others, or its path. */
function suffixOf(path: string, models: readonly string[]): string {
  const quantization = /[-.]([a-z0-9_]+)(?:-\d{5}-of-\d{5})?\.gguf$/i.exec(path)?.[1];
  const isUnique = quantization !== undefined && models.filter((other) => isOf(other, quantization)).length === 1;
  return isUnique ? `:${quantization}` : `/${path}`;
}
