import type { Backend } from "../../contract/index.ts";
import { composedActivationGradient } from "./activations.ts";
import { composedAppend } from "./append.ts";
import { composedGated, composedGatedGradient } from "./gated.ts";
import {
  composedGroupedLinear, composedGroupedLinearGradient, composedGroupedLinearWeightGradient,
} from "./grouped.ts";
import { composedCrossEntropy, composedCrossEntropyGradient } from "./loss.ts";
import {
  composedLayerNorm, composedLayerNormGradient, composedRMSNorm, composedRMSNormGradient,
} from "./normalization.ts";
import { composedAdamW, composedNorm } from "./optimizer.ts";
import { composedDropout } from "./random.ts";
import { composedRotary } from "./rotary.ts";
import { composedSoftmax, composedSoftmaxGradient } from "./softmax.ts";
import { composedTopK } from "./top-k.ts";
import { composedLinear } from "./weights.ts";

/** What ops compose of other ops where a backend lacks the fused kernel of the name. */
const compositions = {
  activationGradient: composedActivationGradient,
  append: composedAppend,
  linear: composedLinear,
  layerNorm: composedLayerNorm,
  layerNormGradient: composedLayerNormGradient,
  softmax: composedSoftmax,
  softmaxGradient: composedSoftmaxGradient,
  rmsNorm: composedRMSNorm,
  rmsNormGradient: composedRMSNormGradient,
  rotary: composedRotary,
  gated: composedGated,
  gatedGradient: composedGatedGradient,
  topK: composedTopK,
  groupedLinear: composedGroupedLinear,
  groupedLinearGradient: composedGroupedLinearGradient,
  groupedLinearWeightGradient: composedGroupedLinearWeightGradient,
  crossEntropy: composedCrossEntropy,
  crossEntropyGradient: composedCrossEntropyGradient,
  dropout: composedDropout,
  norm: composedNorm,
  adamw: composedAdamW,
};

export type Compositions = typeof compositions;

/** A backend that has what ops compose. */
export interface Composing {
  readonly compositions: Compositions;
}

/**
 * The backend itself, for which ops compose of others what it has no kernel for. Programs whose backend has every kernel do
 * without the compositions: no op imports them.
 */
export function withCompositions<B extends Backend>(backend: B): B & Composing {
  return Object.assign(backend, { compositions });
}
