import { argumentError, checkList, checkOptions } from "../arguments.ts";
import type { DecayRange } from "../contract/index.ts";
import { Tensor } from "../core/tensor.ts";
import { formatShape } from "../shape.ts";
import { checkDType, checkInputs, dense, shapeError, viewAs } from "./operands.ts";
import { scope } from "../core/scope.ts";
import { composed, fused } from "./fused.ts";

/**
 * The Euclidean norm of all elements together, a scalar: right wherever it is within f32, even if squares are not. Not
 * differentiable.
 */
export function norm(x: Tensor): Tensor {
  checkDType("norm", x, "f32");
  return scope(() => {
    const kernels = fused(x.backend, "norm");
    if (!kernels) return composed(x.backend, "norm", x);
    const out = Tensor.allocate(x.backend, "f32", []);
    kernels.norm({ x: viewAs(dense(x), x.size), out: viewAs(out, 1) });
    return out;
  });
}

/** The tensors that one step of AdamW changes and reads, and its numbers. */
export interface AdamWStep {
  /** Flat buckets of one length. Parameters and moments change in place; gradients are read. */
  readonly parameters: Tensor;
  readonly gradients: Tensor;
  readonly firstMoments: Tensor;
  readonly secondMoments: Tensor;
  /** A scalar by which gradients are multiplied, for instance to clip them. */
  readonly gradScale: Tensor;
  /** Ranges that cover the bucket, one behind the other, each with its weight decay. */
  readonly ranges: readonly DecayRange[];
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** The number of this step, from 1: for the bias correction. */
  readonly step: number;
}

/** One AdamW step (Loshchilov & Hutter 2019) on flat buckets, in place. */
export function adamwStep(step: AdamWStep): void {
  checkOptions("adamwStep", step);
  const { parameters, gradients, firstMoments, secondMoments, gradScale } = step;
  const buckets = [parameters, gradients, firstMoments, secondMoments];
  checkInputs("adamwStep", [...buckets, gradScale]);
  for (const bucket of buckets) {
    if (bucket.rank !== 1 || bucket.size !== parameters.size || !bucket.isDense) {
      throw shapeError("adamwStep", `a bucket is ${formatShape(bucket.shape)}, expected dense [${parameters.size}]`);
    }
  }
  checkList("adamwStep", "ranges", step.ranges);
  checkRanges(step.ranges, parameters.size);
  if (gradScale.size !== 1) throw shapeError("adamwStep", `gradScale is ${formatShape(gradScale.shape)}, not a scalar`);
  if (parameters.size === 0) return;
  for (const changed of [parameters, firstMoments, secondMoments]) changed.overwrite("adamwStep");
  const kernels = fused(parameters.backend, "adamw");
  if (kernels) kernels.adamw({ ...step, gradScale: viewAs(gradScale, 1) });
  else composed(parameters.backend, "adamw", step);
}

function checkRanges(ranges: readonly DecayRange[], size: number): void {
  let covered = 0;
  for (const { start, end } of ranges) {
    covered = start === covered && end >= start && Number.isInteger(end) ? end : NaN;
  }
  if (covered !== size) {
    throw argumentError("adamwStep", `the ranges do not cover the ${size} elements of the bucket one behind the other`);
  }
}
