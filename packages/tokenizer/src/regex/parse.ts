import { anyCharacter, CharSet, noCharacter } from "./char-set.ts";
import type { RegexNode } from "./node.ts";
import { propertySet } from "./properties.ts";

/** What is wrong with an expression, or not supported in it. */
export class RegexError extends Error {
  override readonly name = "RegexError";
}

const longestExpression = 10_000;
const maxDepth = 50;
/** Copies of what is repeated, and repetitions, that an expression may ask for. */
const maxCount = 1000;

const newline = /* @__PURE__ */ CharSet.of(0x0a);
const ascii = /* @__PURE__ */ CharSet.ofRanges([[0, 0x7f]]);
const escapes: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7, e: 27 };
const classEscapes: Readonly<Record<string, string>> = { s: "space", d: "digit", w: "word", h: "xdigit" };

/** What else a letter of ASCII stands for where case does not count, by Unicode's simple case folding. */
const foldedAlike: Readonly<Record<string, number>> = { k: 0x212a, s: 0x17f };
/** Letters of ASCII that together are one character where case does not count, such as ﬁ. */
const foldedTogether = /ff|fi|fl|ss|st/i;

/** Reads a regular expression in the syntax of Oniguruma (Ruby's), which Hugging Face's tokenizers use. */
export function parseRegex(source: string): RegexNode {
  if (source.length > longestExpression) throw new RegexError(`is longer than ${longestExpression} characters`);
  return new Parser(source).parse();
}

interface Flags {
  readonly anyCase: boolean;
  readonly dotAll: boolean;
  readonly extended: boolean;
}

class Parser {
  readonly #text: readonly string[];
  #at = 0;
  #depth = 0;
  #flags: Flags = { anyCase: false, dotAll: false, extended: false };

  constructor(source: string) {
    this.#text = [...source];
  }

  parse(): RegexNode {
    const node = this.#choice();
    if (this.#at < this.#text.length) throw this.#error('has ")" without "("');
    return node;
  }

  #error(problem: string): RegexError {
    return new RegexError(`${problem} (character ${this.#at + 1})`);
  }

  #startsWith(text: string): boolean {
    return [...text].every((character, index) => this.#text[this.#at + index] === character);
  }

  #take(text: string): boolean {
    if (!this.#startsWith(text)) return false;
    this.#at += [...text].length;
    return true;
  }

  #next(): string {
    if (this.#at >= this.#text.length) throw this.#error("ends too early");
    return this.#text[this.#at++];
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > maxDepth) throw this.#error(`is nested more than ${maxDepth} deep`);
    const value = read();
    this.#depth--;
    return value;
  }

  #choice(): RegexNode {
    const options = [this.#sequence()];
    while (this.#take("|")) options.push(this.#sequence());
    if (options.length === 1) return options[0];
    const sets = options.map((option) => (option.kind === "set" ? option.set : undefined));
    // Alternatives of one character are a class.
    if (sets.every((found) => found !== undefined)) return set(sets.reduce((all, found) => all.or(found)));
    return { kind: "choice", options };
  }

  #sequence(): RegexNode {
    const items: RegexNode[] = [];
    let literal = "";
    while (this.#at < this.#text.length && !this.#startsWith("|") && !this.#startsWith(")")) {
      if (this.#flags.extended && this.#skipSpace()) continue;
      if (this.#take("(?#")) {
        while (this.#next() !== ")");
        continue;
      }
      const start = this.#at;
      const switched = this.#flagSwitch();
      if (switched) {
        items.push(switched);
        break;
      }
      const item = this.#atom();
      literal = /^[a-z]$/i.test(this.#text.slice(start, this.#at).join("")) ? literal + this.#text[start] : "";
      if (this.#flags.anyCase && foldedTogether.test(literal)) {
        throw this.#error(`ignores the case of ${literal}, of which one character may be the equal`);
      }
      items.push(this.#quantified(item));
    }
    return items.length === 1 ? items[0] : { kind: "sequence", items };
  }

  #skipSpace(): boolean {
    if (/\s/.test(this.#text[this.#at])) {
      this.#at++;
      return true;
    }
    if (!this.#take("#")) return false;
    while (this.#at < this.#text.length && this.#text[this.#at] !== "\n") this.#at++;
    return true;
  }

  /** `(?i)`: holds to the end of the group; alternatives behind it are inside, as in Ruby. */
  #flagSwitch(): RegexNode | undefined {
    const match = /^\(\?([imx]*(?:-[imx]+)?)\)/.exec(this.#text.slice(this.#at, this.#at + 12).join(""));
    if (!match || match[1] === "") return undefined;
    this.#at += match[0].length;
    return this.#nested(() => this.#withFlags(match[1], () => this.#choice()));
  }

  #withFlags(letters: string, read: () => RegexNode): RegexNode {
    const before = this.#flags;
    const [on, off = ""] = letters.split("-");
    const value = (letter: string, now: boolean): boolean => (on.includes(letter) || now) && !off.includes(letter);
    this.#flags = {
      anyCase: value("i", before.anyCase),
      dotAll: value("m", before.dotAll),
      extended: value("x", before.extended),
    };
    const node = read();
    this.#flags = before;
    return node;
  }

  #quantified(node: RegexNode): RegexNode {
    for (;;) {
      if (this.#flags.extended) while (this.#at < this.#text.length && this.#skipSpace());
      const counts = this.#counts();
      if (!counts) return node;
      const [min, max, isBraces] = counts;
      if (node.kind === "look") throw this.#error("repeats what has no characters");
      const lazy = this.#take("?");
      const repeat: RegexNode = { kind: "repeat", body: node, min, max, lazy };
      // In Ruby's syntax {1,3}+ repeats what is repeated, and is not possessive.
      node = !lazy && !isBraces && this.#take("+") ? { kind: "atomic", body: repeat } : repeat;
    }
  }

  #counts(): [min: number, max: number, isBraces: boolean] | undefined {
    if (this.#take("*")) return [0, Infinity, false];
    if (this.#take("+")) return [1, Infinity, false];
    if (this.#take("?")) return [0, 1, false];
    const match = /^\{(\d{0,6})(,?)(\d{0,6})\}/.exec(this.#text.slice(this.#at, this.#at + 16).join(""));
    if (!match || (match[1] === "" && match[3] === "")) return undefined;
    this.#at += match[0].length;
    const min = Number(match[1]);
    const max = match[2] === "" ? min : match[3] === "" ? Infinity : Number(match[3]);
    if (min > max) throw this.#error("repeats at least more often than at most");
    if (min > maxCount || (max > maxCount && max !== Infinity)) throw this.#error(`repeats more than ${maxCount} times`);
    return [min, max, true];
  }

  #atom(): RegexNode {
    const character = this.#next();
    switch (character) {
      case "(":
        return this.#nested(() => this.#group());
      case "[":
        return set(this.#nested(() => this.#class(true)));
      case ".":
        return set(this.#flags.dotAll ? anyCharacter : newline.not());
      case "^":
        return lineStart();
      case "$":
        return look(false, newline.not());
      case "\\":
        return this.#escape();
      case "*":
      case "+":
      case "?":
        throw this.#error(`has ${character} with nothing to repeat`);
      default:
        return set(this.#folded(CharSet.of(character.codePointAt(0)!)));
    }
  }

  #group(): RegexNode {
    const body = (): RegexNode => {
      const flags = this.#flags;
      const node = this.#choice();
      this.#flags = flags;
      if (!this.#take(")")) throw this.#error('has "(" without ")"');
      return node;
    };
    if (!this.#take("?")) return body();
    if (this.#take(":")) return body();
    if (this.#take(">")) return { kind: "atomic", body: body() };
    for (const [mark, behind, negative] of [["=", false, false], ["!", false, true], ["<=", true, false], ["<!", true, true]] as const) {
      if (this.#take(mark)) return { kind: "look", behind, negative, body: body() };
    }
    const name = /^<[A-Za-z_]\w{0,30}>/.exec(this.#text.slice(this.#at, this.#at + 34).join(""));
    if (name) {
      this.#at += name[0].length;
      return body();
    }
    const flags = /^([imx]*(?:-[imx]+)?):/.exec(this.#text.slice(this.#at, this.#at + 10).join(""));
    if (!flags) throw this.#error("has a group of a kind");
    this.#at += flags[0].length;
    return this.#withFlags(flags[1], body);
  }

  #escape(): RegexNode {
    switch (this.#text[this.#at]) {
      case "A":
        this.#at++;
        return look(true, anyCharacter);
      case "z":
        this.#at++;
        return look(false, anyCharacter);
      case "Z": {
        this.#at++;
        const rest: RegexNode = { kind: "sequence", items: [set(newline), look(false, anyCharacter)] };
        const body: RegexNode = { kind: "choice", options: [rest, look(false, anyCharacter)] };
        return { kind: "look", behind: false, negative: false, body };
      }
      case "b":
      case "B": {
        const isBorder = this.#next() === "b";
        const word = wordAlone();
        const side = (behind: boolean, negative: boolean): RegexNode => ({ kind: "look", behind, negative, body: set(word) });
        const pairs = isBorder ? [[false, true], [true, false]] : [[false, false], [true, true]];
        const options = pairs.map(([left, right]): RegexNode => ({ kind: "sequence", items: [side(true, left), side(false, right)] }));
        return { kind: "choice", options };
      }
      case "w":
      case "W":
        return set(this.#next() === "w" ? wordAlone() : wordAlone().not());
      default:
        return set(this.#folded(this.#escapedSet()));
    }
  }

  /** What an escape stands for that means the same inside a class and outside. */
  #escapedSet(): CharSet {
    const letter = this.#next();
    const isLetter = /[A-Za-z0-9]/.test(letter);
    if (!isLetter) return CharSet.of(letter.codePointAt(0)!);
    if (Object.hasOwn(classEscapes, letter.toLowerCase())) {
      const found = propertySet(classEscapes[letter.toLowerCase()])!;
      return letter === letter.toLowerCase() ? found : found.not();
    }
    if (letter === "p" || letter === "P") return this.#property(letter === "P");
    if (Object.hasOwn(escapes, letter)) return CharSet.of(escapes[letter]);
    if (letter === "x" || letter === "u") return CharSet.of(this.#code(letter));
    if (letter === "0") return CharSet.of(0);
    throw this.#error(`has \\${letter}`);
  }

  #code(kind: "x" | "u"): number {
    const rest = this.#text.slice(this.#at, this.#at + 12).join("");
    const match = (kind === "x" ? /^\{([0-9a-f]{1,8})\}|^([0-9a-f]{2})/i : /^([0-9a-f]{4})/i).exec(rest);
    const code = match ? parseInt(match[1] ?? match[2], 16) : NaN;
    // One byte of several is a character in Oniguruma only with the others.
    if (!match || !(code <= 0x10ffff) || (kind === "x" && match[2] !== undefined && code > 0x7f)) {
      throw this.#error(`has \\${kind} without a character`);
    }
    this.#at += match[0].length;
    return code;
  }

  #property(isNegative: boolean): CharSet {
    const match = /^\{(\^?)([^{}]{1,60})\}/.exec(this.#text.slice(this.#at, this.#at + 64).join(""));
    const found = match && propertySet(match[2]);
    if (!found) throw this.#error(`has the property ${match?.[0] ?? "\\p"}`);
    if (this.#flags.anyCase) throw this.#error(`ignores the case of \\p${match[0]}`);
    this.#at += match[0].length;
    return isNegative !== (match[1] === "^") ? found.not() : found;
  }

  /**
   * A class behind its bracket; `&&` intersects all that is on its two sides. Where case does not count, all cases are
   * added to what is in the outer class, before `^` turns it round.
   */
  #class(isOuter: boolean): CharSet {
    const isNegative = this.#take("^");
    let whole: CharSet | undefined;
    let part = noCharacter;
    for (let isFirst = true; isFirst || !this.#startsWith("]"); isFirst = false) {
      if (this.#take("&&")) {
        whole = whole ? whole.and(part) : part;
        part = noCharacter;
      } else part = part.or(this.#classItem());
    }
    this.#at++;
    const listed = whole ? whole.and(part) : part;
    const found = isOuter ? this.#folded(listed) : listed;
    return isNegative ? found.not() : found;
  }

  #classItem(): CharSet {
    const posix = /^\[:(\^?)([a-z]+):\]/.exec(this.#text.slice(this.#at, this.#at + 20).join(""));
    if (posix) {
      const found = posix[2] === "punct" ? propertySet("P")!.or(propertySet("S")!) : propertySet(posix[2]);
      const isKnown = found && ["alnum", "alpha", "digit", "lower", "punct", "space", "upper", "word", "xdigit", "ascii"].includes(posix[2]);
      if (!isKnown || this.#flags.anyCase) throw this.#error(`has ${posix[0]}`);
      this.#at += posix[0].length;
      return posix[1] ? found.not() : found;
    }
    if (this.#take("[")) return this.#nested(() => this.#class(false));
    const first = this.#classCharacter();
    const from = onlyCode(first);
    const next = this.#text[this.#at + 1];
    // A hyphen behind a class such as \w, or at the end, is one.
    if (from === undefined || !this.#startsWith("-") || next === undefined || next === "]") return first;
    if (next === "[") throw this.#error("has a range that does not end with a character");
    this.#at++;
    const to = onlyCode(this.#classCharacter());
    if (to === undefined || to < from) throw this.#error("has a range that does not end with a later character");
    return CharSet.ofRanges([[from, to]]);
  }

  #classCharacter(): CharSet {
    const character = this.#next();
    if (character !== "\\") return CharSet.of(character.codePointAt(0)!);
    return this.#take("b") ? CharSet.of(8) : this.#escapedSet();
  }

  /**
   * The characters that are equal where case does not count. Known for those of ASCII; classes such as \w have all cases.
   */
  #folded(found: CharSet): CharSet {
    if (!this.#flags.anyCase) return found;
    const others = found.and(ascii.not());
    if (!others.isEmpty && !foldedAsWhole(found)) {
      const cased = propertySet("Changes_When_Casemapped")!;
      if (others.meets(cased)) throw this.#error("ignores the case of characters that are not ASCII");
    }
    let folded = found;
    for (const [from, to] of found.and(ascii).ranges()) {
      for (let code = from; code <= to; code++) {
        const letter = String.fromCharCode(code).toLowerCase();
        if (!/[a-z]/.test(letter)) continue;
        folded = folded.or(CharSet.of(letter.charCodeAt(0), letter.toUpperCase().charCodeAt(0)));
        if (Object.hasOwn(foldedAlike, letter)) folded = folded.or(CharSet.of(foldedAlike[letter]));
      }
    }
    return folded;
  }
}

/** Whether a set has all cases of its characters, as classes such as \w and what is outside of them have. */
function foldedAsWhole(found: CharSet): boolean {
  const cased = propertySet("Changes_When_Casemapped")!;
  return cased.isWithin(found) || !cased.meets(found);
}

/** The start of a text, or of a line that has something in it. */
function lineStart(): RegexNode {
  return {
    kind: "choice",
    options: [
      look(true, anyCharacter),
      {
        kind: "sequence",
        items: [
          { kind: "look", behind: true, negative: false, body: set(newline) },
          { kind: "look", behind: false, negative: false, body: set(anyCharacter) },
        ],
      },
    ],
  };
}

/** `\w` outside of a class: Oniguruma has ² ³ ¹ ¼ ½ ¾ among them there, but not inside. */
function wordAlone(): CharSet {
  return propertySet("word")!.or(CharSet.ofRanges([[0xb2, 0xb3], [0xb9, 0xb9], [0xbc, 0xbe]]));
}

function set(found: CharSet): RegexNode {
  return { kind: "set", set: found };
}

/** Nothing of a set stands there. */
function look(behind: boolean, found: CharSet): RegexNode {
  return { kind: "look", behind, negative: true, body: set(found) };
}

function onlyCode(found: CharSet): number | undefined {
  const [range, ...more] = found.ranges();
  return range && more.length === 0 && range[0] === range[1] ? range[0] : undefined;
}

