import { AddedTokenFinder } from "../bpe/added-token-finder.ts";
import type { AddedToken } from "../bpe/added-tokens.ts";
import { nothingAround, readEncodeOptions } from "../bpe/encode-options.ts";
import { IdBuffer, PieceBuffer } from "../bpe/id-buffer.ts";
import type { MergeTable } from "../bpe/merge-table.ts";
import { Merger } from "../bpe/merger.ts";
import type { Front, UnknownToken } from "../bpe/vocabulary.ts";
import { TokenizerError } from "../errors.ts";
import { quote } from "../messages.ts";
import { checkIds, skipsIds } from "../options.ts";
import type { DecodeOptions, EncodedPiece, EncodeOptions, StreamingDecoder, TokenRoles, Tokenizer, TokensAround } from "../tokenizer.ts";
import { wellFormed } from "../unicode/text.ts";
import type { NewDecoder } from "./decoders.ts";

/** All that defines a tokenizer whose tokens are made of characters. */
export interface CharacterPairVocabulary {
  /** Ids of the tokens by their names. */
  readonly ids: ReadonlyMap<string, number>;
  readonly merges: MergeTable;
  /** What the last character of a pre-token has behind it in the names of tokens. Default: nothing. */
  readonly wordEnd?: string;
  /** Whether a character without a token becomes its bytes, where these all have tokens such as `<0xE2>`. */
  readonly byteFallback: boolean;
  /** What becomes of a character without a token. Default: nothing. */
  readonly unknown?: UnknownToken;
  /** Whether a pre-token that is a token is that token, whatever merging makes of it. */
  readonly ignoreMerges: boolean;
  readonly front: Front;
  readonly decoder: { readonly make: NewDecoder; readonly json: unknown };
  readonly addedTokens: readonly AddedToken[];
  readonly around?: TokensAround;
  readonly roles: TokenRoles;
  readonly chatTemplates?: ReadonlyMap<string, string>;
}

/** What SentencePiece writes for a space. */
const spaceMark = "▁";
/** Pieces whose ids are remembered, and UTF-16 units that such a piece may have. */
const cachedPieces = 2 ** 16;
const longestCached = 64;

/**
 * Byte pair encoding over characters, as SentencePiece's (Llama 2, Mistral, Gemma) and GPT-1's: what is no token falls
 * back to bytes or to an unknown token.
 */
export class CharacterPairTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly endOfText: number | undefined;
  readonly roles: TokenRoles;
  readonly around: TokensAround;
  readonly chatTemplates: ReadonlyMap<string, string>;
  /** Special tokens and their ids. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** What the tokenizer is made of; for programs that write it to a file. */
  readonly vocabulary: CharacterPairVocabulary;
  readonly #merger: Merger;
  readonly #finder: AddedTokenFinder;
  /** What decoding makes of ids. */
  readonly #names: readonly (string | undefined)[];
  readonly #byteIds: readonly (number | undefined)[];
  readonly #cutsAtSpaces: boolean;
  readonly #out = new IdBuffer();
  readonly #cache = new Map<string, readonly number[]>();
  /** Ids of the piece in work. */
  #ids = new Int32Array(longestCached);

  /** Made by the readers of files, which check what they are given. */
  constructor(vocabulary: CharacterPairVocabulary) {
    const { ids, merges, addedTokens, roles, around = nothingAround } = vocabulary;
    this.vocabulary = vocabulary;
    this.#merger = new Merger(merges);
    this.#finder = new AddedTokenFinder(addedTokens);
    const names: (string | undefined)[] = [];
    for (const [name, id] of ids) names[id] = name;
    this.#byteIds = Array.from({ length: 256 }, (_, byte) => ids.get(byteName(byte)));
    // Characters that become nothing would let those around them merge.
    const losesNothing = vocabulary.unknown !== undefined || (vocabulary.byteFallback && !this.#byteIds.includes(undefined));
    this.#cutsAtSpaces = losesNothing && cutsAtSpaces(ids, merges, names);
    for (const { id, content, normalizedContent } of addedTokens) names[id] = normalizedContent ?? content;
    this.#names = Array.from(names);
    this.vocabSize = names.length;
    this.roles = roles;
    this.around = around;
    this.chatTemplates = vocabulary.chatTemplates ?? new Map<string, string>();
    this.endOfText = roles.eos;
    this.specialTokens = new Map(addedTokens.filter(({ special }) => special).map(({ content, id }) => [content, id]));
  }

  /** As that of `BytePairTokenizer`: a special token that is written out in the text is an error by default. */
  encode(text: string, options: EncodeOptions = {}): number[] {
    this.#out.length = 0;
    this.#encodeInto(this.#out, text, options);
    return this.#out.take();
  }

  pieces(text: string, options: EncodeOptions = {}): EncodedPiece[] {
    const out = new PieceBuffer();
    this.#encodeInto(out, text, options);
    return out.pieces;
  }

  #encodeInto(out: IdBuffer, text: string, options: EncodeOptions): void {
    const choice = readEncodeOptions(text, options, this);
    const { normalize, split } = this.vocabulary.front;
    out.append(choice.around.before);
    for (const stretch of choice.stretches(wellFormed(text), this.#finder, normalize)) {
      if (stretch.token) out.append([stretch.token.id]);
      else {
        const plain = stretch.text.slice(stretch.start, stretch.end);
        for (const piece of split ? split(plain, stretch.isFirst) : [plain]) this.#encodePiece(piece, out);
      }
    }
    out.append(choice.around.behind);
  }

  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    checkIds(ids);
    const decoder = this.createDecoder(options);
    const parts: string[] = [];
    for (const id of ids) parts.push(decoder.push(id));
    parts.push(decoder.flush());
    return parts.join("");
  }

  createDecoder(options: DecodeOptions = {}): StreamingDecoder {
    const skips = skipsIds(options);
    const decoder = this.vocabulary.decoder.make();
    return {
      push: (id) => (skips && !this.hasToken(id) ? "" : decoder.push(this.tokenName(id)).join("")),
      flush: () => decoder.flush().join(""),
    };
  }

  hasToken(id: number): boolean {
    return Number.isInteger(id) && this.#names[id] !== undefined;
  }

  /** A token as the vocabulary has it, `▁the` or `<0xE2>`. Throws `unknown-token`. */
  tokenName(id: number): string {
    if (this.hasToken(id)) return this.#names[id]!;
    throw new TokenizerError("unknown-token", `there is no token ${quote(id)}; the vocabulary has ids below ${this.vocabSize}`);
  }

  #encodePiece(piece: string, out: IdBuffer): void {
    if (this.vocabulary.ignoreMerges) {
      const id = this.vocabulary.ids.get(piece);
      if (id !== undefined) return out.append([id]);
    }
    if (!this.#cutsAtSpaces) return this.#encodeWord(piece, out);
    for (let start = 0; start < piece.length; ) {
      let end = start;
      while (piece.startsWith(spaceMark, end)) end++;
      const next = piece.indexOf(spaceMark, end);
      end = next < 0 ? piece.length : next;
      this.#encodeWord(piece.slice(start, end), out);
      start = end;
    }
  }

  #encodeWord(word: string, out: IdBuffer): void {
    if (out instanceof PieceBuffer) {
      const symbols = this.#symbols(word);
      return out.add(this.#merger.explain(this.#ids, symbols));
    }
    const known = this.#cache.get(word);
    if (known) return out.append(known);
    // May make room, so that it comes first.
    const symbols = this.#symbols(word);
    const count = this.#merger.merge(this.#ids, symbols);
    const ids = Array.from(this.#ids.subarray(0, count));
    out.append(ids);
    if (word.length > longestCached) return;
    if (this.#cache.size === cachedPieces) this.#cache.clear();
    this.#cache.set(word, ids);
  }

  /** Puts the ids of a word's characters into `#ids`, and gives their number: `merge_word` of models/bpe/model.rs. */
  #symbols(word: string): number {
    const { ids, wordEnd = "", byteFallback, unknown } = this.vocabulary;
    const room = 3 * word.length + byteLength(wordEnd) + 1;
    if (this.#ids.length < room) this.#ids = new Int32Array(room);
    let count = 0;
    let isUnknownOpen = false;
    const closeUnknown = (): void => {
      if (isUnknownOpen && unknown) this.#ids[count++] = unknown.id;
      isUnknownOpen = false;
    };
    let at = 0;
    for (const character of word) {
      at += character.length;
      const name = at === word.length ? character + wordEnd : character;
      const id = ids.get(name);
      if (id !== undefined) {
        closeUnknown();
        this.#ids[count++] = id;
        continue;
      }
      const bytes = byteFallback ? this.#bytesOf(name) : undefined;
      if (bytes) {
        // An unknown character before them comes behind them, as there.
        for (const byte of bytes) this.#ids[count++] = byte;
      } else if (unknown) {
        if (!unknown.fuse) closeUnknown();
        isUnknownOpen = true;
      }
    }
    closeUnknown();
    return count;
  }

  #bytesOf(name: string): number[] | undefined {
    const ids = Array.from(new TextEncoder().encode(name), (byte) => this.#byteIds[byte]);
    return ids.every((id) => id !== undefined) ? ids : undefined;
  }
}

/** The name of the token that stands for a byte. */
export function byteName(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/**
 * Whether no token that merging makes goes from another character to a space: a text can be cut before each such space
 * then, and its words be remembered.
 */
function cutsAtSpaces(
  ids: ReadonlyMap<string, number>,
  merges: MergeTable,
  names: readonly (string | undefined)[],
): boolean {
  if (!ids.has(spaceMark)) return false;
  for (let merge = 0; merge < merges.size; merge++) {
    const name = names[merges.result(merge)] ?? "";
    const inside = name.replace(/^▁+/, "");
    if (inside.includes(spaceMark)) return false;
  }
  return true;
}
