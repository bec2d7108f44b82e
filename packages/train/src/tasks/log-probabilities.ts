import { checkpoint, concat, crossEntropy, neg, scatterAdd, slice, tensor, zeros } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import type { ForwardOptions, GPT } from "@gpt/gpt";
import { checkReadLength, checkExample, learntTokens } from "../data/examples.ts";
import type { Example } from "../data/examples.ts";
import { batchOf, inputOf, readLength, targetsOf } from "./next-token-task.ts";

/** The log-probability, in nats, of what each of some examples learns, `[examples]`: the sum over its learnt tokens. */
export function logProbabilities(model: GPT, examples: readonly Example[], options?: ForwardOptions): Tensor {
  const { backend } = model;
  const batch = batchOf(examples);
  const hidden = model.hidden({ ...inputOf(batch, model), ...options });
  const losses = lossesOf(model, hidden, targetsOf(batch, model), options);
  const owners = Int32Array.from(examples.flatMap((example, i) => Array.from(learntTokens(example), () => i)));
  return neg(scatterAdd(zeros([examples.length], { backend }), tensor(owners, { backend }), losses, 0));
}

/** Logits that are in memory at once: 4 MiB, but those of 256 tokens at least. */
const chunkElements = 2 ** 20;
const minChunkTokens = 256;

/**
 * The loss of each token, `[tokens]`, of hidden states `[tokens, dim]`. What a loss weighs is known when all are, and so each chunk
 * of logits is computed again in the backward pass.
 */
function lossesOf(model: GPT, hidden: Tensor, targets: Tensor<"i32">, options: ForwardOptions | undefined): Tensor {
  const [tokens] = hidden.shape;
  const chunkTokens = Math.max(minChunkTokens, Math.floor(chunkElements / model.config.vocabSize));
  const losses = (hidden: Tensor, targets: Tensor<"i32">): Tensor =>
    crossEntropy(model.logits(hidden, options), targets, { reduction: "none" });
  if (tokens <= chunkTokens) return losses(hidden, targets);
  const parameters = model.head.parameters();
  const chunks = Array.from({ length: Math.ceil(tokens / chunkTokens) }, (_, i) => {
    const [first, end] = [i * chunkTokens, Math.min(tokens, (i + 1) * chunkTokens)];
    const replay = model.random.replay();
    return checkpoint((hidden, targets) => replay(() => losses(hidden, targets)), [slice(hidden, 0, first, end), slice(targets, 0, first, end)], parameters);
  });
  return concat(chunks, 0);
}

/** Refuses an example that a model cannot learn, or not read (`invalid-option`, `token-out-of-range`). */
export function checkReadable(at: string, example: Example, { config }: GPT, contextLength: number): void {
  checkExample(at, example, config.vocabSize);
  checkReadLength(at, readLength(example), contextLength);
}
