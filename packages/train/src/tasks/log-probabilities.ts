import { crossEntropy, neg, scatterAdd, tensor, zeros } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import type { ForwardOptions, GPT } from "@gpt/gpt";
import { checkReadLength, checkExample, learntTokens } from "../data/examples.ts";
import type { Example } from "../data/examples.ts";
import { batchOf, inputOf, readLength, targetsOf } from "./next-token-task.ts";

/** The log-probability, in nats, of what each of some examples learns, `[examples]`: the sum over its learnt tokens. */
export function logProbabilities(model: GPT, examples: readonly Example[], options?: ForwardOptions): Tensor {
  const { backend } = model;
  const batch = batchOf(examples);
  const losses = crossEntropy(model.forward({ ...inputOf(batch, model), ...options }), targetsOf(batch, model), { reduction: "none" });
  const owners = Int32Array.from(examples.flatMap((example, i) => Array.from(learntTokens(example), () => i)));
  return neg(scatterAdd(zeros([examples.length], { backend }), tensor(owners, { backend }), losses, 0));
}

/** Refuses an example that a model cannot learn, or not read (`invalid-option`, `token-out-of-range`). */
export function checkReadable(at: string, example: Example, { config }: GPT, contextLength: number): void {
  checkExample(at, example, config.vocabSize);
  checkReadLength(at, readLength(example), contextLength);
}
