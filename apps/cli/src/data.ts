import type { Tokenizer } from "@gpt/tokenizer";
import type { TokenSource } from "@gpt/train";
import { openTokenFile, tokenizeFiles } from "@gpt/train/node";
import { CommandError, UsageError } from "./errors.ts";
import { formatBytes, formatCount } from "./format.ts";
import type { Output } from "./output.ts";

/** Tokens to train on or to measure with, from files; `close` closes these. */
export interface OpenTokens extends TokenSource {
  /** Of the text, in UTF-8; unknown where files hold token ids. */
  readonly bytes?: number;
  close(): Promise<void>;
}

/** Whether files hold token ids instead of text. */
export function areTokenFiles(paths: readonly string[]): boolean {
  const count = paths.filter((path) => path.endsWith(".bin")).length;
  if (count === 0) return false;
  if (paths.length > 1) throw new UsageError("give one file of token ids (.bin), or any number of text files");
  return true;
}

/** The tokens of text files, or of one file of ids of a vocabulary of `vocabSize`. */
export async function openTokens(
  paths: readonly string[],
  tokenizer: Tokenizer | undefined,
  vocabSize: number | undefined,
  output: Output,
): Promise<OpenTokens> {
  if (areTokenFiles(paths)) return openTokenFile(paths[0], { vocabSize });
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
