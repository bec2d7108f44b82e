import { checkWrites } from "../checks.ts";
import { readBatch, windowStarts } from "../data/batches.ts";
import type { Batch } from "../data/batches.ts";
import { fingerprint } from "../data/fingerprint.ts";
import { checkTraining, checkValidation } from "../data/token-source.ts";
import type { TrainingData } from "../data/token-source.ts";
import { evaluate, toTensors } from "../evaluate.ts";
import type { Task, TaskBatch } from "../loop/task.ts";

interface WindowBatch extends Batch, TaskBatch {}

/**
 * Next-token prediction over a text that is one long sequence (Radford et al. 2018): a step sees windows of the context length
 * that begin at random tokens. It is what `train(model, { data })` does.
 */
export function windowTask({ train, validation }: TrainingData): Task<WindowBatch> {
  return {
    name: "windows",
    fingerprint: () => fingerprint(train),
    check(model, { contextLength }) {
      checkWrites(model);
      checkTraining(train, contextLength);
      if (validation) checkValidation(validation);
    },
    async batch(request, { config }) {
      const { contextLength } = request;
      const starts = windowStarts(request, train.length - contextLength);
      const batch = await readBatch(train, starts, contextLength, config.vocabSize);
      return { ...batch, count: batch.targets.length, tokens: batch.inputs.length };
    },
    loss(model, batch, options) {
      const { ids, targets } = toTensors(batch, model.backend);
      return model.loss(ids, targets, options);
    },
    evaluate: validation && (async (model, { contextLength, limit, signal, onProgress }) => {
      const { loss, tokens } = await evaluate(model, validation, { contextLength, maxWindows: limit, signal, onProgress });
      return { loss, count: tokens, complete: tokens === validation.length - 1 };
    }),
  };
}
