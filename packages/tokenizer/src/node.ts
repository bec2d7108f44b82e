import { basename, join } from "node:path";
import type { HubOptions, SelectFiles } from "@gpt/formats/hub";
import { isHubName } from "@gpt/formats/node";
import { chatTemplateFolder, tokenizerFileNames, tokenizerFiles, tokenizerFromFiles } from "./files/folder.ts";
import { asOurs } from "./files/format-errors.ts";
import { readRanks } from "./files/ranks-by-name.ts";
import { readTokenizerJson } from "./files/read-tokenizer-json.ts";
import type { TiktokenOptions } from "./files/tiktoken.ts";
import { showName } from "./messages.ts";
import { filesIn, isFolder, isThere, missing, publishTexts, readGGUFMetadata, readTextFile } from "./node/files.ts";
import { checkOptions, checkPath } from "./options.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** What a `.tiktoken` file does not say, and how files are brought from the Hugging Face hub. */
export interface LoadTokenizerOptions extends Partial<Omit<TiktokenOptions, "name">>, HubOptions {}

/**
 * Loads a tokenizer: from a folder in the Hugging Face layout, as Hugging Face's libraries read it; from a
 * `tokenizer.json` alone; from a GGUF file, the first one where a model is split; or from a `.tiktoken` file. Such a file
 * does not say how text is split, and has no special tokens: `options` do, or the file's name, where it is that of an
 * encoding (`cl100k_base.tiktoken`). Files of text of more than 128 MiB are refused.
 *
 * Where there is nothing of that path, and it can be a name on the Hugging Face hub, such as `openai-community/gpt2@main`, or for a
 * GGUF file `OWNER/NAME:Q8_0` or `OWNER/NAME/model.gguf`, the files of the tokenizer, or that file, are downloaded into the cache that Hugging Face's tools share, or
 * taken from there: resumed, verified, and with `HF_TOKEN`, `HF_HOME`, `HF_ENDPOINT` and `HF_HUB_OFFLINE` as they have them.
 *
 * Throws `missing-file`, `read-failed`, `invalid-file`, `unsupported-file`, and from the hub `not-found`, `access-denied` and
 * `download-failed`.
 */
export async function loadTokenizer(pathOrName: string, options: LoadTokenizerOptions = {}): Promise<Tokenizer> {
  checkPath("path", pathOrName);
  checkOptions(options);
  const path = isHubName(pathOrName) && !(await isThere(pathOrName)) ? await fromHub(pathOrName, options) : pathOrName;
  if (await isFolder(path)) {
    const files = new Map<string, string>();
    for (const name of tokenizerFileNames) {
      const text = await readTextFile(join(path, name));
      if (text !== undefined) files.set(name, text);
    }
    for (const name of await filesIn(join(path, chatTemplateFolder))) {
      if (!name.endsWith(".jinja")) continue;
      const text = await readTextFile(join(path, chatTemplateFolder, name));
      if (text !== undefined) files.set(`${chatTemplateFolder}/${name}`, text);
    }
    return tokenizerFromFiles(files, path);
  }
  const metadata = await readGGUFMetadata(path);
  if (metadata) {
    const { tokenizerFromGGUF } = await import("./gguf.ts");
    return tokenizerFromGGUF(metadata, path);
  }
  const text = await readTextFile(path);
  if (text === undefined) throw missing(path);
  return path.endsWith(".tiktoken") ? readRanks(text, path, basename(path), options) : readTokenizerJson({ text, name: path });
}

const tokenizerFilesOf: SelectFiles = (paths) =>
  [...paths].filter((path) => (tokenizerFileNames as readonly string[]).includes(path) || /^additional_chat_templates\/[^/]+\.jinja$/.test(path));

/** The folder of a model's files in the cache, or its GGUF file. */
async function fromHub(name: string, options: HubOptions): Promise<string> {
  // Programs that load from folders alone do not load what downloads.
  const { downloadModel } = await import("@gpt/formats/hub");
  return asOurs(downloadModel(name, { ...options, files: tokenizerFilesOf }), `there is no file or folder ${showName(name)}, and `);
}

/**
 * Writes a tokenizer's files, which `tokenizerFiles` gives, into a folder, new or existing. After a crash the old
 * tokenizer is there, or the new one, or no `tokenizer.json`. Throws `write-failed`.
 */
export async function saveTokenizer(tokenizer: Tokenizer, folder: string): Promise<void> {
  checkPath("folder", folder);
  await publishTexts(folder, tokenizerFiles(tokenizer));
}
