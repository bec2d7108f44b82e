/** A token that was chosen. */
export interface GeneratedToken {
  readonly id: number;
  /**
   * The natural logarithm of the probability that the model gave the token, among those that are not suppressed; before
   * any of the other options.
   */
  readonly logProbability: number;
}

/** A token was generated. */
export interface TokenEvent extends GeneratedToken {
  readonly type: "token";
}

/** A piece of text. Pieces joined are the whole text; characters are never split. */
export interface TextEvent {
  readonly type: "text";
  /** May be empty, while a character is incomplete or a stop sequence possible. */
  readonly text: string;
  /** The token behind the piece; absent in a last piece that was held back until then. */
  readonly token?: GeneratedToken;
}

/**
 * Why generation ended: at a stop token or stop sequence (`stop`), at `maxTokens` or at the end of the model's context
 * (`length`), or by its signal (`aborted`).
 */
export type FinishReason = "stop" | "length" | "aborted";

/** The last event of every stream. */
export interface FinishEvent {
  readonly type: "finish";
  readonly finishReason: FinishReason;
  /** All tokens that were chosen, those of a stop sequence included; not the stop token. */
  readonly tokens: readonly number[];
  /** How many tokens the prompt has. */
  readonly promptTokens: number;
  /** Generates the same again, given as the option: the one that was given, else the one that was drawn. */
  readonly seed: number;
}

/** What went wrong with one request of an engine, of which nothing more comes. The others go on. */
export interface ErrorEvent {
  readonly type: "error";
  /** `not-a-number`, `invalid-scores`, what a score processor threw, or that there is no memory for its keys and values. */
  readonly error: unknown;
}
