import { byteString } from "../bpe/bytes.ts";
import { idsOfBytes, mergesOfRanks } from "../bpe/ranks.ts";
import { TokenBytes } from "../bpe/token-bytes.ts";
import { BytePairTokenizer } from "../bpe/tokenizer.ts";
import { maxVocabSize, specialTokens } from "../bpe/vocabulary.ts";
import { TokenizerError } from "../errors.ts";
import { quote, showName } from "../messages.ts";
import { checkText, invalidOption } from "../options.ts";
import { checkPattern } from "../pretokenizers/patterns.ts";
import type { PatternName } from "../pretokenizers/patterns.ts";
import { checkLength } from "./json.ts";

/** What a `.tiktoken` file does not say itself. */
export interface TiktokenOptions {
  /** How text is split. */
  readonly pattern: PatternName;
  /** Special tokens and their ids. Default: none. */
  readonly specialTokens?: Readonly<Record<string, number>>;
  /** The file's name, for messages. */
  readonly name?: string;
}

/**
 * Reads a `.tiktoken` file: lines of a token in base64 and its rank, which is its id. Throws `invalid-file`,
 * `unsupported-file` where a byte has no token, and `invalid-option` where a special token's id is taken.
 */
export function readTiktoken(text: string, options: TiktokenOptions): BytePairTokenizer {
  checkText("text", text);
  if (typeof options !== "object" || options === null) throw invalidOption("options", options, "{ pattern: … }");
  const { pattern, specialTokens: special = {}, name = "the .tiktoken file" } = options;
  checkPattern(pattern);
  checkText("name", name);
  if (typeof special !== "object" || special === null || Array.isArray(special)) {
    throw invalidOption("specialTokens", special, "an object from token to id");
  }
  const tokens = readRanks(text, showName(name));
  for (const [token, id] of Object.entries(special)) {
    const isFree = Number.isInteger(id) && id >= 0 && id < maxVocabSize && tokens[id] === undefined;
    if (isFree && token !== "") continue;
    throw new TokenizerError("invalid-option", `the special token ${quote(token)} cannot have the id ${quote(id)}`);
  }
  return new BytePairTokenizer({
    ...mergesOfRanks(tokens),
    pattern,
    tokens: TokenBytes.from(tokens),
    ...specialTokens(special),
  });
}

function readRanks(text: string, name: string): (Uint8Array | undefined)[] {
  checkLength({ text, name });
  const tokens = new Map<number, Uint8Array>();
  const seen = new Set<string>();
  let size = 0;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === "") continue;
    const invalid = (problem: string): TokenizerError =>
      new TokenizerError("invalid-file", `${name}: line ${index + 1} ${problem}`);
    const [token, digits, ...more] = line.split(" ");
    if (!/^\d{1,9}$/.test(digits) || more.length > 0) throw invalid("is not a token in base64, a space and its rank");
    const rank = Number(digits);
    const bytes = decodeBase64(token);
    if (!bytes?.length) throw invalid("does not begin with a token in base64");
    if (rank >= maxVocabSize) throw invalid(`has the rank ${rank}; it must be below ${maxVocabSize}`);
    if (tokens.has(rank)) throw invalid(`has the rank ${rank}, which another line has too`);
    const key = byteString(bytes);
    if (seen.has(key)) throw invalid("has a token that another line has too");
    seen.add(key);
    tokens.set(rank, bytes);
    size = Math.max(size, rank + 1);
  }
  const list = Array.from({ length: size }, (_, rank) => tokens.get(rank));
  const missing = idsOfBytes(list).indexOf(-1);
  if (missing < 0) return list;
  throw new TokenizerError(
    "unsupported-file",
    `${name} has no token for the byte 0x${missing.toString(16).padStart(2, "0")}`,
  );
}

/**
 * The text of a `.tiktoken` file. It holds neither the pattern nor special tokens. Throws `unsupported-file` where the
 * merges are not those that the ranks give.
 */
export function tiktokenFile(tokenizer: BytePairTokenizer): string {
  if (!(tokenizer instanceof BytePairTokenizer)) throw invalidOption("tokenizer", tokenizer, "a BytePairTokenizer");
  const { tokens, merges, unmergeable, addedTokens, prefixSpace } = tokenizer.vocabulary;
  const lacksBytes = tokens.idsOfBytes().includes(-1);
  const isOther = addedTokens.some((token) => !token.special || tokens.has(token.id)) || prefixSpace || lacksBytes;
  const list = Array.from({ length: tokens.size }, (_, id) => (tokens.has(id) ? tokens.get(id) : undefined));
  const ranked = isOther ? undefined : mergesOfRanks(list);
  if (!ranked?.merges.equals(merges) || ranked.unmergeable.join() !== unmergeable.join()) {
    throw new TokenizerError(
      "unsupported-file",
      "a .tiktoken file cannot hold this tokenizer: " +
        (ranked ? "its merges do not follow from the order of its tokens" : "it has more than tokens and their ranks") +
        "; save it as tokenizer.json",
    );
  }
  return list.map((bytes, id) => (bytes ? `${btoa(byteString(bytes))} ${id}\n` : "")).join("");
}

/** The bytes, or undefined for text that is not in base64. */
function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
