import { bytesOf } from "../bpe/added-tokens.ts";
import type { AddedToken } from "../bpe/added-tokens.ts";
import { byteString } from "../bpe/bytes.ts";
import type { BytePairTokenizer } from "../bpe/tokenizer.ts";
import type { CharacterTokenizer } from "../character.ts";
import { TokenizerError } from "../errors.ts";
import { quote } from "../messages.ts";
import { expressions } from "../pretokenizers/patterns.ts";
import type { PatternName } from "../pretokenizers/patterns.ts";
import { spellBytes, unspellBytes } from "./byte-alphabet.ts";
import { anyCharacter } from "./read-tokenizer-json.ts";

/**
 * The text of a `tokenizer.json`, as Hugging Face's tokenizers read it. Of added tokens that share an id it has the
 * first: those tokenizers know one name for an id. Throws `unsupported-file` for what they would read otherwise.
 */
export function bytePairTokenizerJson(tokenizer: BytePairTokenizer): string {
  const { pattern, prefixSpace = false, tokens, merges, unmergeable, unknown, addedTokens } = tokenizer.vocabulary;
  const names = new Map<number, string>();
  for (let id = 0; id < tokens.size; id++) if (tokens.has(id)) names.set(id, spellBytes(tokens.get(id)));
  const nameOf = (id: number): string => names.get(id)!;
  const vocab = new Map([...names].map(([id, name]) => [name, id]));
  // They are in the vocabulary too: from there Hugging Face's tokenizers take their ids.
  for (const token of firstOfEachId(addedTokens)) {
    const { content, id } = token;
    const sameName = vocab.get(content) ?? id;
    if (sameName !== id) throw cannotHold(`${quote(content)} is spelled like token ${sameName}`);
    const read = unspellBytes(content);
    if (read && byteString(read) !== byteString(bytesOf(token))) {
      throw cannotHold(`${quote(content)} would be decoded as the bytes that it spells; use ASCII alone in its name`);
    }
    vocab.set(content, id);
  }
  return json({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokenEntries(tokenizer),
    normalizer: null,
    pre_tokenizer: preTokenizerJson(pattern, prefixSpace),
    post_processor: { type: "ByteLevel", add_prefix_space: true, trim_offsets: false, use_regex: true },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unknown ? nameOf(unknown.id) : null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: unknown?.fuse ?? false,
      byte_fallback: false,
      ignore_merges: unmergeable.length > 0,
      vocab: Object.fromEntries([...vocab].sort(([, a], [, b]) => a - b)),
      merges: Array.from(
        { length: merges.size },
        (_, merge) => `${nameOf(merges.left(merge))} ${nameOf(merges.right(merge))}`,
      ),
    },
  });
}

/** A WordLevel model whose words are the characters. */
export function characterTokenizerJson({ characters }: CharacterTokenizer): string {
  return json({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: "Split", pattern: { Regex: anyCharacter }, behavior: "Isolated", invert: false },
    post_processor: null,
    decoder: { type: "Fuse" },
    model: {
      type: "WordLevel",
      vocab: Object.fromEntries(characters.map((character, id) => [character, id])),
      // It must be named, but is not in the vocabulary, so that an unknown character is an error.
      unk_token: "<unk>",
    },
  });
}

/** The added tokens as files have them, by id. */
export function addedTokenEntries(tokenizer: BytePairTokenizer) {
  return firstOfEachId(tokenizer.vocabulary.addedTokens)
    .sort((a, b) => a.id - b.id)
    .map(({ id, content, singleWord, leftStrip, rightStrip, normalized, special }) => {
      return { id, content, single_word: singleWord, lstrip: leftStrip, rstrip: rightStrip, normalized, special };
    });
}

function firstOfEachId(tokens: readonly AddedToken[]): AddedToken[] {
  const ids = new Set<number>();
  return tokens.filter(({ id }) => !ids.has(id) && ids.add(id));
}

function cannotHold(problem: string): TokenizerError {
  return new TokenizerError("unsupported-file", `tokenizer.json cannot hold this tokenizer: its added token ${problem}`);
}

function preTokenizerJson(pattern: PatternName, prefixSpace: boolean): unknown {
  const byteLevel = { type: "ByteLevel", add_prefix_space: prefixSpace, trim_offsets: true, use_regex: pattern === "gpt2" };
  if (pattern === "gpt2") return byteLevel;
  const split = { type: "Split", pattern: { Regex: expressions[pattern] }, behavior: "Isolated", invert: false };
  return { type: "Sequence", pretokenizers: [split, byteLevel] };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
