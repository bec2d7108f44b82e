import { callback, noGrad, object, optional, scope, tensor } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { EventLoopYielder } from "@gpt/common";
import type { GPT } from "@gpt/gpt";
import { check, checkAll, checkSource, checkWrites, count, modelExpected, signalExpected } from "./checks.ts";
import { readBatch } from "./data/batches.ts";
import type { Batch } from "./data/batches.ts";
import { checkValidation } from "./data/token-source.ts";
import type { TokenSource } from "./data/token-source.ts";
import { checkBatch, checkContext } from "./loop/settings.ts";
import type { OnEvaluated } from "./loop/task.ts";

/** The windows in which a text is evaluated. */
export interface EvaluateOptions {
  /** Tokens of a window. Default: the model's context. */
  readonly contextLength?: number;
  /** Windows that are computed at once. Default: as many as make 1,024 tokens, at least one. */
  readonly batchSize?: number;
  /** Looks at no more than this many whole windows, spread evenly: a quick estimate. Default: at everything. */
  readonly maxWindows?: number;
  /** Ends the evaluation early, by throwing the reason of the signal. */
  readonly signal?: AbortSignal;
  /** Called after each batch with the tokens that were predicted so far, and how many there are. */
  readonly onProgress?: OnEvaluated;
}

/** How well a model predicts a text. */
export interface Evaluation {
  /** Mean cross-entropy of a token, in nats. */
  readonly loss: number;
  /** e to the loss. */
  readonly perplexity: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
}

/**
 * The mean loss over all of `source`: it is cut into windows of the context length that do not overlap, the last one
 * shorter, so that every token but the first is predicted exactly once. Runs under `noGrad`, without dropout, and leaves every
 * part of the model in its mode. Throws `invalid-option`, `data-too-short` and `token-out-of-range`.
 */
export async function evaluate(model: GPT, source: TokenSource, options: EvaluateOptions = {}): Promise<Evaluation> {
  check("model", model, modelExpected);
  checkWrites(model);
  checkSource("source", source);
  check("options", options, object);
  checkAll(options, { signal: signalExpected, onProgress: optional(callback) });
  const { contextLength = model.config.contextLength, maxWindows = Infinity, signal, onProgress } = options;
  checkContext(model, contextLength);
  const { batchSize = Math.max(1, Math.floor(1024 / contextLength)) } = options;
  checkBatch(batchSize, contextLength);
  checkValidation(source);
  if (maxWindows !== Infinity) check("maxWindows", maxWindows, count);
  const { backend } = model;
  const yielder = new EventLoopYielder();
  let total = 0;
  let tokens = 0;
  const totalTokens = Math.min(source.length - 1, maxWindows * contextLength);
  for (const { starts, length } of plan(source.length, contextLength, batchSize, maxWindows)) {
    signal?.throwIfAborted();
    const batch = await readBatch(source, starts, length, model.config.vocabSize);
    const mean = await lossOf(model, batch, backend);
    total += mean * batch.targets.length;
    tokens += batch.targets.length;
    onProgress?.({ tokens, totalTokens });
    await yielder.pause();
  }
  const loss = total / tokens;
  return { loss, perplexity: Math.exp(loss), tokens };
}

/** A batch as tensors of a backend: inputs and targets, `[sequences, length]`. */
export function toTensors(batch: Batch, backend: Backend): { ids: Tensor<"i32">; targets: Tensor<"i32"> } {
  const options = { shape: [batch.sequences, batch.length], backend };
  return { ids: tensor(batch.inputs, options), targets: tensor(batch.targets, options) };
}

/** The batches of windows to look at; windows of one batch have one length. */
function* plan(
  length: number,
  contextLength: number,
  batchSize: number,
  maxWindows: number,
): Generator<{ starts: number[]; length: number }> {
  const predictions = length - 1;
  const whole = Math.floor(predictions / contextLength);
  const count = Math.min(whole, maxWindows);
  for (let first = 0; first < count; first += batchSize) {
    const starts = Array.from(
      { length: Math.min(batchSize, count - first) },
      (_, i) => Math.floor(((first + i) * whole) / count) * contextLength,
    );
    yield { starts, length: contextLength };
  }
  const rest = predictions - whole * contextLength;
  if (rest > 0 && whole < maxWindows) yield { starts: [whole * contextLength], length: rest };
}

async function lossOf(model: GPT, batch: Batch, backend: Backend): Promise<number> {
  const loss = noGrad(() =>
    scope(() => {
      const { ids, targets } = toTensors(batch, backend);
      return model.evaluating(() => model.loss(ids, targets));
    }),
  );
  try {
    return await loss.item();
  } finally {
    loss.dispose();
  }
}
