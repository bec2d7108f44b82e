import { nonNegative } from "@gpt/tensor";
import { checkAll, count } from "../checks.ts";

/** exp(loss): of how many equally likely tokens a model chooses, from 1. `loss` is the mean cross-entropy of a token, in nats. */
export function perplexity(loss: number): number {
  checkAll({ loss }, { loss: nonNegative });
  return Math.exp(loss);
}

/**
 * The bits that a model needs for a byte of UTF-8: loss · tokens / (ln 2 · bytes), from 0; with it, models of different
 * vocabularies compare (lm-evaluation-harness's `bits_per_byte`). `loss` is the mean cross-entropy of a token, in nats, over
 * `tokens` tokens, whose text has `bytes` bytes. Throws `invalid-option`.
 */
export function bitsPerByte({ loss, tokens, bytes }: { readonly loss: number; readonly tokens: number; readonly bytes: number }): number {
  checkAll({ loss, tokens, bytes }, { loss: nonNegative, tokens: count, bytes: count });
  return (loss * tokens) / (Math.LN2 * bytes);
}
