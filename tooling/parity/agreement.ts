import { expect } from "vitest";

/** The largest ‖a − b‖₂ / ‖b‖₂ between ours, a, and PyTorch's, b. Both compute in float32. */
export const tolerance = 1e-4;

/** Compares numbers with PyTorch's and remembers the largest deviation of each kind. */
export class Agreement {
  readonly #title: string;
  readonly #largest = new Map<string, { deviation: number; what: string }>();

  constructor(title: string) {
    this.#title = title;
  }

  /** Expects agreement in norm. `kind` groups what is reported together, `what` names the one tensor. */
  expect(kind: string, what: string, actual: ArrayLike<number>, expected: ArrayLike<number>): void {
    expect(actual.length, `${kind} ${what}: the number of values`).toBe(expected.length);
    const deviation = norm(difference(actual, expected)) / norm(expected);
    this.#remember(kind, what, deviation);
    expect(deviation, `${kind} ${what}: deviation from PyTorch`).toBeLessThanOrEqual(tolerance);
  }

  /** Expects values of which all are truly zero: a bound on their norm. */
  expectZero(kind: string, what: string, actual: ArrayLike<number>, bound: number): void {
    this.#remember(kind, what, norm(actual));
    expect(norm(actual), `${kind} ${what}: norm of what is truly zero`).toBeLessThanOrEqual(bound);
  }

  /** Prints the largest deviations, under GPT_VERIFY. */
  report(): void {
    if (!process.env.GPT_VERIFY) return;
    for (const [kind, { deviation, what }] of this.#largest) {
      console.log(`${this.#title}: ${kind} within ${deviation.toExponential(1)} (${what})`);
    }
  }

  #remember(kind: string, what: string, deviation: number): void {
    if (!(deviation <= (this.#largest.get(kind)?.deviation ?? -1))) this.#largest.set(kind, { deviation, what });
  }
}

function difference(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  return Float64Array.from(a, (value, i) => value - b[i]);
}

function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ** 2;
  return Math.sqrt(sum);
}
