import type { PatternName } from "../pretokenizers/patterns.ts";
import type { TokenRoles, TokensAround } from "../tokenizer.ts";
import { specialToken } from "./added-tokens.ts";
import type { AddedToken } from "./added-tokens.ts";
import type { MergeTable } from "./merge-table.ts";
import type { TokenBytes } from "./token-bytes.ts";

/** Entries that a vocabulary may have; the largest in use have about 2¹⁸. Ids in files are checked against it. */
export const maxVocabSize = 2 ** 20;

/** Merges that a vocabulary may have; the largest in use have about 2¹⁹. */
export const maxMerges = 2 ** 22;

/** What is done with a text before byte pair encoding, beside what a pattern does. */
export interface Front {
  readonly normalize?: (text: string) => string;
  /** Splits a stretch between added tokens; `isFirst` where the text begins with it. */
  readonly split?: (text: string, isFirst: boolean) => Iterable<string>;
  /** The parts as `tokenizer.json` has them. */
  readonly json: { readonly normalizer: unknown; readonly pre_tokenizer: unknown };
}

/** All that defines a byte-level BPE tokenizer. */
export interface BytePairVocabulary {
  /** How text is split into the pre-tokens that are encoded one by one. Left out: not, but by `front`. */
  readonly pattern?: PatternName;
  /** What comes before that. Default: nothing. */
  readonly front?: Front;
  /** The tokens that belong around a text. Default: none. */
  readonly around?: TokensAround;
  /** Templates of chats by name. Default: none. */
  readonly chatTemplates?: ReadonlyMap<string, string>;
  /** Whether a space is put before each stretch of plain text that does not begin with one. Default false. */
  readonly prefixSpace?: boolean;
  /** The tokens that text is made of. */
  readonly tokens: TokenBytes;
  readonly merges: MergeTable;
  /** Tokens that merging never makes, and that stand for a pre-token that equals them. */
  readonly unmergeable: readonly number[];
  /** What a byte without a token becomes. Default: nothing. */
  readonly unknown?: UnknownToken;
  /** Tokens that are found before text is split. One id may have several; decoding gives the first. */
  readonly addedTokens: readonly AddedToken[];
  /** The tokens that have a part in a model's texts. */
  readonly roles: TokenRoles;
}

export interface UnknownToken {
  readonly id: number;
  /** Whether adjacent ones become a single one. */
  readonly fuse: boolean;
}

const endOfText = "<|endoftext|>";

/** Special tokens by name and id, of which that of the well-known name ends a text. */
export function specialTokens(ids: Readonly<Record<string, number>>): Pick<BytePairVocabulary, "addedTokens" | "roles"> {
  return {
    addedTokens: Object.entries(ids).map(([content, id]) => specialToken(content, id)),
    roles: endRole(Object.hasOwn(ids, endOfText) ? ids[endOfText] : undefined),
  };
}

/** The role of `<|endoftext|>` among tokens of which nothing else is said. */
export function rolesByName(tokens: readonly AddedToken[]): TokenRoles {
  return endRole(tokens.find(({ content }) => content === endOfText)?.id);
}

function endRole(eos: number | undefined): TokenRoles {
  return eos === undefined ? {} : { eos };
}
