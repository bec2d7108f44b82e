import { checkArgument } from "@gpt/tensor";
import { invalidOption, listed, textsExpected } from "./options.ts";

/**
 * Watches a growing text for stop sequences. What might be the beginning of one is held back until that is decided, so
 * that a stop sequence never shows, not even in part.
 */
export class StopMatcher {
  readonly #stops: readonly string[];
  #held = "";
  #stopped = false;

  /** One stop sequence or several; an empty one is none. Throws `invalid-option`. */
  constructor(stops?: string | readonly string[]) {
    checkArgument("stop", stops ?? [], textsExpected, invalidOption);
    this.#stops = listed(stops ?? []).filter((stop) => stop !== "");
  }

  /** Whether a stop sequence was found. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Takes further text and returns what is certain to come before any stop sequence. */
  push(text: string): string {
    if (this.#stopped) return "";
    const pending = this.#held + text;
    const found = this.#stops.map((stop) => pending.indexOf(stop)).filter((index) => index >= 0);
    if (found.length > 0) {
      this.#stopped = true;
      this.#held = "";
      return pending.slice(0, Math.min(...found));
    }
    const certain = pending.length - this.undecided(pending);
    this.#held = pending.slice(certain);
    return pending.slice(0, certain);
  }

  /** The text that was held back, when no more comes. */
  flush(): string {
    const rest = this.#held;
    this.#held = "";
    return rest;
  }

  /** Length of the longest end of the text with which a stop sequence begins. */
  private undecided(text: string): number {
    const longest = Math.max(0, ...this.#stops.map(({ length }) => length - 1));
    for (let length = Math.min(longest, text.length); length > 0; length--) {
      const end = text.slice(text.length - length);
      if (this.#stops.some((stop) => stop.startsWith(end))) return length;
    }
    return 0;
  }
}
