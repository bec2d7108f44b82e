import { bytesOf } from "../bpe/added-tokens.ts";
import type { AddedToken } from "../bpe/added-tokens.ts";
import { byteString } from "../bpe/bytes.ts";
import type { BytePairTokenizer } from "../bpe/tokenizer.ts";
import type { CharacterPairTokenizer } from "../pipeline/tokenizer.ts";
import { templateJson } from "../pipeline/template.ts";
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
  const { pattern, front, prefixSpace = false, tokens, merges, unmergeable, unknown, addedTokens } = tokenizer.vocabulary;
  const names = new Map<number, string>();
  for (let id = 0; id < tokens.size; id++) if (tokens.has(id)) names.set(id, spellBytes(tokens.get(id)));
  const nameOf = (id: number): string => names.get(id)!;
  const vocab = new Map([...names].map(([id, name]) => [name, id]));
  // They are in the vocabulary too: from there Hugging Face's tokenizers take their ids.
  for (const token of firstOfEachId(addedTokens)) {
    const { content, id } = token;
    const sameName = vocab.get(content) ?? id;
    if (sameName !== id) throw cannotHold(`${quote(content)} is spelled like token ${sameName}`);
    const read = unspellBytes(token.normalizedContent ?? content);
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
    normalizer: front?.json.normalizer ?? null,
    pre_tokenizer: front?.json.pre_tokenizer ?? preTokenizerJson(pattern, prefixSpace),
    post_processor: postProcessorJson(tokenizer),
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

/** The text of a `tokenizer.json` whose tokens are made of characters. */
export function characterPairTokenizerJson(tokenizer: CharacterPairTokenizer): string {
  const { ids, merges, wordEnd, byteFallback, unknown, ignoreMerges, front, decoder } = tokenizer.vocabulary;
  const names = new Map([...ids].map(([name, id]) => [id, name]));
  const nameOf = (id: number): string => names.get(id)!;
  return json({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokenEntries(tokenizer),
    ...front.json,
    post_processor: templateOf(tokenizer),
    decoder: decoder.json,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unknown ? nameOf(unknown.id) : null,
      continuing_subword_prefix: null,
      end_of_word_suffix: wordEnd ?? null,
      fuse_unk: unknown?.fuse ?? false,
      byte_fallback: byteFallback,
      ignore_merges: ignoreMerges,
      vocab: Object.fromEntries([...ids].sort(([, a], [, b]) => a - b)),
      merges: Array.from({ length: merges.size }, (_, merge) => [nameOf(merges.left(merge)), nameOf(merges.right(merge))]),
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
export function addedTokenEntries(tokenizer: BytePairTokenizer | CharacterPairTokenizer) {
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

/** Offsets are trimmed as those of GPT-2 are; a template adds the tokens around a text. */
function postProcessorJson(tokenizer: BytePairTokenizer): unknown {
  const byteLevel = { type: "ByteLevel", add_prefix_space: true, trim_offsets: false, use_regex: true };
  const template = templateOf(tokenizer);
  return template === null ? byteLevel : { type: "Sequence", processors: [byteLevel, template] };
}

function templateOf({ around, vocabulary }: BytePairTokenizer | CharacterPairTokenizer): unknown {
  const { before, behind } = around;
  if (before.length + behind.length === 0) return null;
  return templateJson(around, (id) => vocabulary.addedTokens.find((token) => token.id === id)?.content ?? `token ${id}`);
}

function preTokenizerJson(pattern: PatternName = "gpt2", prefixSpace: boolean): unknown {
  const byteLevel = { type: "ByteLevel", add_prefix_space: prefixSpace, trim_offsets: true, use_regex: pattern === "gpt2" };
  if (pattern === "gpt2") return byteLevel;
  const split = { type: "Split", pattern: { Regex: expressions[pattern] }, behavior: "Isolated", invert: false };
  return { type: "Sequence", pretokenizers: [split, byteLevel] };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
