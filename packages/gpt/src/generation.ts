/**
 * How a model's makers mean text to be generated: defaults for what the caller leaves open. `@gpt/generate` applies them;
 * they come from a folder's `generation_config.json`, and go back there.
 */
export interface GenerationDefaults {
  /** 0: the best token always. */
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  /** How many tokens to generate. */
  readonly maxTokens?: number;
  /** How many tokens there are at most, the prompt's included; of no account where there is `maxTokens`. */
  readonly maxLength?: number;
  /** Tokens that end a text. */
  readonly stopTokens?: readonly number[];
  /** Tokens that are never chosen. */
  readonly suppressTokens?: readonly number[];
  /** The token behind which a text without a prompt begins. */
  readonly startToken?: number;
  /** The token that fills shorter sequences of a batch, for other tools. */
  readonly padToken?: number;
  /** Settings that `@gpt/generate` does not compute, by Hugging Face's names: it refuses to generate by them. */
  readonly unsupported?: Readonly<Record<string, unknown>>;
}
