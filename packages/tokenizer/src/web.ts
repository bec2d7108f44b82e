import { readSmallFile } from "@gpt/formats";
import type { ReadableFolder } from "@gpt/formats";
import { openSource } from "@gpt/formats/web";
import type { WebSource, WebSourceOptions } from "@gpt/formats/web";
import { TokenizerError } from "./errors.ts";
import { tokenizerFileNames, tokenizerFromFiles } from "./files/folder.ts";
import { asOurs } from "./files/format-errors.ts";
import { longestFile } from "./files/json.ts";
import { readRanks } from "./files/ranks-by-name.ts";
import { readTokenizerJson } from "./files/read-tokenizer-json.ts";
import type { TiktokenOptions } from "./files/tiktoken.ts";
import { showName } from "./messages.ts";
import { checkOptions, invalidOption } from "./options.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** How files are read, and what a `.tiktoken` file does not say. */
export interface LoadTokenizerOptions extends WebSourceOptions, Partial<Omit<TiktokenOptions, "name">> {}

/**
 * Loads a tokenizer in a browser: by a name on the Hugging Face hub, the address of a model's folder, files or a folder that a user chose; or one
 * `tokenizer.json`, GGUF or `.tiktoken` file; of GGUF files also by address or name, as `loadModel` takes them. What is downloaded is kept for the next time, as `loadModel` of `@gpt/gpt/web` keeps it.
 * Of further templates of chats the hub's are not looked for. Throws `missing-file`, `read-failed`, `invalid-file`, `unsupported-file`,
 * `access-denied`, `not-found` and `download-failed`.
 *
 * @example
 * const tokenizer = await loadTokenizer("openai-community/gpt2");
 */
export async function loadTokenizer(source: WebSource, options: LoadTokenizerOptions = {}): Promise<Tokenizer> {
  checkOptions(options);
  if (source === undefined || source === null) throw invalidOption("source", source, "a name, an address, files, or the handle of a folder");
  const { folder, gguf } = await asOurs(openSource(source, options));
  if (gguf !== undefined) return fromGGUF(folder, gguf);
  if (source instanceof File) {
    if (source.size > longestFile) throw new TokenizerError("invalid-file", `${showName(source.name)} is too large for a tokenizer`);
    const text = decoded(new Uint8Array(await source.arrayBuffer()), source.name);
    return source.name.endsWith(".tiktoken") ? readRanks(text, source.name, source.name, options) : readTokenizerJson({ text, name: source.name });
  }
  const files = new Map<string, string>();
  await take(folder, ["tokenizer.json"], files);
  // Where it is there, others with a vocabulary are not read.
  const isWhole = files.size > 0;
  await take(folder, tokenizerFileNames.filter((name) => name !== "tokenizer.json" && !(isWhole && vocabularies.has(name))), files);
  return tokenizerFromFiles(files, folder.name);
}

/** Pages that load no GGUF files do not download what reads them. */
async function fromGGUF(folder: ReadableFolder, name: string): Promise<Tokenizer> {
  const [{ readGGUFHeader }, { tokenizerFromGGUF }] = await Promise.all([import("@gpt/formats/gguf"), import("./gguf.ts")]);
  const file = await asOurs(folder.open(name));
  if (!file) throw new TokenizerError("missing-file", `${showName(folder.name)} has no file ${showName(name)}; check the address`);
  try {
    return tokenizerFromGGUF((await asOurs(readGGUFHeader(file))).metadata, showName(file.name));
  } finally {
    await file.close();
  }
}

const vocabularies: ReadonlySet<string> = /* @__PURE__ */ new Set(["vocab.json", "merges.txt", "encoder_bpe_40000.json", "vocab_40000.bpe"]);

async function take(folder: ReadableFolder, names: readonly string[], files: Map<string, string>): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      const file = await asOurs(readSmallFile(folder, name, longestFile));
      if (file) files.set(name, decoded(file.bytes, file.path));
    }),
  );
}

function decoded(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new TokenizerError("invalid-file", `${showName(name)} is not valid UTF-8; it is damaged, or no text`, { cause });
  }
}
