import { TokenizerError } from "../errors.ts";
import { preTokenizers } from "../pretokenizers/patterns.ts";
import type { PreTokenizer } from "../pretokenizers/pre-tokenizer.ts";
import type { EncodeOptions, StreamingDecoder, Tokenizer } from "../tokenizer.ts";
import { Utf8Parts } from "../unicode/utf8-parts.ts";
import { byteString } from "./bytes.ts";
import { IdBuffer } from "./id-buffer.ts";
import { longestCached } from "./long-piece-cache.ts";
import { Merger } from "./merger.ts";
import { PieceCache } from "./piece-cache.ts";
import { chosenTokens, TokenFinder } from "./special-tokens.ts";
import type { BytePairVocabulary } from "./vocabulary.ts";

/** Byte-level byte pair encoding (Sennrich et al. 2016, Radford et al. 2019), equal to tiktoken's. */
export class BytePairTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly endOfText: number | undefined;
  /** What the tokenizer is made of; for programs that write it to a file. */
  readonly vocabulary: BytePairVocabulary;
  readonly #preTokenize: PreTokenizer;
  readonly #merger: Merger;
  #cache: PieceCache | undefined;
  #parts: Utf8Parts | undefined;
  #out: IdBuffer | undefined;
  /** The token of each byte. */
  readonly #byteIds = new Int32Array(256);
  /** Unmergeable tokens by their bytes, each as a character. */
  readonly #unmergeable: ReadonlyMap<string, number>;
  readonly #finder: TokenFinder;
  /** Bytes of special and added tokens. */
  readonly #specialBytes = new Map<number, Uint8Array>();
  /** Ids of the pre-token in work. */
  #ids = new Int32Array(longestCached);

  /** Made by `encodingByName`, `trainBPE` and the readers of files, which check what they are given. */
  constructor(vocabulary: BytePairVocabulary) {
    const { pattern, tokens, merges, unmergeable, specialTokens, addedTokens, endOfText } = vocabulary;
    this.vocabulary = vocabulary;
    this.#preTokenize = preTokenizers[pattern];
    this.#merger = new Merger(merges);
    for (let id = 0; id < tokens.size; id++) {
      if (tokens.has(id) && tokens.get(id).length === 1) this.#byteIds[tokens.get(id)[0]] = id;
    }
    this.#unmergeable = new Map(unmergeable.map((id) => [byteString(tokens.get(id)), id]));
    this.#finder = new TokenFinder([...specialTokens.keys(), ...addedTokens.keys()]);
    let size = tokens.size;
    for (const [token, id] of [...specialTokens, ...addedTokens]) {
      size = Math.max(size, id + 1);
      // An id may have several names; decoding gives the first.
      if (!this.#specialBytes.has(id)) this.#specialBytes.set(id, new TextEncoder().encode(token));
    }
    this.vocabSize = size;
    this.endOfText = specialTokens.get(endOfText) ?? addedTokens.get(endOfText);
  }

  /** Special tokens and their ids. */
  get specialTokens(): ReadonlyMap<string, number> {
    return this.vocabulary.specialTokens;
  }

  /**
   * By default a special token that is written out in the text is an error, `disallowed-special-token`, so that text
   * from strangers cannot pass for the marks that a program puts between texts.
   */
  encode(text: string, options: EncodeOptions = {}): number[] {
    const { allowedSpecial = [], disallowedSpecial = "all" } = options;
    const { specialTokens, addedTokens } = this.vocabulary;
    const allowed = chosenTokens("allowedSpecial", allowedSpecial, specialTokens);
    const disallowed = chosenTokens("disallowedSpecial", disallowedSpecial, specialTokens);
    const refused = this.#finder.find(
      text,
      0,
      (token) => disallowed(token) && !(disallowedSpecial === "all" && allowed(token)),
    );
    if (refused) throw disallowedError(refused.token, refused.start);

    const out = (this.#out ??= new IdBuffer());
    // An earlier call may have run out of memory.
    out.length = 0;
    for (let at = 0; ;) {
      const found = this.#finder.find(text, at, (token) => addedTokens.has(token) || allowed(token));
      this.#encodePlain(text, at, found?.start ?? text.length, out);
      if (!found) return out.take();
      out.reserve(1);
      out.ids[out.length++] = (specialTokens.get(found.token) ?? addedTokens.get(found.token))!;
      at = found.start + found.token.length;
    }
  }

  decode(ids: Iterable<number>): string {
    return newDecoder().decode(this.decodeBytes(ids));
  }

  /** The bytes of tokens, which need not be whole characters. */
  decodeBytes(ids: Iterable<number>): Uint8Array {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const id of ids) {
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

  /** The bytes of one token. They must not be changed. */
  tokenBytes(id: number): Uint8Array {
    const { tokens } = this.vocabulary;
    const bytes = tokens.has(id) ? tokens.get(id) : this.#specialBytes.get(id);
    if (bytes) return bytes;
    throw new TokenizerError(
      "unknown-token",
      `there is no token ${id}; the vocabulary has ids below ${this.vocabSize}`,
    );
  }

  createDecoder(): StreamingDecoder {
    const decoder = newDecoder();
    return {
      push: (id) => decoder.decode(this.tokenBytes(id), { stream: true }),
      flush: () => decoder.decode(),
    };
  }

  /** Appends the ids of a part of the text, in which no special token is looked for. */
  #encodePlain(text: string, start: number, end: number, out: IdBuffer): void {
    const cache = (this.#cache ??= new PieceCache());
    const parts = (this.#parts ??= new Utf8Parts());
    for (let read = start; read < end;) {
      read = parts.read(text, read, end);
      const { view, length } = parts;
      out.reserve(length);
      for (let at = 0; at < length;) {
        const stop = this.#preTokenize(view, at, length);
        const isCached = stop - at <= longestCached;
        if (!isCached || !cache.append(view, at, stop - at, out)) {
          const count = this.#encodePiece(view, at, stop);
          for (let i = 0; i < count; i++) out.ids[out.length++] = this.#ids[i];
          if (isCached) cache.add(stop - at, this.#ids, count);
        }
        at = stop;
      }
    }
  }

  /** Puts the ids of a pre-token into `#ids` and gives their number. */
  #encodePiece(utf8: DataView, start: number, end: number): number {
    const length = end - start;
    if (length > this.#ids.length) this.#ids = new Int32Array(length);
    if (this.#unmergeable.size > 0) {
      const whole = this.#unmergeable.get(byteString(new Uint8Array(utf8.buffer, start, length)));
      if (whole !== undefined) {
        this.#ids[0] = whole;
        return 1;
      }
    }
    for (let i = 0; i < length; i++) this.#ids[i] = this.#byteIds[utf8.getUint8(start + i)];
    return this.#merger.merge(this.#ids, length);
  }
}

/** One that passes on everything, a byte order mark too. */
function newDecoder(): TextDecoder {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}

function disallowedError(token: string, start: number): TokenizerError {
  const name = JSON.stringify(token);
  return new TokenizerError(
    "disallowed-special-token",
    `the text has the special token ${name} at character ${start}, which is not allowed there; pass ` +
      `{ allowedSpecial: [${name}] } to encode it as that token, { disallowedSpecial: [] } to read it as plain text`,
  );
}
