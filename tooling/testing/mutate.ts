/** A stream of whole numbers, the same for a seed (mulberry32). */
export class RandomNumbers {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from 0 to `limit` − 1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0;
    let word = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) % limit;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }
}

/** Pieces that parsers of JSON and of safetensors have stumbled over, and terminals. */
const pieces = [
  "{", "}", "[", "]", ":", ",", '"', "\\", "\\u", "\\ud800", "\\u0000", "\\n", "\u0000", "\t", " ", "\n", "\uFEFF",
  "é", "𝄞", "null", "true", "false", "tru", "NaN", "Infinity", "-", "-0", "0", "00", "1.", ".5", "1e", "1e400",
  "-1e400", "1E-400", "9007199254740991", "9007199254740993", "18446744073709551616", "-1", "0.5", "4294967296", "{}",
  "[]", "[[[[[[[[", '{"a":', '"dtype":', '"F32"', '"F4"', '"shape":', '"data_offsets":', '"__metadata__":',
  '"weight_map":', '"model_type":', "../", "/", "\u001b[2J", "\u009b", '"\\u001b[31m"', "x".repeat(5000),
].map((piece) => new TextEncoder().encode(piece));
const oddBytes = [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf5], [0x80]].map((bytes) => Uint8Array.from(bytes));

/** Inputs made from those of a corpus by a few random changes each; every parser sees its corpus first. */
export function* mutations(corpus: readonly Uint8Array[], count: number, seed: number): Generator<Uint8Array> {
  yield* corpus;
  const random = new RandomNumbers(seed);
  for (let i = corpus.length; i < count; i++) {
    yield mutation(random.pick(corpus), corpus, random);
  }
}

/** An input after a few random changes; `corpus` is what parts may come from. */
export function mutation(input: Uint8Array, corpus: readonly Uint8Array[], random: RandomNumbers): Uint8Array {
  for (let changes = 1 + random.below(4); changes > 0; changes--) input = mutate(input, corpus, random);
  return input;
}

function mutate(input: Uint8Array, corpus: readonly Uint8Array[], random: RandomNumbers): Uint8Array {
  const at = random.below(input.length + 1);
  const until = Math.min(input.length, at + random.below(1 + random.below(16)));
  switch (random.below(7)) {
    case 0: // One bit is another.
      return input.map((byte, i) => (i === at ? byte ^ (1 << random.below(8)) : byte));
    case 1: // The end is missing.
      return input.slice(0, at);
    case 2: // Some bytes are missing.
      return splice(input, at, until, new Uint8Array(0));
    case 3: // Some bytes are there twice.
      return splice(input, at, at, input.slice(at, until));
    case 4: // Something stands between, or in the place of something.
      return splice(input, at, random.below(2) === 0 ? at : until, random.pick(pieces));
    case 5:
      return splice(input, at, until, random.pick(oddBytes));
    default: // The end is that of another.
      return splice(input, at, input.length, other(corpus, random));
  }
}

function other(corpus: readonly Uint8Array[], random: RandomNumbers): Uint8Array {
  const from = random.pick(corpus);
  return from.slice(random.below(from.length + 1));
}

function splice(input: Uint8Array, start: number, end: number, insertion: Uint8Array): Uint8Array {
  const result = new Uint8Array(start + insertion.length + input.length - end);
  result.set(input.subarray(0, start));
  result.set(insertion, start);
  result.set(input.subarray(end), start + insertion.length);
  return result;
}
