import type { Kernels } from "../../contract/index.ts";
import { attentionMutants } from "./attention.ts";
import { elementwiseMutants } from "./elementwise.ts";
import { gatedMutants } from "./gated.ts";
import { groupedMutants } from "./grouped.ts";
import { indexingMutants } from "./indexing.ts";
import { lossMutants } from "./loss.ts";
import { matmulMutants } from "./matmul.ts";
import { normalizationMutants } from "./normalization.ts";
import { optimizerMutants } from "./optimizer.ts";
import { randomMutants } from "./random.ts";
import { reduceMutants } from "./reduce.ts";
import { rmsNormMutants } from "./rms-norm.ts";
import { rotaryMutants } from "./rotary.ts";
import { samplingMutants } from "./sampling.ts";
import { topKMutants } from "./top-k.ts";
import { weightMutants } from "./weights.ts";
import type { MutantsOf } from "./mutation.ts";

/** For every kernel, ways to get it wrong that the suite must notice. */
export const mutants: MutantsOf<Required<Kernels>> = {
  ...elementwiseMutants,
  ...reduceMutants,
  ...matmulMutants,
  ...indexingMutants,
  ...normalizationMutants,
  ...rmsNormMutants,
  ...rotaryMutants,
  ...gatedMutants,
  ...topKMutants,
  ...groupedMutants,
  ...attentionMutants,
  ...lossMutants,
  ...optimizerMutants,
  ...randomMutants,
  ...samplingMutants,
  ...weightMutants,
};
