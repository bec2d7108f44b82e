import type { GPT } from "@gpt/gpt";
import { noGrad, scope } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { notNumbers } from "./errors.ts";

/**
 * What a model computes without dropout and without gradients, read back. All that was made on the way is freed, and every
 * part of the model stays in its mode. Throws `not-a-number` where the result is none.
 */
export async function read(model: GPT, compute: () => Tensor): Promise<Float32Array> {
  const result = noGrad(() => scope(() => model.evaluating(compute)));
  try {
    const values = await result.data();
    if (values.some(Number.isNaN)) throw notNumbers();
    return values;
  } finally {
    result.dispose();
  }
}
