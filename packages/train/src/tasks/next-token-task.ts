import { readOptions, tensor, wholeNumber } from "@gpt/tensor";
import type { Expectations, Tensor } from "@gpt/tensor";
import type { FlatInput, GPT } from "@gpt/gpt";
import { checkWrites, invalidOption } from "../checks.ts";
import { checkExamples, checkReadLength, learntTokens } from "../data/examples.ts";
import type { Example } from "../data/examples.ts";
import { fingerprintOfExamples } from "../data/fingerprint.ts";
import { ExampleOrder } from "../data/order.ts";
import { pack } from "../data/packing.ts";
import type { Task, TaskBatch, TaskEvaluation, TaskEvaluationOptions } from "../loop/task.ts";
import { evaluateBatches, spread } from "./evaluated.ts";

/** What a model learns to write. */
export interface ExampleData {
  readonly train: readonly Example[];
  readonly validation?: readonly Example[];
}

/** How examples become those of a step. */
export interface NextTokenOptions {
  /**
   * Packs examples that have up to this many tokens together into one, so that steps have about as many tokens each, and an epoch
   * few steps. Examples still do not see each other, and none is cut. Default: no packing.
   */
  readonly packTokens?: number;
}

const optionsExpected: Expectations<NextTokenOptions> = { packTokens: wholeNumber(1) };

/** Sequences one behind the other, and what is to be learnt of them. */
export interface ExampleBatch extends TaskBatch {
  readonly ids: Int32Array;
  /** Tokens of each sequence. */
  readonly lengths: readonly number[];
  /** The tokens behind which one is to be predicted, by their indices in `ids`, and those that follow them. */
  readonly rows: Int32Array;
  readonly targets: Int32Array;
}

/**
 * Next-token prediction over examples: documents, or prompts and answers of which the answers alone are learnt. There is no
 * padding: sequences of any lengths lie one behind the other, and do not see each other. What lies behind an example's last
 * learnt token is not computed, nor are logits of tokens that are not learnt. An epoch has all examples, each epoch in another
 * order. Throws `invalid-option`; `train` throws what `checkExamples` does, and refuses examples that exceed the context.
 */
export function nextTokenTask(data: ExampleData, options?: NextTokenOptions): Task<ExampleBatch> {
  const { packTokens } = readOptions<NextTokenOptions>(options, optionsExpected, invalidOption);
  const { train, validation } = data;
  const groups = packTokens === undefined ? train.map((_, i) => [i]) : pack(train.map(readLength), packTokens);
  const order = new ExampleOrder(groups.length);
  return {
    name: "next-token",
    options: { packTokens: packTokens ?? null },
    examples: groups.length,
    fingerprint: async () => fingerprintOfExamples(train.map(({ ids, mask = [] }) => [ids, mask])),
    check(model, { contextLength }) {
      const { config } = model;
      checkWrites(model);
      checkLengths("train", train, config.vocabSize, contextLength);
      if (validation) checkLengths("validation", validation, config.vocabSize, contextLength);
    },
    async batch({ seed, step, first, count, examplesPerStep }) {
      const begin = (step - 1) * examplesPerStep + first;
      const chosen = Array.from({ length: count }, (_, i) => groups[order.at(begin + i, seed)]);
      return batchOf(chosen.flat().map((index) => train[index]));
    },
    loss: (model, batch, options) => model.loss({ ...inputOf(batch, model), ...options }, targetsOf(batch, model)),
    evaluate: validation && ((model, options) => evaluateExamples(model, validation, options)),
  };
}

function checkLengths(name: string, examples: readonly Example[], vocabSize: number, contextLength: number): void {
  checkExamples(name, examples, vocabSize);
  examples.forEach((example, i) => checkReadLength(`${name}: example ${i + 1}`, readLength(example), contextLength));
}

/** How many tokens the model reads of an example: those before the last that it learns. */
export function readLength({ ids, mask }: Example): number {
  return mask ? mask.lastIndexOf(1) : ids.length - 1;
}

/** Puts examples one behind the other. */
export function batchOf(examples: readonly Example[]): ExampleBatch {
  const lengths = examples.map(readLength);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const ids = new Int32Array(tokens);
  const rows: number[] = [];
  const targets: number[] = [];
  let start = 0;
  examples.forEach((example, i) => {
    ids.set(example.ids.subarray(0, lengths[i]), start);
    for (const index of learntTokens(example)) {
      rows.push(start + index - 1);
      targets.push(example.ids[index]);
    }
    start += lengths[i];
  });
  return { ids, lengths, rows: Int32Array.from(rows), targets: Int32Array.from(targets), count: rows.length, tokens };
}

/** What the model is given, with logits of the tokens that have a target. */
export function inputOf({ ids, lengths, rows }: ExampleBatch, { backend }: GPT): FlatInput {
  return { ids: tensor(ids, { backend }), sequences: lengths.map((count) => ({ count })), outputs: rows };
}

export function targetsOf({ targets }: ExampleBatch, { backend }: GPT) {
  return tensor(targets, { backend });
}

async function evaluateExamples(
  model: GPT, examples: readonly Example[], { limit, ...options }: TaskEvaluationOptions,
): Promise<TaskEvaluation> {
  const chosen = spread(examples, limit);
  let [total, count] = [0, 0];
  const lossOf = (batch: ExampleBatch): Tensor => model.loss(inputOf(batch, model), targetsOf(batch, model));
  await evaluateBatches(model, chosen, readLength, (some) => lossOf(batchOf(some)), ([loss], some) => {
    const losses = some.reduce((sum, example) => sum + learntTokens(example).length, 0);
    total += loss * losses;
    count += losses;
  }, options);
  return { loss: total / count, count, complete: chosen.length === examples.length };
}
