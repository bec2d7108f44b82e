import { BytePairTokenizer, CharacterPairTokenizer, encodingByName } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import type { Explanation, Tokenization, TokenizeOptions, TokenPart, VocabularyId } from "./api/tokens.ts";
import { EngineError } from "./failure.ts";

/** Symbols of a piece that are explained. */
const longestExplained = 200;

/** The vocabularies of the page: those that come with the tokenizer are loaded when they are asked for. */
export class Vocabularies {
  readonly #read = new Map<VocabularyId, Tokenizer>();

  set(id: "model" | "own", tokenizer: Tokenizer): void {
    this.#read.set(id, tokenizer);
  }

  async get(id: VocabularyId): Promise<Tokenizer> {
    const known = this.#read.get(id);
    if (known) return known;
    if (id === "model" || id === "own") throw new EngineError({ code: "not-open", message: `there is no vocabulary ${id} yet` });
    return encodingByName(id);
  }

  async tokenize(id: VocabularyId, text: string, options: TokenizeOptions): Promise<Tokenization> {
    const tokenizer = await this.get(id);
    const ids = Int32Array.from(tokenizer.encode(text, encodeOptions(options)));
    const specials = new Set(tokenizer.specialTokens?.values());
    const parts = Array.from(ids, (id) => bytesOf(tokenizer, id));
    const ends = new Int32Array(ids.length);
    let length = 0;
    for (const [i, part] of parts.entries()) ends[i] = length += part.length;
    const bytes = new Uint8Array(length);
    for (const [i, part] of parts.entries()) bytes.set(part, ends[i] - part.length);
    return {
      ids, bytes, ends,
      special: Uint8Array.from(ids, (id) => Number(specials.has(id))),
      vocabSize: tokenizer.vocabSize,
    };
  }

  async explain(id: VocabularyId, text: string, token: number, options: TokenizeOptions): Promise<Explanation | undefined> {
    const tokenizer = await this.get(id);
    const pieces = tokenizer.pieces?.(text, encodeOptions(options));
    let before = 0;
    for (const { ids, symbols, merges } of pieces ?? []) {
      before += ids.length;
      if (before <= token) continue;
      if (symbols.length > longestExplained) return { symbols: [], merges: [], length: symbols.length };
      const part = (id: number): TokenPart => ({ id, bytes: bytesOf(tokenizer, id) });
      return {
        symbols: symbols.map(part),
        merges: merges.map(({ at, rank, id }) => ({ at, rank, ...part(id) })),
        length: symbols.length,
      };
    }
    return undefined;
  }
}

function encodeOptions({ special }: TokenizeOptions) {
  return special ? ({ allowedSpecial: "all" } as const) : { disallowedSpecial: [] };
}

const encoder = new TextEncoder();

/** The bytes that a token stands for: of one made of characters, those of its name. */
export function bytesOf(tokenizer: Tokenizer, id: number): Uint8Array {
  if (tokenizer instanceof BytePairTokenizer) return tokenizer.tokenBytes(id);
  if (!(tokenizer instanceof CharacterPairTokenizer)) return encoder.encode(tokenizer.decode([id]));
  const name = tokenizer.tokenName(id);
  const byte = /^<0x([0-9A-F]{2})>$/.exec(name);
  return byte ? Uint8Array.of(parseInt(byte[1], 16)) : encoder.encode(name.replaceAll("▁", " "));
}
