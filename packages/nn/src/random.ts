import { seed as seedExpected, wholeNumber } from "@gpt/tensor";
import type { PhiloxKey } from "@gpt/tensor";
import { check } from "./checks.ts";

/**
 * The random numbers of a model: a seed, and a count of the keys taken in the current step. Keys are pure functions of
 * seed, step and count, so that a resumed run draws what an uninterrupted one would.
 */
export class RandomKeys {
  readonly seed: number;
  #step = 0;
  #count = 0;

  /** `seed` is a whole number from 0 to 2⁵³ − 1. Throws `invalid-argument`. */
  constructor(seed: number) {
    check("a seed", seed, seedExpected);
    this.seed = seed;
  }

  /** Begins a step: the keys that follow depend on the seed and on `step` (below 2³²) alone. */
  startStep(step: number): void {
    check("startStep: the step", step, wholeNumber(0, 2 ** 32 - 1));
    this.#step = step;
    this.#count = 0;
  }

  /**
   * Gives a function that computes with the keys that follow now, each time that it is called: so that dropout which is computed
   * again is the same. The first call takes the keys, later ones leave the count as it is.
   */
  replay(): <T>(compute: () => T) => T {
    const start = [this.#step, this.#count];
    let isAgain = false;
    return (compute) => {
      const now = [this.#step, this.#count];
      if (isAgain) [this.#step, this.#count] = start;
      try {
        return compute();
      } finally {
        if (isAgain) [this.#step, this.#count] = now;
        isAgain = true;
      }
    };
  }

  /** A key that was not given out in this step before. */
  next(): PhiloxKey {
    return { seed: [this.seed >>> 0, Math.floor(this.seed / 2 ** 32)], stream: [this.#step, this.#count++] };
  }
}
