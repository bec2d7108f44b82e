import { keep, zeros } from "@gpt/tensor";
import type { CreateOptions, Shape, Tensor } from "@gpt/tensor";

/**
 * Makes a tensor a parameter: it collects a gradient, and belongs to its module instead of the scope in which it was
 * made.
 */
export function parameter(values: Tensor): Tensor {
  values.requiresGrad = true;
  return keep(values);
}

/** A parameter of zeros. */
export function zeroParameter(shape: Shape, options?: CreateOptions<"f32">): Tensor {
  return parameter(zeros(shape, options));
}
