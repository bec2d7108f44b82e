import { TokenizerError } from "../errors.ts";
import { quote } from "../messages.ts";
import { checkIds, skipsIds } from "../options.ts";
import { preTokenizers } from "../pretokenizers/patterns.ts";
import type { PreTokenizer } from "../pretokenizers/pre-tokenizer.ts";
import type { DecodeOptions, EncodedPiece, EncodeOptions, StreamingDecoder, TokenRoles, Tokenizer, TokensAround } from "../tokenizer.ts";
import { Utf8Parts } from "../unicode/utf8-parts.ts";
import { AddedTokenFinder } from "./added-token-finder.ts";
import { bytesOf } from "./added-tokens.ts";
import { byteString } from "./bytes.ts";
import { IdBuffer, PieceBuffer } from "./id-buffer.ts";
import { longestCached } from "./long-piece-cache.ts";
import { Merger } from "./merger.ts";
import { PieceCache } from "./piece-cache.ts";
import { nothingAround, readEncodeOptions } from "./encode-options.ts";
import type { BytePairVocabulary } from "./vocabulary.ts";

/** Byte-level byte pair encoding (Sennrich et al. 2016, Radford et al. 2019), equal to tiktoken's. */
export class BytePairTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly endOfText: number | undefined;
  readonly roles: TokenRoles;
  readonly around: TokensAround;
  readonly chatTemplates: ReadonlyMap<string, string>;
  /** Special tokens and their ids. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** What the tokenizer is made of; for programs that write it to a file. */
  readonly vocabulary: BytePairVocabulary;
  readonly #preTokenize: PreTokenizer;
  readonly #merger: Merger;
  #cache: PieceCache | undefined;
  #parts: Utf8Parts | undefined;
  #out: IdBuffer | undefined;
  /** The token of each byte, -1 where there is none. */
  readonly #byteIds: Int32Array;
  /** Unmergeable tokens by their bytes, each as a character. */
  readonly #unmergeable: ReadonlyMap<string, number>;
  readonly #finder: AddedTokenFinder;
  /** Added tokens that decoding gives as normalizing makes them, even where the model has them too. */
  readonly #renamed: ReadonlySet<number>;
  /** Bytes of added tokens. */
  readonly #addedBytes = new Map<number, Uint8Array>();
  /** Ids of the pre-token in work. */
  #ids = new Int32Array(longestCached);

  /** Made by `encodingByName`, `trainBPE` and the readers of files, which check what they are given. */
  constructor(vocabulary: BytePairVocabulary) {
    const { pattern, tokens, merges, unmergeable, addedTokens, roles } = vocabulary;
    this.around = vocabulary.around ?? nothingAround;
    this.chatTemplates = vocabulary.chatTemplates ?? new Map<string, string>();
    this.vocabulary = vocabulary;
    this.#preTokenize = pattern ? preTokenizers[pattern] : (_, __, end) => end;
    this.#merger = new Merger(merges);
    this.#byteIds = tokens.idsOfBytes();
    this.#unmergeable = new Map(unmergeable.map((id) => [byteString(tokens.get(id)), id]));
    this.#finder = new AddedTokenFinder(addedTokens);
    this.#renamed = new Set(addedTokens.filter(({ normalizedContent }) => normalizedContent !== undefined).map(({ id }) => id));
    let size = tokens.size;
    for (const token of addedTokens) {
      size = Math.max(size, token.id + 1);
      // An id may have several names; decoding gives the first.
      if (!this.#addedBytes.has(token.id)) this.#addedBytes.set(token.id, bytesOf(token));
    }
    this.vocabSize = size;
    this.roles = roles;
    this.endOfText = roles.eos;
    this.specialTokens = new Map(addedTokens.filter(({ special }) => special).map(({ content, id }) => [content, id]));
  }

  /**
   * By default a special token that is written out in the text is an error, `disallowed-special-token`, so that text
   * from strangers cannot pass for the marks that a program puts between texts.
   */
  encode(text: string, options: EncodeOptions = {}): number[] {
    const out = (this.#out ??= new IdBuffer());
    // An earlier call may have run out of memory.
    out.length = 0;
    this.#encodeInto(out, text, options);
    return out.take();
  }

  pieces(text: string, options: EncodeOptions = {}): EncodedPiece[] {
    const out = new PieceBuffer();
    this.#encodeInto(out, text, options);
    return out.pieces;
  }

  #encodeInto(out: IdBuffer, text: string, options: EncodeOptions): void {
    const choice = readEncodeOptions(text, options, this);
    out.append(choice.around.before);
    const normalize = this.vocabulary.front?.normalize;
    if (!normalize && this.#finder.isAbsentFrom(text)) {
      if (text !== "") this.#encodePlain(text, 0, text.length, true, out);
    } else {
      for (const { text: part, start, end, token, isFirst } of choice.stretches(text, this.#finder, normalize)) {
        if (token) out.append([token.id]);
        else this.#encodePlain(part, start, end, isFirst, out);
      }
    }
    out.append(choice.around.behind);
  }

  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    return newDecoder().decode(this.decodeBytes(ids, options));
  }

  /** The bytes of tokens, which need not be whole characters. */
  decodeBytes(ids: Iterable<number>, options: DecodeOptions = {}): Uint8Array {
    checkIds(ids);
    const skips = skipsIds(options);
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const id of ids) {
      if (skips && !this.hasToken(id)) continue;
      const bytes = this.tokenBytes(id);
      parts.push(bytes);
      length += bytes.length;
    }
    const joined = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  }

  hasToken(id: number): boolean {
    return this.vocabulary.tokens.has(id) || this.#addedBytes.has(id);
  }

  /** The bytes of one token. They must not be changed. */
  tokenBytes(id: number): Uint8Array {
    const { tokens } = this.vocabulary;
    const isInModel = tokens.has(id) && !this.#renamed.has(id);
    const bytes = isInModel ? tokens.get(id) : this.#addedBytes.get(id);
    if (bytes) return bytes;
    throw new TokenizerError(
      "unknown-token",
      `there is no token ${quote(id)}; the vocabulary has ids below ${this.vocabSize}`,
    );
  }

  createDecoder(options: DecodeOptions = {}): StreamingDecoder {
    const decoder = newDecoder();
    const skips = skipsIds(options);
    return {
      push: (id) => (skips && !this.hasToken(id) ? "" : decoder.decode(this.tokenBytes(id), { stream: true })),
      flush: () => decoder.decode(),
    };
  }

  /** Appends the ids of a stretch of the text, in which no added token is looked for. */
  #encodePlain(text: string, start: number, end: number, isFirst: boolean, out: IdBuffer): void {
    const split = this.vocabulary.front?.split;
    if (!split) this.#encodeStretch(text, start, end, out);
    else for (const piece of split(text.slice(start, end), isFirst)) this.#encodeStretch(piece, 0, piece.length, out);
  }

  #encodeStretch(text: string, start: number, end: number, out: IdBuffer): void {
    const { prefixSpace, pattern } = this.vocabulary;
    if (prefixSpace && text[start] !== " ") {
      text = ` ${text.slice(start, end)}`;
      [start, end] = [0, text.length];
    }
    const cache = (this.#cache ??= new PieceCache());
    const parts = (this.#parts ??= new Utf8Parts());
    for (let read = start; read < end;) {
      read = parts.read(text, read, end, pattern === undefined);
      const { view, length } = parts;
      out.reserve(length);
      for (let at = 0; at < length;) {
        const stop = this.#preTokenize(view, at, length);
        const isCached = stop - at <= longestCached;
        if (out instanceof PieceBuffer) {
          const symbols = this.#putSymbols(view, at, stop);
          out.add(this.#merger.explain(this.#ids, symbols));
        } else if (!isCached || !cache.append(view, at, stop - at, out)) {
          // May make room, so that it comes first.
          const symbols = this.#putSymbols(view, at, stop);
          const count = this.#merger.merge(this.#ids, symbols);
          for (let i = 0; i < count; i++) out.ids[out.length++] = this.#ids[i];
          // The cache has no place for pre-tokens without ids.
          if (isCached && count > 0) cache.add(stop - at, this.#ids, count);
        }
        at = stop;
      }
    }
  }

  /** Puts the tokens that a pre-token is before merges into `#ids`, and gives their number. */
  #putSymbols(utf8: DataView, start: number, end: number): number {
    const length = end - start;
    if (length > this.#ids.length) this.#ids = new Int32Array(length);
    if (this.#unmergeable.size > 0) {
      const whole = this.#unmergeable.get(byteString(new Uint8Array(utf8.buffer, start, length)));
      if (whole !== undefined) {
        this.#ids[0] = whole;
        return 1;
      }
    }
    let count = 0;
    for (let at = start; at < end; at++) {
      const id = this.#byteIds[utf8.getUint8(at)];
      if (id >= 0) this.#ids[count++] = id;
      else count = this.#appendUnknown(count, at > start && this.#byteIds[utf8.getUint8(at - 1)] < 0);
    }
    return count;
  }

  /** Puts what stands for a byte without a token behind the ids of a pre-token, and gives their number. */
  #appendUnknown(count: number, followsAnother: boolean): number {
    const { unknown } = this.vocabulary;
    if (!unknown || (unknown.fuse && followsAnother)) return count;
    this.#ids[count] = unknown.id;
    return count + 1;
  }
}

/** One that passes on everything, a byte order mark too. */
function newDecoder(): TextDecoder {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}
