/** Draws that are the same for a seed, on every machine. */
export interface Draw {
  /** A whole number from 0 to `count` - 1. */
  below(count: number): number;
  chance(probability: number): boolean;
  of<T>(choices: readonly T[]): T;
  /** All of them, in another order. */
  shuffled<T>(values: readonly T[]): T[];
  /** So many different ones. */
  sample<T>(count: number, values: readonly T[]): T[];
}

export function drawsOf(seed: number): Draw {
  const random = mulberry32(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const shuffled = <T>(values: readonly T[]): T[] => {
    const result = [...values];
    for (let i = result.length - 1; i > 0; i--) {
      const other = below(i + 1);
      [result[i], result[other]] = [result[other], result[i]];
    }
    return result;
  };
  return {
    below,
    chance: (probability) => random() < probability,
    of: (choices) => choices[below(choices.length)],
    shuffled,
    sample: (count, values) => shuffled(values).slice(0, count),
  };
}

/** So many different words of two or three syllables. */
export function words(draw: Draw, count: number, consonants: string, vowels: string, ending = ""): string[] {
  const found = new Set<string>();
  while (found.size < count) {
    const syllables = Array.from({ length: 2 + draw.below(2) }, () => draw.of([...consonants]) + draw.of([...vowels]));
    found.add(syllables.join("") + ending);
  }
  return [...found];
}

export function capital(word: string): string {
  return word[0].toUpperCase() + word.slice(1);
}

/** Mulberry32, by Tommy Ettinger, in the public domain: numbers from 0 to 1. */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}
