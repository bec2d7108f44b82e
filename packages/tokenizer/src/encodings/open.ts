import { BytePairTokenizer } from "../bpe/tokenizer.ts";
import { specialTokens } from "../bpe/vocabulary.ts";
import { readRankTable } from "./rank-table.ts";
import type { RankTable } from "./rank-table.ts";
import { specifications } from "./specifications.ts";
import type { EncodingName } from "./specifications.ts";

/** Gives a function that makes the tokenizer of an encoding when it is first called. */
export function encoding(name: EncodingName, table: RankTable): () => BytePairTokenizer {
  let tokenizer: BytePairTokenizer | undefined;
  return () => {
    const { pattern, specialTokens: ids } = specifications[name];
    return (tokenizer ??= new BytePairTokenizer({
      ...readRankTable(table),
      pattern,
      unmergeable: [],
      ...specialTokens(ids),
    }));
  };
}
