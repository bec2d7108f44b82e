import { chosenTokens } from "./bpe/special-choice.ts";
import { TokenizerError } from "./errors.ts";
import { quote } from "./messages.ts";
import { checkIds, checkOptions, checkText, checkTexts, invalidOption, isList, skipsIds } from "./options.ts";
import type { DecodeOptions, EncodeOptions, StreamingDecoder, TokenRoles, Tokenizer } from "./tokenizer.ts";
import { showCharacter, wellFormed } from "./unicode/text.ts";

/** One token a character (Unicode code point). */
export class CharacterTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly endOfText = undefined;
  readonly roles: TokenRoles = {};
  /** The characters by id. */
  readonly characters: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;

  /** `characters`: one code point each, all different; a character's id is its index. */
  constructor(characters: Iterable<string>) {
    if (typeof characters !== "string" && !isList(characters)) throw invalidOption("characters", characters, "an array of single characters");
    this.characters = Object.freeze([...characters]);
    this.vocabSize = this.characters.length;
    this.#ids = new Map(this.characters.map((character, id) => [character, id]));
    if (this.vocabSize === 0) throw new TokenizerError("invalid-option", "a tokenizer needs at least one character");
    for (const [id, character] of this.characters.entries()) {
      if (typeof character !== "string" || [...character].length !== 1 || wellFormed(character) !== character) {
        throw new TokenizerError("invalid-option", `entry ${id}, ${quote(character)}, is not one character`);
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
    checkTexts(texts);
    const found = new Set<string>();
    let count = 0;
    const collect = (text: string): void => {
      checkText(`texts[${count++}]`, text);
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
  encode(text: string, options: EncodeOptions = {}): number[] {
    checkText("text", text);
    checkOptions(options);
    const { allowedSpecial = [], disallowedSpecial = "all" } = options;
    // There are none, so that no name is right.
    chosenTokens("allowedSpecial", allowedSpecial, new Map());
    chosenTokens("disallowedSpecial", disallowedSpecial, new Map());
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

  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    checkIds(ids);
    const decoder = this.createDecoder(options);
    let text = "";
    for (const id of ids) text += decoder.push(id);
    return text;
  }

  createDecoder(options: DecodeOptions = {}): StreamingDecoder {
    const skips = skipsIds(options);
    return { push: (id) => (skips && !this.hasToken(id) ? "" : this.#character(id)), flush: () => "" };
  }

  hasToken(id: number): boolean {
    return Number.isInteger(id) && id >= 0 && id < this.vocabSize;
  }

  #character(id: number): string {
    if (this.hasToken(id)) return this.characters[id];
    throw new TokenizerError("unknown-token", `there is no token ${quote(id)}; ids go from 0 to ${this.vocabSize - 1}`);
  }

  #unknown(text: string, character: string, position: number): TokenizerError {
    const before = text.slice(0, position);
    const line = before.split("\n").length;
    const column = [...before.slice(before.lastIndexOf("\n") + 1)].length + 1;
    return new TokenizerError(
      "unknown-character",
      `the character ${showCharacter(character)} at line ${line}, column ${column} is not among the tokenizer's ` +
        `${this.vocabSize} characters; build the tokenizer from text that has it`,
    );
  }
}

function fromSet(found: ReadonlySet<string>): CharacterTokenizer {
  if (found.size === 0) {
    throw new TokenizerError("no-text", "the text is empty; give text that has the characters to learn");
  }
  return new CharacterTokenizer([...found].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!));
}
