const last = 0x10ffff;

/** A set of code points, as ranges in their order: the first of each and the last of each in turn. */
export class CharSet {
  readonly #ends: readonly number[];

  private constructor(ends: readonly number[]) {
    this.#ends = ends;
  }

  static of(...codes: readonly number[]): CharSet {
    return CharSet.ofRanges(codes.map((code) => [code, code]));
  }

  static ofRanges(ranges: Iterable<readonly [first: number, last: number]>): CharSet {
    const ends: number[] = [];
    for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
      if (ends.length > 0 && from <= ends[ends.length - 1] + 1) {
        ends[ends.length - 1] = Math.max(ends[ends.length - 1], to);
      } else ends.push(from, to);
    }
    return new CharSet(ends);
  }

  get isEmpty(): boolean {
    return this.#ends.length === 0;
  }

  *ranges(): Generator<[first: number, last: number]> {
    for (let at = 0; at < this.#ends.length; at += 2) yield [this.#ends[at], this.#ends[at + 1]];
  }

  has(code: number): boolean {
    let [low, high] = [0, this.#ends.length / 2];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ends[2 * middle + 1] < code) low = middle + 1;
      else high = middle;
    }
    return this.#ends[2 * low] <= code;
  }

  or(that: CharSet): CharSet {
    return CharSet.ofRanges([...this.ranges(), ...that.ranges()]);
  }

  not(): CharSet {
    const ends: number[] = [];
    let next = 0;
    for (const [from, to] of this.ranges()) {
      if (from > next) ends.push(next, from - 1);
      next = to + 1;
    }
    if (next <= last) ends.push(next, last);
    return new CharSet(ends);
  }

  and(that: CharSet): CharSet {
    return this.not().or(that.not()).not();
  }

  isWithin(that: CharSet): boolean {
    return this.and(that.not()).isEmpty;
  }

  meets(that: CharSet): boolean {
    return !this.and(that).isEmpty;
  }

  /** The set as a class of a regular expression with the flag `u`. */
  source(): string {
    const code = (value: number): string => `\\u{${value.toString(16)}}`;
    const parts = Array.from(this.ranges(), ([from, to]) => (from === to ? code(from) : `${code(from)}-${code(to)}`));
    return `[${parts.join("")}]`;
  }
}

export const noCharacter = /* @__PURE__ */ CharSet.ofRanges([]);
export const anyCharacter = /* @__PURE__ */ CharSet.ofRanges([[0, last]]);
