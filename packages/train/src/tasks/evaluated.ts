import { EventLoopYielder } from "@gpt/common";
import type { GPT } from "@gpt/gpt";
import { noGrad, scope } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import type { TaskEvaluationOptions } from "../loop/task.ts";

/** At most `limit` of some examples, spread evenly. */
export function spread<Item>(items: readonly Item[], limit: number): readonly Item[] {
  const count = Math.min(items.length, limit);
  return count === items.length ? items : Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]);
}

/** Tokens that are evaluated at once, where an example does not have more. */
const evaluatedTokens = 1024;

/**
 * Computes something of each example, without dropout and gradients, and reads it back: of several at once, as many as have
 * some 1,000 tokens together. `use` gets the values, and the examples that they are of.
 */
export async function evaluateBatches<Item>(
  model: GPT, items: readonly Item[], tokensOf: (item: Item) => number, compute: (items: readonly Item[]) => Tensor,
  use: (values: Float32Array, items: readonly Item[]) => void,
  { signal, onProgress }: Pick<TaskEvaluationOptions, "signal" | "onProgress">,
): Promise<void> {
  const yielder = new EventLoopYielder();
  const totalTokens = items.reduce((sum, item) => sum + tokensOf(item), 0);
  let done = 0;
  for (let first = 0; first < items.length; ) {
    signal?.throwIfAborted();
    let [end, tokens] = [first, 0];
    do tokens += tokensOf(items[end++]);
    while (end < items.length && tokens + tokensOf(items[end]) <= evaluatedTokens);
    const batch = items.slice(first, end);
    const result = noGrad(() => scope(() => model.evaluating(() => compute(batch))));
    try {
      use(await result.data(), batch);
    } finally {
      result.dispose();
    }
    done += tokens;
    first = end;
    onProgress?.({ tokens: done, totalTokens });
    await yielder.pause();
  }
}

/** ln Σ exp, of finite numbers and −∞. */
export function logSumExp(scores: Float32Array): number {
  const highest = Math.max(...scores);
  return highest + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - highest), 0));
}
