import type { BytePairTokenizer } from "../bpe/tokenizer.ts";
import type { CharacterTokenizer } from "../character.ts";
import { TokenizerError } from "../errors.ts";
import { expressions } from "../pretokenizers/patterns.ts";
import type { PatternName } from "../pretokenizers/patterns.ts";
import { spellBytes } from "./byte-alphabet.ts";
import { anyCharacter } from "./read-tokenizer-json.ts";

/**
 * The text of a `tokenizer.json`, as Hugging Face's tokenizers read it. Of added tokens that share an id it has the
 * first: those tokenizers know one name for an id.
 */
export function bytePairTokenizerJson(tokenizer: BytePairTokenizer): string {
  const { pattern, tokens, merges, unmergeable, specialTokens, addedTokens } = tokenizer.vocabulary;
  const names = new Map<number, string>();
  for (let id = 0; id < tokens.size; id++) if (tokens.has(id)) names.set(id, spellBytes(tokens.get(id)));
  const nameOf = (id: number): string => names.get(id)!;
  const vocab = new Map([...names].map(([id, name]) => [name, id]));
  const ids = new Set<number>();
  const added = [
    ...[...specialTokens].map(([content, id]) => addedToken(content, id, true)),
    ...[...addedTokens].map(([content, id]) => addedToken(content, id, false)),
  ].filter(({ id }) => !ids.has(id) && ids.add(id));
  // They are in the vocabulary too: from there Hugging Face's tokenizers take their ids.
  for (const { content: token, id } of added) {
    if (vocab.has(token)) {
      throw new TokenizerError(
        "unsupported-file",
        `tokenizer.json cannot hold this tokenizer: its special token ${JSON.stringify(token)} is spelled like ` +
          `token ${vocab.get(token)}`,
      );
    }
    vocab.set(token, id);
  }
  return json({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added.sort((a, b) => a.id - b.id),
    normalizer: null,
    pre_tokenizer: preTokenizerJson(pattern),
    post_processor: { type: "ByteLevel", add_prefix_space: true, trim_offsets: false, use_regex: true },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
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

function addedToken(content: string, id: number, special: boolean) {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special };
}

function preTokenizerJson(pattern: PatternName): unknown {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: pattern === "gpt2" };
  if (pattern === "gpt2") return byteLevel;
  const split = { type: "Split", pattern: { Regex: expressions[pattern] }, behavior: "Isolated", invert: false };
  return { type: "Sequence", pretokenizers: [split, byteLevel] };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
