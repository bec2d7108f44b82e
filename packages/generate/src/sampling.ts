import { cast, concat, crossEntropy, penalizeRepeats, sample, tensor } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { GenerationError } from "./errors.ts";

/** How the next token is chosen from the model's scores. The filters apply in the order of this list. */
export interface SamplingOptions {
  /** Above 1, tokens that occurred already become less likely (Keskar et al. 2019, section 4.1). Default 1: off. */
  readonly repetitionPenalty?: number;
  /** Divides the scores: below 1 safer, above 1 wilder; 0 takes the best token always. Default 1. */
  readonly temperature?: number;
  /** Only the `k` best tokens. Default: all. */
  readonly topK?: number;
  /** Only the smallest set of best tokens with this much probability together (Holtzman et al. 2020). Default 1. */
  readonly topP?: number;
  /** Only tokens with at least this fraction of the best token's probability. Default 0. */
  readonly minP?: number;
}

export interface Choice {
  readonly id: number;
  /** The natural logarithm of the probability that the model gave the token, before any of the options. */
  readonly logProbability: number;
}

/** A token that was chosen on the device. */
export interface DeviceChoice {
  /** The token's id, `[1, 1]`. */
  readonly id: Tensor<"i32">;
  /** The id as f32, exact below 2²⁴, and `-logProbability`: `[1, 2]`, to be read at once. */
  readonly report: Tensor;
}

/**
 * Chooses a token without reading anything back. `logits`, `[1, 1, vocabSize]`, are the scores of all tokens; `random`
 * is uniform in [0, 1) and has 24 bits; `seen` are the tokens so far, for the repetition penalty.
 */
export function chooseToken(
  logits: Tensor,
  options: SamplingOptions,
  random: number,
  seen: Iterable<number>,
): DeviceChoice {
  const { backend } = logits;
  const { repetitionPenalty = 1 } = options;
  const uniforms = tensor([[random]], { backend });
  const scores = repetitionPenalty === 1 ? logits : penalize(logits, repetitionPenalty, seen);
  const id = sample(scores, { ...options, uniforms });
  const loss = crossEntropy(logits, id, { reduction: "none" });
  return { id, report: concat([cast(id, "f32"), loss], -1) };
}

/** Throws where an option is out of its range. */
export function checkSampling(options: SamplingOptions): void {
  const check = (name: keyof SamplingOptions, allowed: (value: number) => boolean, range: string): void => {
    const value = options[name];
    if (value !== undefined && !allowed(value)) {
      throw new GenerationError("invalid-option", `${name} must be ${range}, not ${value}`);
    }
  };
  check("repetitionPenalty", (value) => value > 0 && Number.isFinite(value), "above 0");
  check("temperature", (value) => value >= 0 && Number.isFinite(value), "at least 0");
  check("topK", (value) => Number.isInteger(value) && value >= 1, "a whole number from 1");
  check("topP", (value) => value > 0 && value <= 1, "above 0 and at most 1");
  check("minP", (value) => value >= 0 && value <= 1, "from 0 to 1");
}

function penalize(logits: Tensor, penalty: number, seen: Iterable<number>): Tensor {
  const ids = tensor(Int32Array.from(new Set(seen)), { backend: logits.backend });
  return penalizeRepeats(logits, ids, penalty);
}
