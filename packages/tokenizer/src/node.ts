import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { BytePairTokenizer } from "./bpe/tokenizer.ts";
import { endOfText } from "./bpe/vocabulary.ts";
import { specifications } from "./encodings/specifications.ts";
import { TokenizerError } from "./errors.ts";
import { tokenizerFileNames, tokenizerFiles, tokenizerFromFiles } from "./files/folder.ts";
import { readTokenizerJson } from "./files/read-tokenizer-json.ts";
import { readTiktoken } from "./files/tiktoken.ts";
import type { TiktokenOptions } from "./files/tiktoken.ts";
import { readError, readTextFile, writeTextFiles } from "./node/files.ts";
import type { Tokenizer } from "./tokenizer.ts";

export type LoadTokenizerOptions = Partial<Omit<TiktokenOptions, "name">>;

/**
 * Loads a tokenizer: from a folder in the Hugging Face layout, with `tokenizer.json`, or `vocab.json` and `merges.txt`;
 * from a `tokenizer.json` alone; or from a `.tiktoken` file. Such a file does not say how text is split, and has no
 * special tokens: `options` do, or the file's name, where it is that of an encoding (`cl100k_base.tiktoken`).
 *
 * Throws `missing-file`, `unreadable-file`, `invalid-file` and `unsupported-file`.
 */
export async function loadTokenizer(path: string, options: LoadTokenizerOptions = {}): Promise<Tokenizer> {
  if (await isFolder(path)) {
    const files = new Map<string, string>();
    for (const name of tokenizerFileNames) {
      const text = await readIfThere(join(path, name));
      if (text !== undefined) files.set(name, text);
    }
    return tokenizerFromFiles(files, path);
  }
  if (path.endsWith(".tiktoken")) return loadTiktoken(path, options);
  return readTokenizerJson({ text: await readTextFile(path), name: path }, endOfText);
}

/** Writes a tokenizer's files, which `tokenizerFiles` gives, into a folder, new or existing. Throws `write-failed`. */
export async function saveTokenizer(tokenizer: Tokenizer, folder: string): Promise<void> {
  await writeTextFiles(folder, tokenizerFiles(tokenizer));
}

async function loadTiktoken(path: string, options: LoadTokenizerOptions): Promise<BytePairTokenizer> {
  const name = basename(path, ".tiktoken");
  const known = Object.entries(specifications).find(([encoding]) => encoding === name)?.[1];
  const pattern = options.pattern ?? known?.pattern;
  if (!pattern) {
    throw new TokenizerError(
      "invalid-option",
      `${path} does not say how text is split; pass { pattern: … } (gpt2, cl100k, o200k)`,
    );
  }
  return readTiktoken(await readTextFile(path), {
    specialTokens: known?.specialTokens,
    ...options,
    pattern,
    name: path,
  });
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw readError(path, error);
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readTextFile(path);
  } catch (error) {
    if (error instanceof TokenizerError && error.code === "missing-file") return undefined;
    throw error;
  }
}
