import { check } from "../arguments.ts";
import { seed as seedExpected } from "../expectations.ts";
import type { PhiloxKey } from "../philox.ts";

// Streams that `RandomKeys` does not reach before its 2³²-th key of a step.
const [streamOfGenerator, streamOfSeeds] = [2 ** 32 - 1, 2 ** 32 - 2];

let seed: number | undefined;
let count = 0;

/**
 * Seeds the generator from which `rand`, `randn` and the layers of `@gpt/nn` draw where nothing else is given. The same
 * program then draws the same numbers. Until it is called the seed is drawn itself, anew for each process.
 */
export function manualSeed(value: number): void {
  check("manualSeed", "the seed", value, seedExpected);
  seed = value;
  count = 0;
}

/**
 * The next key of the generator.
 * @internal
 */
export function nextKey(): PhiloxKey {
  seed ??= Math.floor(Math.random() * 2 ** 53);
  return { seed: wordsOf(seed), stream: [count++, streamOfGenerator] };
}

/** The key of what is drawn by a seed alone. */
export function keyOfSeed(seed: number): PhiloxKey {
  return { seed: wordsOf(seed), stream: [0, streamOfSeeds] };
}

function wordsOf(seed: number): [number, number] {
  return [seed >>> 0, Math.floor(seed / 2 ** 32)];
}
