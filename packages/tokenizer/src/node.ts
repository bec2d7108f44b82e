import { basename, join } from "node:path";
import type { BytePairTokenizer } from "./bpe/tokenizer.ts";
import { specifications } from "./encodings/specifications.ts";
import { TokenizerError } from "./errors.ts";
import { chatTemplateFolder, tokenizerFileNames, tokenizerFiles, tokenizerFromFiles } from "./files/folder.ts";
import { readTokenizerJson } from "./files/read-tokenizer-json.ts";
import { readTiktoken } from "./files/tiktoken.ts";
import type { TiktokenOptions } from "./files/tiktoken.ts";
import { showName } from "./messages.ts";
import { filesIn, isFolder, missing, publishTexts, readTextFile } from "./node/files.ts";
import { checkOptions, checkPath } from "./options.ts";
import { patternNames } from "./pretokenizers/patterns.ts";
import type { Tokenizer } from "./tokenizer.ts";

export type LoadTokenizerOptions = Partial<Omit<TiktokenOptions, "name">>;

/**
 * Loads a tokenizer: from a folder in the Hugging Face layout, as Hugging Face's libraries read it; from a
 * `tokenizer.json` alone; or from a `.tiktoken` file. Such a file does not say how text is split, and has no special
 * tokens: `options` do, or the file's name, where it is that of an encoding (`cl100k_base.tiktoken`). Files of more
 * than 128 MiB are refused.
 *
 * Throws `missing-file`, `read-failed`, `invalid-file` and `unsupported-file`.
 */
export async function loadTokenizer(path: string, options: LoadTokenizerOptions = {}): Promise<Tokenizer> {
  checkPath("path", path);
  checkOptions(options);
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
  const text = await readTextFile(path);
  if (text === undefined) throw missing(path);
  return path.endsWith(".tiktoken") ? readRanks(text, path, options) : readTokenizerJson({ text, name: path });
}

/**
 * Writes a tokenizer's files, which `tokenizerFiles` gives, into a folder, new or existing. After a crash the old
 * tokenizer is there, or the new one, or no `tokenizer.json`. Throws `write-failed`.
 */
export async function saveTokenizer(tokenizer: Tokenizer, folder: string): Promise<void> {
  checkPath("folder", folder);
  await publishTexts(folder, tokenizerFiles(tokenizer));
}

function readRanks(text: string, path: string, options: LoadTokenizerOptions): BytePairTokenizer {
  const name = basename(path, ".tiktoken");
  const known = Object.entries(specifications).find(([encoding]) => encoding === name)?.[1];
  const pattern = options.pattern ?? known?.pattern;
  if (!pattern) {
    throw new TokenizerError(
      "invalid-option",
      `${showName(path)} does not say how text is split; pass { pattern: … } (${patternNames.join(", ")})`,
    );
  }
  return readTiktoken(text, { specialTokens: known?.specialTokens, ...options, pattern, name: path });
}
