import { object, quote, valueThat } from "@gpt/tensor";
import { check, invalidOption } from "../checks.ts";
import { TrainError } from "../errors.ts";

/** A sequence of tokens, some of which a model learns to write. */
export interface Example {
  readonly ids: Int32Array;
  /**
   * For each token, 1 where the model learns to write it behind those before it, else 0. The first one is never learnt, since
   * nothing comes before it. Default: all.
   */
  readonly mask?: Uint8Array;
}

/** Which of an example's tokens are learnt: their indices, from 1. */
export function learntTokens({ ids, mask }: Example): Int32Array {
  const learnt: number[] = [];
  for (let i = 1; i < ids.length; i++) if (!mask || mask[i]) learnt.push(i);
  return Int32Array.from(learnt);
}

/**
 * Refuses examples that are none, have ids that the vocabulary does not have, or nothing to learn, by their number, which counts
 * from 1. Throws `invalid-option`, `empty-data` and `token-out-of-range`.
 */
export function checkExamples(name: string, examples: readonly Example[], vocabSize: number): void {
  eachExample(name, examples, (example, at) => checkExample(at, example, vocabSize));
}

/** The same for one. */
export function checkExample(at: string, example: Example, vocabSize: number): void {
  check(at, example, object);
  checkIds(at, example.ids, vocabSize);
  const { ids, mask } = example;
  if (mask !== undefined && !(mask instanceof Uint8Array && mask.length === ids.length)) {
    const given = (mask as unknown) instanceof Uint8Array ? `one of ${mask.length}` : quote(mask);
    throw invalidOption(`${at} must have a mask for each of its ${ids.length} tokens, a Uint8Array, not ${given}`);
  }
  if (ids.length < 2 || (mask && !mask.includes(1, 1))) {
    const reason = ids.length < 2 ? `it has ${ids.length} tokens, and needs two` : "its mask leaves out all tokens behind the first";
    throw invalidOption(`${at} has nothing to learn: ${reason}`);
  }
}

/** Checks a list of examples one by one; `at` names one in messages. Throws `invalid-option` and `empty-data`. */
export function eachExample<Item extends object>(name: string, examples: readonly Item[], checkOne: (example: Item, at: string) => void): void {
  check(name, examples, valueThat("a list of examples", (value) => Array.isArray(value)));
  if (examples.length === 0) throw new TrainError("empty-data", `${name} has no examples; give it some`);
  for (let i = 0; i < examples.length; i++) {
    const at = `${name}: example ${i + 1}`;
    check(at, examples[i], object);
    checkOne(examples[i], at);
  }
}

/** Refuses ids that are none of the vocabulary's (`invalid-option`, `token-out-of-range`). */
export function checkIds(at: string, ids: unknown, vocabSize: number): void {
  if (!(ids instanceof Int32Array)) throw invalidOption(`${at} must have ids, an Int32Array, not ${quote(ids)}`);
  const wrong = ids.findIndex((id) => id < 0 || id >= vocabSize);
  if (wrong < 0) return;
  throw new TrainError(
    "token-out-of-range",
    `${at}: token ${wrong} is ${ids[wrong]}, but the model's vocabulary has ${vocabSize} entries; ` +
      "the data was tokenised with another tokenizer",
  );
}

/** Refuses examples of more tokens than the context has (`invalid-option`). */
export function checkReadLength(at: string, length: number, contextLength: number): void {
  if (length <= contextLength) return;
  throw invalidOption(`${at} has ${length} tokens to read, the context ${contextLength}; shorten it, or leave it out`);
}
