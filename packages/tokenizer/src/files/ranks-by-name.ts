import type { BytePairTokenizer } from "../bpe/tokenizer.ts";
import { specifications } from "../encodings/specifications.ts";
import { TokenizerError } from "../errors.ts";
import { showName } from "../messages.ts";
import { patternNames } from "../pretokenizers/patterns.ts";
import { readTiktoken } from "./tiktoken.ts";
import type { TiktokenOptions } from "./tiktoken.ts";

/** The tokenizer of a `.tiktoken` file; what it does not say, its name does, where it is that of an encoding, or else `options`. */
export function readRanks(text: string, path: string, fileName: string, options: Partial<Omit<TiktokenOptions, "name">>): BytePairTokenizer {
  const name = fileName.replace(/\.tiktoken$/, "");
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
