import type { AddedToken } from "./added-tokens.ts";

/** A stretch of a text: an added token with the white space that it takes, or plain text. */
export interface Stretch {
  /** What `start` and `end` are in: the whole text, or a normalized part of it. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly token?: AddedToken;
  /** Where in the whole text the token itself begins; of one in a part that normalizing changed, about where. */
  readonly at: number;
  /** Whether the stretch begins where the whole text does. */
  readonly isFirst: boolean;
}

interface TrieNode {
  readonly children: Map<string, TrieNode>;
  /** The token that ends here. */
  token?: AddedToken;
}

/** `\w` and `\s` as Rust's regular expressions define them. */
const wordBefore = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const wordBehind = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const whiteSpace = /^\p{White_Space}$/u;

/** Finds tokens in text; a trie, since there may be thousands of them. */
class Finder {
  readonly #root: TrieNode = { children: new Map() };
  /** What all tokens begin with, so that most of a text is passed over fast. */
  readonly #prefix: string;
  /** Which UTF-16 units tokens begin with. */
  readonly #firsts = new Uint8Array(2 ** 16);
  readonly isEmpty: boolean;

  constructor(tokens: readonly AddedToken[]) {
    let prefix: string | undefined;
    for (const token of tokens) {
      let node = this.#root;
      const content = patternOf(token);
      for (const unit of content.split("")) {
        let child = node.children.get(unit);
        if (!child) node.children.set(unit, (child = { children: new Map() }));
        node = child;
      }
      node.token = token;
      if (content !== "") this.#firsts[content.charCodeAt(0)] = 1;
      prefix = prefix === undefined ? content : commonPrefix(prefix, content);
    }
    this.#prefix = prefix ?? "";
    this.isEmpty = tokens.length === 0;
  }

  /** Whether it is plain that a text has none of the tokens. */
  isAbsentFrom(text: string): boolean {
    return this.isEmpty || (this.#prefix !== "" && !text.includes(this.#prefix));
  }

  /** The first token from `start` on that is wanted; of several at the same place the longest. */
  find(text: string, start: number, wanted: (token: AddedToken) => boolean): { token: AddedToken; at: number } | undefined {
    for (let at = this.#next(text, start); at < text.length; at = this.#next(text, at + 1)) {
      let longest: AddedToken | undefined;
      let node = this.#root.children.get(text[at]);
      for (let next = at + 1; node; next++) {
        if (node.token && wanted(node.token)) longest = node.token;
        node = next < text.length ? node.children.get(text[next]) : undefined;
      }
      if (longest) return { token: longest, at };
    }
    return undefined;
  }

  /** Where the next token may be; the text's length where none is. */
  #next(text: string, at: number): number {
    if (this.#prefix !== "") {
      const found = text.indexOf(this.#prefix, at);
      return found < 0 ? text.length : found;
    }
    while (at < text.length && this.#firsts[text.charCodeAt(at)] === 0) at++;
    return at;
  }

  /** Whether more text might make a token, or a longer one, of what stands from `at` to the end. */
  isUndecided(text: string, at: number): boolean {
    let node: TrieNode | undefined = this.#root;
    for (let next = at; node && next < text.length; next++) node = node.children.get(text[next]);
    return node !== undefined && node.children.size > 0;
  }
}

/**
 * Splits text at added tokens, as `AddedVocabulary` of Hugging Face's tokenizers does (added_vocabulary.rs of release
 * 0.23.1): first at those that are not normalized, then what is left at those that are.
 */
export class AddedTokenFinder {
  readonly #plain: Finder;
  readonly #normalized: Finder;
  /** UTF-16 units of the longest. */
  readonly longest: number;

  constructor(tokens: readonly AddedToken[]) {
    this.#plain = new Finder(tokens.filter(({ normalized }) => !normalized));
    this.#normalized = new Finder(tokens.filter(({ normalized }) => normalized));
    this.longest = tokens.reduce((length, token) => Math.max(length, patternOf(token).length), 0);
  }

  /** Whether it is plain that a text has none of the tokens: most texts have none, and need not be split. */
  isAbsentFrom(text: string): boolean {
    return this.#plain.isAbsentFrom(text) && this.#normalized.isAbsentFrom(text);
  }

  /**
   * The stretches of a text, in their order; tokens that are not wanted are plain text. `normalize` changes what is left
   * when the first tokens were found.
   */
  *split(text: string, wanted: (token: AddedToken) => boolean, normalize?: (text: string) => string): Generator<Stretch> {
    for (const stretch of stretches(text, this.#plain, wanted)) {
      if (stretch.token || (this.#normalized.isEmpty && !normalize)) {
        yield stretch;
        continue;
      }
      const { start, end, isFirst } = stretch;
      const inner = start === 0 && end === text.length ? text : text.slice(start, end);
      if (normalize) {
        for (const part of stretches(normalize(inner), this.#normalized, wanted)) {
          yield { ...part, at: start + Math.min(part.at, end - start), isFirst: isFirst && part.isFirst };
        }
        continue;
      }
      for (const { token, ...place } of stretches(inner, this.#normalized, wanted)) {
        const begin = start + place.start;
        yield { text, token, start: begin, end: start + place.end, at: start + place.at, isFirst: begin === 0 };
      }
    }
  }

  /** Whether some tokens are looked for in text that is normalized. */
  get hasNormalized(): boolean {
    return !this.#normalized.isEmpty;
  }

  /** Whether more text might make a token, or a longer one, of what stands from `at` to the end. */
  isUndecided(text: string, at: number): boolean {
    return this.#plain.isUndecided(text, at) || this.#normalized.isUndecided(text, at);
  }
}

function* stretches(text: string, finder: Finder, wanted: (token: AddedToken) => boolean): Generator<Stretch> {
  let done = 0;
  for (let found = finder.isEmpty ? undefined : finder.find(text, 0, wanted); found; ) {
    const { token, at } = found;
    const from = at + patternOf(token).length;
    if (!token.singleWord || isSingleWord(text, at, from)) {
      const start = token.leftStrip ? Math.max(spaceStart(text, at), done) : at;
      const end = token.rightStrip ? spaceEnd(text, from) : from;
      if (done < start) yield { text, start: done, end: start, at: done, isFirst: done === 0 };
      yield { text, token, start, end, at, isFirst: start === 0 };
      done = end;
    }
    found = finder.find(text, from, wanted);
  }
  if (done < text.length) yield { text, start: done, end: text.length, at: done, isFirst: done === 0 };
}

/** What is looked for in a text. */
function patternOf({ content, normalizedContent }: AddedToken): string {
  return normalizedContent ?? content;
}

function isSingleWord(text: string, start: number, end: number): boolean {
  return !wordBefore.test(text.slice(Math.max(0, start - 2), start)) && !wordBehind.test(text.slice(end, end + 2));
}

/** Where the white space before a position begins. All of it is in the basic plane. */
function spaceStart(text: string, at: number): number {
  while (at > 0 && whiteSpace.test(text[at - 1])) at--;
  return at;
}

function spaceEnd(text: string, at: number): number {
  while (at < text.length && whiteSpace.test(text[at])) at++;
  return at;
}

function commonPrefix(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}
