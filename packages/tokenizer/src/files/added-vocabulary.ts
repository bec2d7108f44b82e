import type { AddedToken } from "../bpe/added-tokens.ts";
import { maxVocabSize } from "../bpe/vocabulary.ts";
import { quote } from "../messages.ts";
import { unspellBytes } from "./byte-alphabet.ts";
import type { JsonValue } from "./json.ts";

/** Bounds on added tokens, since text is searched for them. Those in use have some tens of characters each. */
const longestAddedToken = 1000;
const longestAddedTokens = 2 ** 20;

/** A token that a file adds to the vocabulary, or names as a special one. */
export interface DeclaredToken extends Omit<AddedToken, "id" | "bytes"> {
  /** The id that the file gives it, if it does. */
  readonly id?: number;
  /** Where that is, for messages. */
  readonly place: JsonValue;
}

/** How a token is declared: every key but the content may be left out. */
export function declaredToken(value: JsonValue, isSpecial?: boolean): DeclaredToken {
  const special = isSpecial ?? value.get("special").boolean(false);
  return {
    content: value.get("content").string(),
    special,
    singleWord: value.get("single_word").boolean(false),
    leftStrip: value.get("lstrip").boolean(false),
    rightStrip: value.get("rstrip").boolean(false),
    normalized: value.get("normalized").boolean(!special),
    place: value,
  };
}

/** A token of which a file gives the content alone. */
export function plainToken(content: string, special: boolean, place: JsonValue, id?: number): DeclaredToken {
  const flags = { singleWord: false, leftStrip: false, rightStrip: false, normalized: !special };
  return { content, special, ...flags, place, ...(id !== undefined && { id }) };
}

/** Whether both are found in the same way. */
export function matchAlike(a: DeclaredToken, b: DeclaredToken): boolean {
  return (
    a.singleWord === b.singleWord &&
    a.leftStrip === b.leftStrip &&
    a.rightStrip === b.rightStrip &&
    a.normalized === b.normalized
  );
}

/**
 * Numbers added tokens as `AddedVocabulary::add_tokens` of Hugging Face's tokenizers does, which does not look at the
 * ids in files: a token that the model has keeps its id there, others get the next ones. A file that says other ids
 * than these is refused.
 */
export class AddedVocabulary {
  readonly #modelIds: ReadonlyMap<string, number>;
  readonly #namesById: ReadonlyMap<number, string>;
  readonly #tokens = new Map<string, DeclaredToken & { readonly id: number }>();
  readonly #ids = new Set<number>();
  #greatestId = -1;
  #length = 0;

  /** `modelIds`: the ids of the model's tokens by their names in the file; `namesById` the other way round. */
  constructor(modelIds: ReadonlyMap<string, number>, namesById: ReadonlyMap<number, string>) {
    this.#modelIds = modelIds;
    this.#namesById = namesById;
  }

  /** Adds tokens. One that is there already takes the new properties, but stays special. */
  add(tokens: Iterable<DeclaredToken>): void {
    const modelSize = this.#modelIds.size;
    let nextId = this.#greatestId >= modelSize ? this.#greatestId + 1 : modelSize;
    for (const token of tokens) {
      const { content, place } = token;
      if (content === "") continue;
      const known = this.#tokens.get(content);
      const id = known?.id ?? this.#modelIds.get(content) ?? nextId++;
      if (token.id !== undefined && token.id !== id) {
        throw place.invalid(
          `gives ${quote(content)} the id ${token.id}, but Hugging Face's libraries give it ${id}: ` +
            (this.#modelIds.has(content) ? "that of the vocabulary" : "the next one behind the vocabulary"),
        );
      }
      this.#check(content, id, place);
      this.#tokens.set(content, { ...token, id, special: token.special || known?.special === true });
      this.#ids.add(id);
      this.#greatestId = Math.max(this.#greatestId, id);
    }
  }

  #check(content: string, id: number, place: JsonValue): void {
    const name = this.#namesById.get(id);
    if (name !== undefined && name !== content) {
      throw place.invalid(`adds ${quote(content)} with the id ${id}, which ${quote(name)} of the vocabulary has`);
    }
    if (id >= maxVocabSize) throw place.unsupported(`adds ${quote(content)} with the id ${id}, ${maxVocabSize} or more`);
    if (content.length > longestAddedToken) throw place.unsupported(`is a token of ${content.length} characters`);
    if (!this.#tokens.has(content)) this.#length += content.length;
    if (this.#length > longestAddedTokens) {
      throw place.unsupported(`makes the added tokens longer than ${longestAddedTokens} characters together`);
    }
  }

  get(content: string): DeclaredToken | undefined {
    return this.#tokens.get(content);
  }

  idOf(content: string): number | undefined {
    return this.#tokens.get(content)?.id;
  }

  /** Whether an id is that of an added token. */
  hasId(id: number): boolean {
    return this.#ids.has(id);
  }

  /**
   * The tokens by id. `normalize` makes what is looked for of those that say so. The decoder of a tokenizer of bytes reads
   * one that is spelled in the byte-level alphabet as the bytes that it spells.
   */
  tokens(normalize?: (text: string) => string, isByteLevel = true): AddedToken[] {
    return Array.from(this.#tokens.values(), ({ place: _, ...token }) => {
      const content = token.normalized && normalize ? normalize(token.content) : token.content;
      const bytes = isByteLevel ? unspellBytes(content) : undefined;
      return { ...token, ...(content !== token.content && { normalizedContent: content }), ...(bytes && { bytes }) };
    }).sort((a, b) => a.id - b.id);
  }
}
