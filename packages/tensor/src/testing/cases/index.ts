import type { Backend, Kernels } from "../../contract/index.ts";
import type { Capabilities, ChecksOf, ConformanceCase } from "../case.ts";
import { attentionChecks } from "./attention.ts";
import { elementwiseChecks } from "./elementwise.ts";
import { gatedChecks } from "./gated.ts";
import { groupedChecks } from "./grouped.ts";
import { indexingChecks } from "./indexing.ts";
import { lossChecks } from "./loss.ts";
import { matmulChecks } from "./matmul.ts";
import { movementChecks } from "./movement.ts";
import { normalizationChecks } from "./normalization.ts";
import { optimizerChecks } from "./optimizer.ts";
import { randomChecks } from "./random.ts";
import { reduceChecks } from "./reduce.ts";
import { rmsNormChecks } from "./rms-norm.ts";
import { rotaryChecks } from "./rotary.ts";
import { samplingChecks } from "./sampling.ts";
import { topKChecks } from "./top-k.ts";
import { weightChecks } from "./weights.ts";

/** The table from kernel to checks: a kernel without any does not compile. */
const checks: ChecksOf<Required<Kernels>> = {
  ...elementwiseChecks,
  ...movementChecks,
  ...reduceChecks,
  ...matmulChecks,
  ...indexingChecks,
  ...normalizationChecks,
  ...rmsNormChecks,
  ...rotaryChecks,
  ...gatedChecks,
  ...topKChecks,
  ...groupedChecks,
  ...attentionChecks,
  ...lossChecks,
  ...optimizerChecks,
  ...randomChecks,
  ...samplingChecks,
  ...weightChecks,
};

const complete: Capabilities = { nan: true, subnormals: true, indexErrors: true };

/**
 * Every op and kernel against float64 reference values and finite differences, for a backend with the given
 * capabilities; by default all of them. Run each case by `checkCase`, with any test runner.
 */
export function conformanceCases(capabilities: Partial<Capabilities> = {}): readonly ConformanceCase[] {
  const present = { ...complete, ...capabilities };
  return (Object.keys(checks) as (keyof Kernels)[])
    .flatMap((kernel) =>
      checks[kernel].map((check) => ({ kernel, ...check, run: (backend: Backend) => check.run(backend, present) })),
    )
    .filter(({ needs, without }) => (!needs || present[needs]) && (!without || !present[without]));
}
