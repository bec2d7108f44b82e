import type { GPT } from "@gpt/gpt";
import { add, keep, scope } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { collect, patternedData, tinyModel } from "./fixtures.ts";
import type { Checkpointer, ResumePoint, TrainingState } from "../src/loop/checkpointer.ts";
import type { DoneEvent, StepEvent, TrainEvent } from "../src/loop/events.ts";
import { train } from "../src/loop/train.ts";
import type { TrainOptions } from "../src/loop/options.ts";

/** Copies of a model's parameters, in their order. */
export const weights = (model: GPT): Float32Array[] => model.parameters().map((parameter) => parameter.dataSync());

/** Options of a short run. */
export function options(changes: Partial<TrainOptions> = {}): TrainOptions {
  return { data: patternedData(), steps: 12, batchSize: 4, learningRate: 0.01, ...changes };
}

/** A short run, to its end. */
export function run(model: GPT, changes: Partial<TrainOptions> = {}): Promise<TrainEvent[]> {
  return collect(train(model, options(changes)));
}

export const stepsOf = (events: readonly TrainEvent[]): StepEvent[] =>
  events.filter(({ type }) => type === "step") as StepEvent[];
export const doneOf = (events: readonly TrainEvent[]): DoneEvent => events.at(-1) as DoneEvent;

/** Copies of weights and moments, by step: what a folder of checkpoints is on a disk. */
export class Memory implements Checkpointer {
  readonly states: { step: number; weights: Map<string, Tensor>; resume: ResumePoint }[] = [];
  finished = 0;
  closed = 0;

  async save({ step, model, optimizer, record }: TrainingState): Promise<string> {
    const copy = (state: Map<string, Tensor>) =>
      new Map(Array.from(state, ([name, value]) => [name, keep(scope(() => add(value.detach(), 0)))]));
    const moments = copy(optimizer.stateDict());
    const resume = {
      step,
      record,
      loadOptimizer: async (optimizer) => optimizer.loadStateDict(moments, step),
    } as ResumePoint;
    this.states.push({ step, weights: copy(model.stateDict()), resume });
    return `memory/step-${step}`;
  }

  async finish(): Promise<string> {
    this.finished++;
    return "memory";
  }

  async close(): Promise<void> {
    this.closed++;
  }

  /** A model with the weights of the last state, as if loaded in another process, and where to go on. */
  restore(changes: Parameters<typeof tinyModel>[0]): { model: GPT; resume: ResumePoint } {
    const { weights, resume } = this.states.at(-1)!;
    const model = tinyModel(changes);
    model.loadStateDict(weights);
    return { model, resume };
  }
}
