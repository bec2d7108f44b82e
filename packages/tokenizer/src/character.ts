import { TokenizerError } from "./errors.ts";
import type { StreamingDecoder, Tokenizer } from "./tokenizer.ts";
import { showCharacter, wellFormed } from "./unicode/text.ts";

/** One token a character (Unicode code point). */
export class CharacterTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly endOfText = undefined;
  /** The characters by id. */
  readonly characters: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;

  /** `characters`: one code point each, all different; a character's id is its index. */
  constructor(characters: Iterable<string>) {
    this.characters = Object.freeze([...characters]);
    this.vocabSize = this.characters.length;
    this.#ids = new Map(this.characters.map((character, id) => [character, id]));
    if (this.vocabSize === 0) throw new TokenizerError("invalid-option", "a tokenizer needs at least one character");
    for (const [id, character] of this.characters.entries()) {
      if ([...character].length !== 1 || wellFormed(character) !== character) {
        throw new TokenizerError("invalid-option", `entry ${id}, ${JSON.stringify(character)}, is not one character`);
      }
      if (this.#ids.get(character) !== id) {
        throw new TokenizerError("invalid-option", `the character ${showCharacter(character)} appears twice`);
      }
    }
  }

  /**
   * A tokenizer for the characters of a text, or of several, which may come one by one; ids are in the order of the
   * code points. Throws `no-text` where there are none.
   */
  static fromText(texts: string | Iterable<string>): CharacterTokenizer;
  static fromText(texts: AsyncIterable<string>): Promise<CharacterTokenizer>;
  static fromText(texts: Iterable<string> | AsyncIterable<string>): CharacterTokenizer | Promise<CharacterTokenizer> {
    const found = new Set<string>();
    const collect = (text: string): void => {
      for (const character of text) found.add(wellFormed(character));
    };
    if (typeof texts !== "string" && Symbol.asyncIterator in texts) {
      return (async () => {
        for await (const text of texts) collect(text);
        return fromSet(found);
      })();
    }
    // A string is an iterable of its characters.
    for (const text of texts) collect(text);
    return fromSet(found);
  }

  /** Throws `unknown-character`, which shows the character and where it is. */
  encode(text: string): number[] {
    const ids: number[] = [];
    let position = 0;
    for (const character of text) {
      const id = this.#ids.get(character) ?? this.#ids.get(wellFormed(character));
      if (id === undefined) throw this.#unknown(text, character, position);
      ids.push(id);
      position += character.length;
    }
    return ids;
  }

  decode(ids: Iterable<number>): string {
    let text = "";
    for (const id of ids) text += this.#character(id);
    return text;
  }

  createDecoder(): StreamingDecoder {
    return { push: (id) => this.#character(id), flush: () => "" };
  }

  #character(id: number): string {
    if (Number.isInteger(id) && id >= 0 && id < this.vocabSize) return this.characters[id];
    throw new TokenizerError("unknown-token", `there is no token ${id}; ids go from 0 to ${this.vocabSize - 1}`);
  }

  #unknown(text: string, character: string, position: number): TokenizerError {
    const before = text.slice(0, position);
    const line = before.split("\n").length;
    const column = [...before.slice(before.lastIndexOf("\n") + 1)].length + 1;
    return new TokenizerError(
      "unknown-character",
      `the character ${showCharacter(character)} at line ${line}, column ${column} is not among the tokenizer's ` +
        `${this.vocabSize} characters; remove it, or build the tokenizer from text that has it`,
    );
  }
}

function fromSet(found: ReadonlySet<string>): CharacterTokenizer {
  if (found.size === 0) {
    throw new TokenizerError("no-text", "the text is empty; give text that has the characters to learn");
  }
  return new CharacterTokenizer([...found].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!));
}
