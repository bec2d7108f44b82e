import { join } from "node:path";
import { quote } from "@gpt/common";
import { FormatError } from "../../errors.ts";
import { chooseGGUF } from "../../gguf/choose.ts";
import { parseHubName } from "../../hub-names.ts";
import type { GGUFChoice, HubName } from "../../hub-names.ts";
import { languageModelFiles, selected } from "./select-files.ts";
import type { SelectFiles } from "./select-files.ts";
import { downloadSnapshot } from "./snapshot.ts";
import type { SnapshotOptions } from "./snapshot.ts";
import { walk } from "./walk.ts";

/**
 * Brings a model from the Hugging Face hub into the cache as `downloadSnapshot` does, and gives the path of its folder, or that of its GGUF file, the first
 * one where it is split. A GGUF file is brought where the name says which, by how it is quantized (`OWNER/NAME:Q8_0`, as llama.cpp
 * has it) or by its path (`OWNER/NAME/model-Q8_0.gguf`), or where a repository has one, and no weights in safetensors. Then it is all that is
 * brought; `files` is about other repositories.
 *
 * Throws as `downloadSnapshot` does; `invalid-input` where several files are meant, with their names.
 *
 * @example
 * const path = await downloadModel("ggml-org/SmolLM2-360M-Instruct-GGUF:Q8_0");
 */
export async function downloadModel(name: string, options?: SnapshotOptions): Promise<string> {
  const model = checkModelName("downloadModel", name);
  const { files: select = languageModelFiles, revision = model.revision } = options ?? {};
  let chosen: { readonly file: string | undefined } | undefined;
  const files: SelectFiles = (paths, read) => {
    const parts = chooseGGUF(paths, model.gguf);
    chosen = { file: parts?.[0] };
    return parts ?? select(paths, read);
  };
  const folder = await downloadSnapshot(model.name, { ...options, files, revision });
  // What is taken from the cache as it is may lack what is meant.
  const { file } = chosen ?? (await chosenInCache(folder, model.name, model.gguf));
  return file === undefined ? folder : join(folder, file);
}

/** What a name means. Throws `invalid-input`. */
export function checkModelName(call: string, text: string): HubName {
  const parsed = parseHubName(text);
  if (parsed) return parsed;
  throw new FormatError("invalid-input", `${call}: ${quote(text)} is no name of a model; write OWNER/NAME, such as openai-community/gpt2`);
}

async function chosenInCache(folder: string, name: string, choice: GGUFChoice | undefined): Promise<{ readonly file: string | undefined }> {
  const paths = new Set<string>();
  await walk(folder, (_, path) => void paths.add(path));
  const parts = await selected(`${name}, in the cache`, () => chooseGGUF(paths, choice)) ?? [];
  const missing = parts.find((part) => !paths.has(part));
  if (missing === undefined) return { file: parts[0] };
  throw new FormatError("not-found", `the cache has ${name} without its file ${missing}, and nothing can be downloaded now`);
}
