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

/** Tokens in memory. The array is used as it is, not copied. */
export function tokensInMemory(tokens: readonly number[] | Int32Array | Uint16Array | Uint32Array): TokenSource {
  return {
    length: tokens.length,
    read: async (start, count) => Int32Array.from(tokens.slice(start, start + count)),
  };
}

/** The part `[start, end)` of a source. */
export function tokenRange(source: TokenSource, start: number, end: number): TokenSource {
  return {
    length: end - start,
    read: (position, count) => source.read(start + position, count),
  };
}

/** The last `validationFraction` of the tokens, a tenth by default, for validation, those before them for training. */
export function splitTokens(
  source: TokenSource,
  { validationFraction = 0.1 }: { validationFraction?: number } = {},
): Required<TrainingData> {
  if (!(validationFraction > 0 && validationFraction < 1)) {
    throw new TrainError("invalid-option", `validationFraction must lie between 0 and 1, not be ${validationFraction}`);
  }
  const boundary = Math.floor(source.length * (1 - validationFraction));
  return {
    train: tokenRange(source, 0, boundary),
    validation: tokenRange(source, boundary, source.length),
  };
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
