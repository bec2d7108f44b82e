import type { PresentKernels } from "../../contract/index.ts";
import { attentionMutants } from "./attention.ts";
import { elementwiseMutants } from "./elementwise.ts";
import { indexingMutants } from "./indexing.ts";
import { lossMutants } from "./loss.ts";
import { matmulMutants } from "./matmul.ts";
import { normalizationMutants } from "./normalization.ts";
import { optimizerMutants } from "./optimizer.ts";
import { randomMutants } from "./random.ts";
import { reduceMutants } from "./reduce.ts";
import { samplingMutants } from "./sampling.ts";
import { weightMutants } from "./weights.ts";
import type { MutantsOf } from "./mutation.ts";

/** For every kernel, ways to get it wrong that the suite must notice. */
export const mutants: MutantsOf<PresentKernels> = {
  ...elementwiseMutants,
  ...reduceMutants,
  ...matmulMutants,
  ...indexingMutants,
  ...normalizationMutants,
  ...attentionMutants,
  ...lossMutants,
  ...optimizerMutants,
  ...randomMutants,
  ...samplingMutants,
  ...weightMutants,
};
