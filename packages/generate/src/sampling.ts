import { cast, concat, crossEntropy, keep, penalizeRepeats, sample, tensor, where } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { GenerationError } from "./errors.ts";

/** How the next token is chosen from the model's scores. The filters apply in the order of this list. */
export interface SamplingOptions {
  /** Above 1, tokens that occurred already become less likely (Keskar et al. 2019, section 4.1). Default 1: off. */
  readonly repetitionPenalty?: number;
  /** Divides the scores: below 1 safer, above 1 wilder; 0 takes the best token always. Default 1. */
  readonly temperature?: number;
  /** Only the `k` best tokens; 0 is all. Default: all. */
  readonly topK?: number;
  /** Only the smallest set of best tokens with this much probability together (Holtzman et al. 2020). Default 1. */
  readonly topP?: number;
  /** Only tokens with at least this fraction of the best token's probability. Default 0. */
  readonly minP?: number;
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

/**
 * 1 for each token that may be chosen, 0 for those that may not, `[vocabSize]`; undefined where all may. It belongs to the
 * caller, not to a scope. Throws `invalid-option` where none is left.
 */
export function allowedTokens(suppressed: Iterable<number>, vocabSize: number, backend: Backend): Tensor | undefined {
  const allowed = new Float32Array(vocabSize).fill(1);
  for (const id of suppressed) if (id < vocabSize) allowed[id] = 0;
  if (!allowed.includes(0)) return undefined;
  if (!allowed.includes(1)) {
    throw new GenerationError("invalid-option", `all ${vocabSize} tokens of the model are suppressed`);
  }
  return keep(tensor(allowed, { backend }));
}

/** Scores in which tokens that may not be chosen have −∞: as if the model did not have them. */
export function withoutSuppressed(logits: Tensor, allowed: Tensor | undefined): Tensor {
  return allowed ? where(allowed, logits, -Infinity) : logits;
}

function penalize(logits: Tensor, penalty: number, seen: Iterable<number>): Tensor {
  const ids = tensor(Int32Array.from(new Set(seen)), { backend: logits.backend });
  return penalizeRepeats(logits, ids, penalty);
}
