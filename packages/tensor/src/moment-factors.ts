/**
 * The learning rate with the bias correction of the first moment, `learningRate / (1 − β₁ˢ)`, as two factors: one before the
 * division by the root of the second moment, and one behind it. One of them is 1, so that nothing is beyond f32 on the way
 * where the step is not.
 */
export function momentFactors(options: {
  readonly learningRate: number;
  readonly beta1: number;
  readonly step: number;
}): { readonly before: number; readonly after: number } {
  const factor = options.learningRate / (1 - options.beta1 ** options.step);
  return { before: Math.min(factor, 1), after: Math.max(factor, 1) };
}
