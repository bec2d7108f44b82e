/** Regular expressions of adapters, by the rules of Python's `re`, in time that grows with pattern and text alone. */

/** A place of an automaton: a character that `accepts` takes leads on, or nothing does where `holds` between two characters. */
interface State {
  readonly accepts?: (character: string) => boolean;
  readonly holds?: (before: string | undefined, behind: string | undefined) => boolean;
  readonly next: number[];
}

/** A part of an automaton: where it begins, and the state behind it, which leads nowhere yet. */
interface Part {
  readonly first: number;
  readonly last: number;
}

/** What is not supported, or no pattern, as text. */
export class PatternError extends Error {}

/** Names of modules have about 40 characters, and a model some hundreds of them. */
const mostStates = 4000;
const mostCharacters = 1000;
const mostRepeats = 1000;

const isWord = (character: string | undefined): boolean => character !== undefined && /\w/.test(character);

const classes: Readonly<Record<string, (character: string) => boolean>> = {
  d: (character) => /\d/.test(character),
  D: (character) => /\D/.test(character),
  w: isWord,
  W: (character) => !isWord(character),
  s: (character) => /\s/.test(character),
  S: (character) => /\S/.test(character),
};

const borders: Readonly<Record<string, NonNullable<State["holds"]>>> = {
  b: (before, behind) => isWord(before) !== isWord(behind),
  B: (before, behind) => isWord(before) === isWord(behind),
  A: (before) => before === undefined,
  Z: (_, behind) => behind === undefined,
};

/**
 * Whether a text as a whole is what a pattern asks for (`re.fullmatch`): characters, `.`, classes, groups, alternatives,
 * repeats, borders. References back and looks around are not supported. Throws `PatternError`.
 */
export function compilePattern(pattern: string): (text: string) => boolean {
  if (pattern.length > mostCharacters) throw new PatternError(`it has more than ${mostCharacters} characters`);
  const automaton = new Automaton(pattern);
  return (text) => automaton.matches(text);
}

class Automaton {
  readonly #pattern: string;
  #at = 0;
  readonly #states: State[] = [];
  readonly #whole: Part;

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#whole = this.alternatives();
    if (this.#at < pattern.length) throw this.error("a ) without its (");
  }

  matches(text: string): boolean {
    const characters = [...text];
    let reached = this.closure([this.#whole.first], undefined, characters[0]);
    for (const [i, character] of characters.entries()) {
      const next = [...reached].flatMap((state) => (this.#states[state].accepts?.(character) ? this.#states[state].next : []));
      reached = this.closure(next, character, characters[i + 1]);
    }
    return reached.has(this.#whole.last);
  }

  /** All states that are reached from some without a character, between two characters. */
  private closure(from: readonly number[], before: string | undefined, behind: string | undefined): Set<number> {
    const reached = new Set(from);
    for (const state of reached) {
      const { accepts, holds, next } = this.#states[state];
      if (accepts || holds?.(before, behind) === false) continue;
      for (const other of next) reached.add(other);
    }
    return reached;
  }

  private alternatives(): Part {
    const parts = [this.sequence()];
    while (this.take("|")) parts.push(this.sequence());
    if (parts.length === 1) return parts[0];
    const [first, last] = [this.state(), this.state()];
    for (const part of parts) {
      this.join(first, part.first);
      this.join(part.last, last);
    }
    return { first, last };
  }

  private sequence(): Part {
    const first = this.state();
    let last = first;
    while (this.#at < this.#pattern.length && !"|)".includes(this.#pattern[this.#at])) {
      const part = this.repeated();
      this.join(last, part.first);
      last = part.last;
    }
    return { first, last };
  }

  private repeated(): Part {
    const begin = this.#at;
    let part = this.atom();
    const end = this.#at;
    const counts = this.repeats();
    if (!counts) return part;
    if (this.repeats()) throw this.error("a repeat of a repeat");
    const [min, max] = counts;
    const after = this.#at;
    const again = (): Part => {
      this.#at = begin;
      const copy = this.atom();
      if (this.#at !== end) throw this.error("a repeat");
      return copy;
    };
    const [first, last] = [this.state(), this.state()];
    let reached = first;
    const count = max === Infinity ? Math.max(min, 1) : max;
    for (let i = 0; i < count; i++) {
      if (i > 0) part = again();
      if (i >= min) this.join(reached, last);
      this.join(reached, part.first);
      reached = part.last;
    }
    if (max === Infinity) this.join(reached, part.first);
    this.join(reached, last);
    this.#at = after;
    return { first, last };
  }

  /** How often what stands before may follow itself. Whether few or many are tried first changes nothing in a match of all. */
  private repeats(): [min: number, max: number] | undefined {
    const counted = /\{(\d*)(,?)(\d*)\}/y;
    counted.lastIndex = this.#at;
    const found = counted.exec(this.#pattern);
    let counts: [number, number] | undefined;
    if (this.take("*")) counts = [0, Infinity];
    else if (this.take("+")) counts = [1, Infinity];
    else if (this.take("?")) counts = [0, 1];
    else if (found && (found[1] !== "" || found[3] !== "")) {
      this.#at += found[0].length;
      const min = Number(found[1]);
      counts = [min, found[2] === "" ? min : found[3] === "" ? Infinity : Number(found[3])];
      if (min > mostRepeats || (counts[1] > mostRepeats && counts[1] !== Infinity) || counts[1] < min) throw this.error("such a count");
    }
    if (!counts) return undefined;
    if (this.take("+")) throw this.error("possessive repeats");
    this.take("?");
    return counts;
  }

  private atom(): Part {
    const character = this.#pattern[this.#at++];
    switch (character) {
      case "(": {
        if (this.take("?") && !this.take(":")) throw this.error("groups that begin with (?");
        const part = this.alternatives();
        if (!this.take(")")) throw this.error("a ( without its )");
        return part;
      }
      case ".":
        return this.one((one) => one !== "\n");
      case "^":
        return this.border(borders.A);
      case "$":
        return this.border(borders.Z);
      case "[":
        return this.one(this.set());
      case "\\": {
        const escaped = this.#pattern[this.#at];
        if (escaped !== undefined && Object.hasOwn(borders, escaped)) {
          this.#at++;
          return this.border(borders[escaped]);
        }
        return this.one(this.escaped());
      }
      case "*":
      case "+":
      case "?":
        throw this.error("nothing to repeat");
      default:
        return this.one((one) => one === character);
    }
  }

  /** An escape: what follows a backslash. */
  private escaped(): (character: string) => boolean {
    const character = this.#pattern[this.#at++];
    if (character === undefined) throw this.error("a \\ at the end");
    if (Object.hasOwn(classes, character)) return classes[character];
    if (/[a-zA-Z0-9]/.test(character)) throw this.error(`\\${character}`);
    return (one) => one === character;
  }

  /** A character class: what follows `[`. */
  private set(): (character: string) => boolean {
    const isOthers = this.take("^");
    const tests: ((character: string) => boolean)[] = [];
    for (let isFirst = true; isFirst || this.#pattern[this.#at] !== "]"; isFirst = false) {
      const character = this.#pattern[this.#at++];
      if (character === undefined) throw this.error("a [ without its ]");
      if (character === "\\") {
        tests.push(this.escaped());
        continue;
      }
      const isRange = this.#pattern[this.#at] === "-" && this.#pattern[this.#at + 1] !== "]";
      if (!isRange) {
        tests.push((one) => one === character);
        continue;
      }
      const end = this.#pattern[this.#at + 1];
      if (end === undefined || end === "\\" || end < character) throw this.error("such a range");
      this.#at += 2;
      tests.push((one) => one >= character && one <= end);
    }
    this.#at++;
    return (character) => tests.some((test) => test(character)) !== isOthers;
  }

  private take(character: string): boolean {
    const isThere = this.#pattern[this.#at] === character;
    if (isThere) this.#at++;
    return isThere;
  }

  private one(accepts: NonNullable<State["accepts"]>): Part {
    const last = this.state();
    return { first: this.state({ accepts, next: [last] }), last };
  }

  private border(holds: NonNullable<State["holds"]>): Part {
    const last = this.state();
    return { first: this.state({ holds, next: [last] }), last };
  }

  private join(from: number, to: number): void {
    this.#states[from].next.push(to);
  }

  private state(state: State = { next: [] }): number {
    if (this.#states.length >= mostStates) throw new PatternError("it is too long");
    return this.#states.push(state) - 1;
  }

  private error(what: string): PatternError {
    return new PatternError(`it has ${what}, at character ${this.#at}`);
  }
}
