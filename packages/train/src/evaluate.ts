import { callback, noGrad, object, optional, scope, tensor, wholeNumber } from "@gpt/tensor";
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
  /**
   * How many tokens the window moves at a time. Fewer than it has give each token more context, and take longer: a window predicts
   * those alone that no window before it did (Hugging Face's perplexity of models of fixed length). Default: all, without overlap.
   */
  readonly stride?: number;
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
 * The mean loss over all of `source`: it is cut into windows of the context length, the last one shorter, so that every token but
 * the first is predicted exactly once. Runs under `noGrad`, without dropout, and leaves every
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
  const { stride = contextLength } = options;
  check("stride", stride, wholeNumber(1, contextLength));
  const { batchSize = Math.max(1, Math.floor(1024 / contextLength)) } = options;
  checkBatch(batchSize, contextLength);
  checkValidation(source);
  if (maxWindows !== Infinity) check("maxWindows", maxWindows, count);
  const { backend } = model;
  const yielder = new EventLoopYielder();
  let total = 0;
  let tokens = 0;
  const predictions = source.length - 1;
  const totalTokens = Math.min(predictions, contextLength + (maxWindows - 1) * stride);
  for (const { starts, length } of plan(predictions, { contextLength, stride, batchSize, maxWindows })) {
    signal?.throwIfAborted();
    const batch = await readBatch(source, starts, length, model.config.vocabSize);
    starts.forEach((start, row) => {
      if (start > 0) batch.targets.fill(ignored, row * length, row * length + contextLength - stride);
    });
    const count = batch.targets.reduce((sum, target) => sum + Number(target !== ignored), 0);
    total += (await lossOf(model, batch, backend)) * count;
    tokens += count;
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

/** A target that is left out of the loss. */
const ignored = -100;

type Windows = Required<Pick<EvaluateOptions, "contextLength" | "stride" | "batchSize" | "maxWindows">>;

/** The batches of windows to look at; windows of one batch have one length. */
function* plan(
  predictions: number, { contextLength, stride, batchSize, maxWindows }: Windows,
): Generator<{ starts: number[]; length: number }> {
  const whole = Math.max(0, Math.floor((predictions - contextLength) / stride) + 1);
  const count = Math.min(whole, maxWindows);
  for (let first = 0; first < count; first += batchSize) {
    const starts = Array.from(
      { length: Math.min(batchSize, count - first) },
      (_, i) => Math.floor(((first + i) * whole) / count) * stride,
    );
    yield { starts, length: contextLength };
  }
  const predicted = whole === 0 ? 0 : (whole - 1) * stride + contextLength;
  if (predicted < predictions && whole < maxWindows) yield { starts: [whole * stride], length: predictions - whole * stride };
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
