import { numberThat, quote, readOptions, wholeNumber } from "@gpt/tensor";
import { check, checkSource, invalidOption } from "../checks.ts";
import { TrainError } from "../errors.ts";

/** Token ids that are read by position, wherever they lie: in memory, in a file, behind a network. */
export interface TokenSource {
  /** Number of tokens. */
  readonly length: number;
  /** Tokens `[start, start + count)`, which lie inside the source. */
  read(start: number, count: number): Promise<Int32Array>;
}

/** What a run learns from, and what it is measured on. */
export interface TrainingData {
  readonly train: TokenSource;
  readonly validation?: TokenSource;
}

/** Tokens in memory. The array is used as it is, not copied. Throws `invalid-option` for what are no token ids. */
export function tokensInMemory(tokens: readonly number[] | Int32Array | Uint16Array | Uint32Array): TokenSource {
  checkTokens(tokens);
  return {
    length: tokens.length,
    read: async (start, count) => Int32Array.from(tokens.slice(start, start + count)),
  };
}

/** Conversion to 32 bits would make other ids of what is none, without a word. */
function checkTokens(tokens: readonly number[] | Int32Array | Uint16Array | Uint32Array): void {
  if ([Int32Array, Uint16Array, Uint32Array].some((type) => tokens instanceof type)) return;
  if (!Array.isArray(tokens)) {
    throw invalidOption(`tokens must be a list of ids, an Int32Array, Uint16Array or Uint32Array, not ${quote(tokens)}`);
  }
  // By index: a list with holes has undefined there.
  for (let i = 0; i < tokens.length; i++) {
    const id: unknown = tokens[i];
    if (!(Number.isInteger(id) && (id as number) >= 0 && (id as number) < 2 ** 31)) {
      throw invalidOption(`tokens[${i}] must be a token id, a whole number from 0, not ${quote(id)}`);
    }
  }
}

/** The part `[start, end)` of a source. Throws `invalid-option` where it does not lie inside. */
export function tokenRange(source: TokenSource, start: number, end: number): TokenSource {
  checkSource("source", source);
  check("start", start, wholeNumber(0));
  check("end", end, wholeNumber(start));
  if (end > source.length) throw invalidOption(`end must be at most the source's ${source.length} tokens, not ${end}`);
  return {
    length: end - start,
    read: (position, count) => source.read(start + position, count),
  };
}

/** Several sources as one, in their order. */
export function joinTokens(sources: readonly TokenSource[]): TokenSource {
  sources.forEach((source, i) => checkSource(`sources[${i}]`, source));
  let end = 0;
  const ends = sources.map(({ length }) => (end += length));
  return {
    length: end,
    async read(start, count) {
      const tokens = new Int32Array(count);
      for (let done = 0; done < count; ) {
        const i = ends.findIndex((end) => end > start + done);
        const size = Math.min(count - done, ends[i] - start - done);
        tokens.set(await sources[i].read(start + done - (ends[i] - sources[i].length), size), done);
        done += size;
      }
      return tokens;
    },
  };
}

const splitExpected = {
  validationFraction: numberThat("between 0 and 1", (value) => value > 0 && value < 1),
};

/**
 * The last `validationFraction` of the tokens, a tenth by default, for validation, those before them for training.
 * Throws `invalid-option`.
 */
export function splitTokens(source: TokenSource, options?: { validationFraction?: number }): Required<TrainingData> {
  checkSource("source", source);
  const { validationFraction = 0.1 } = readOptions(options, splitExpected, invalidOption);
  const boundary = Math.floor(source.length * (1 - validationFraction));
  return {
    train: tokenRange(source, 0, boundary),
    validation: tokenRange(source, boundary, source.length),
  };
}

/** Tokens of a source, which anybody can implement: exactly as many as are asked for. */
export async function readTokens(source: TokenSource, start: number, count: number): Promise<Int32Array> {
  const tokens: unknown = await source.read(start, count);
  if (tokens instanceof Int32Array && tokens.length === count) return tokens;
  const given = tokens instanceof Int32Array ? `${tokens.length} tokens` : quote(tokens);
  throw invalidOption(
    `the data's read(${start}, ${count}) gave ${given}; it must give an Int32Array of ${count} tokens`,
  );
}

/** Refuses training data that cannot fill one window of `contextLength` tokens and their targets. */
export function checkTraining(source: TokenSource, contextLength: number): void {
  if (source.length === 0) throw new TrainError("empty-data", "the training data has no tokens; give it some text");
  if (source.length <= contextLength) {
    throw new TrainError(
      "data-too-short",
      `the training data has ${source.length} tokens, too few for one window of ${contextLength} and the token after ` +
        `it; give more data, or a context length of at most ${source.length - 1}`,
    );
  }
}

/** Refuses validation data in which no token follows another. */
export function checkValidation(source: TokenSource): void {
  if (source.length >= 2) return;
  throw new TrainError(
    "data-too-short",
    `evaluation needs at least two tokens, the validation data has ${source.length}; give more data`,
  );
}
