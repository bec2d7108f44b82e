import { AddedTokenFinder } from "./added-token-finder.ts";
import type { AddedToken } from "./added-tokens.ts";

/**
 * Gives the plain text between the special tokens of texts that come one by one. A token may lie across texts, as in a
 * file that is read in parts; plain text does not go from one to the next.
 */
export class SpecialSplitter {
  readonly #finder: AddedTokenFinder;
  /** Texts of which it is not decided yet where they are split, joined. */
  #held = "";
  /** Where in these each text ends. */
  #borders: number[] = [];

  constructor(tokens: readonly AddedToken[]) {
    this.#finder = new AddedTokenFinder(tokens);
  }

  /** The stretches that are decided with this text. */
  *push(text: string): Generator<string> {
    if (this.#finder.longest === 0) {
      yield text;
      return;
    }
    this.#held += text;
    this.#borders.push(this.#held.length);
    yield* this.#release(this.#undecided());
  }

  /** The stretches that are left at the end. */
  *flush(): Generator<string> {
    yield* this.#release(this.#held.length);
  }

  /** The first position from which more text might make a token, or a longer one. */
  #undecided(): number {
    const { length } = this.#held;
    let at = Math.max(0, length - this.#finder.longest + 1);
    while (at < length && !this.#finder.isUndecided(this.#held, at)) at++;
    return at;
  }

  /** Gives the plain text before a position, but for the stretch in which that lies. */
  *#release(undecided: number): Generator<string> {
    const held = this.#held;
    let kept = held.length;
    for (const { start, end, token, at } of this.#finder.split(held, () => true)) {
      // The stretch before a token that might become longer is held with it.
      if (token ? at >= undecided : end > undecided) {
        kept = token ? Math.min(kept, start) : this.#borderBefore(undecided, start);
      }
      if (!token) yield* this.#pieces(start, Math.min(end, kept));
      if (kept < held.length) break;
    }
    this.#held = held.slice(kept);
    this.#borders = this.#borders.map((border) => border - kept).filter((border) => border > 0);
  }

  /** The last border up to a position, or `start`. */
  #borderBefore(position: number, start: number): number {
    return this.#borders.findLast((border) => border <= position && border > start) ?? start;
  }

  /** A stretch, cut where texts end. */
  *#pieces(start: number, end: number): Generator<string> {
    for (const border of this.#borders) {
      if (border > start && border < end) {
        yield this.#held.slice(start, border);
        start = border;
      }
    }
    if (start < end) yield this.#held.slice(start, end);
  }
}
