import type { Tokenizer } from "@gpt/tokenizer";
import { joinTokens } from "@gpt/train";
import type { TokenSource } from "@gpt/train";
import { findFiles, openTokenFile, tokenizeFiles } from "@gpt/train/node";
import type { TokenFile } from "@gpt/train/node";
import { CommandError, UsageError } from "./errors.ts";
import { formatBytes, formatCount } from "./format.ts";
import type { Output } from "./output.ts";

/** Tokens to train on or to measure with, from files; `close` closes these. */
export interface OpenTokens extends TokenSource {
  /** Of the text, in UTF-8; unknown where files hold token ids. */
  readonly bytes?: number;
  close(): Promise<void>;
}

const tokenEnding = ".bin";

/** The files of texts or of token ids that paths, patterns and folders name. */
export function findTextFiles(paths: readonly string[]): Promise<string[]> {
  return findFiles(paths, [".txt", tokenEnding]);
}

/** Whether files hold token ids instead of text. */
export function areTokenFiles(paths: readonly string[]): boolean {
  const count = paths.filter((path) => path.endsWith(tokenEnding)).length;
  if (count > 0 && count < paths.length) throw new UsageError("give files of token ids (.bin), or text files, not both");
  return count > 0;
}

async function openTokenFiles(paths: readonly string[], vocabSize: number | undefined): Promise<OpenTokens> {
  const files: TokenFile[] = [];
  const close = async (): Promise<void> => void (await Promise.all(files.map((file) => file.close())));
  try {
    for (const path of paths) files.push(await openTokenFile(path, { vocabSize }));
    return { ...joinTokens(files), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The tokens of text files, or of files of ids of a vocabulary of `vocabSize`. */
export async function openTokens(
  paths: readonly string[],
  tokenizer: Tokenizer | undefined,
  vocabSize: number | undefined,
  output: Output,
): Promise<OpenTokens> {
  if (areTokenFiles(paths)) return openTokenFiles(paths, vocabSize);
  if (!tokenizer) throw new CommandError("the model's folder has no tokenizer; give token ids (.bin) instead of text");
  let textBytes = 0;
  const tokens = await tokenizeFiles(paths, tokenizer, {
    onProgress({ bytes, totalBytes, tokens }) {
      textBytes = bytes;
      output.progress(`tokenised ${formatBytes(bytes)} of ${formatBytes(totalBytes)}: ${formatCount(tokens)} tokens`);
    },
  });
  output.note(`${paths.join(", ")}: ${formatCount(tokens.length)} tokens`);
  return { ...tokens, bytes: textBytes };
}
