import type { ForwardOptions, GPT } from "@gpt/gpt";
import type { Tensor } from "@gpt/tensor";
import type { TrainSettings } from "./settings.ts";

/** What a model learns, and from what. `windowTask` and `nextTokenTask` make one; so can anybody. */
export interface Task<Batch extends TaskBatch = TaskBatch> {
  /** Its name in the records of runs. */
  readonly name: string;
  /** What decides, with settings and data, which weights a run ends with: compared where a run is resumed. */
  readonly options?: Readonly<Record<string, string | number | boolean | null>>;
  /** Examples of an epoch; undefined where there are none, as with windows drawn from a text. */
  readonly examples?: number;
  /** The rates that suit it where all weights are trained, and where few are, as with adapters: `finetune` takes them. */
  readonly learningRates?: { readonly all: number; readonly few: number };
  /** The share of activations that is dropped, where that is not the model's to say: `finetune` takes it. */
  readonly dropout?: number;
  /** A short text that tells its training data from other data. */
  fingerprint(): Promise<string>;
  /** Refuses a model or settings that it cannot train with, before the first step. */
  check?(model: GPT, settings: TrainSettings): void;
  /** Reads some examples of a step: a pure function of the request. */
  batch(request: BatchRequest, model: GPT): Promise<Batch>;
  /** Their mean loss, a scalar: the mean of `batch.count` losses. Pass the options on to the model's forward pass. */
  loss(model: GPT, batch: Batch, options?: ForwardOptions): Tensor;
  /** How well the model does on the validation data. Undefined where there is none. */
  evaluate?(model: GPT, options: TaskEvaluationOptions): Promise<TaskEvaluation>;
}

/** The examples `[first, first + count)` of a step. Steps count from 1. */
export interface BatchRequest {
  /** What the choice of examples derives from. */
  readonly seed: number;
  readonly step: number;
  readonly first: number;
  readonly count: number;
  /** Examples of each step. */
  readonly examplesPerStep: number;
  /** The most tokens of an example. */
  readonly contextLength: number;
}

/** Examples that were read. */
export interface TaskBatch {
  /**
   * How many losses their loss is the mean of: the tokens to predict, or the examples to classify. The batches of a step weigh by
   * it, so that a step's loss is the mean over all of its losses, however they are divided into batches.
   */
  readonly count: number;
  /** Tokens that the model reads. */
  readonly tokens: number;
}

/** How a task evaluates. */
export interface TaskEvaluationOptions {
  /** The most tokens of an example. */
  readonly contextLength: number;
  /** The most examples, or windows, to look at, spread evenly; Infinity for all. */
  readonly limit: number;
  /** Ends the evaluation early, by throwing the reason of the signal. */
  readonly signal?: AbortSignal;
  readonly onProgress?: OnEvaluated;
}

/** Called with how many tokens are done, and how many there are. */
export type OnEvaluated = (progress: { readonly tokens: number; readonly totalTokens: number }) => void;

/** What an evaluation found. */
export interface TaskEvaluation {
  /** Mean validation loss, in nats. */
  readonly loss: number;
  /** Losses that it is the mean of. */
  readonly count: number;
  /** Whether all of the validation data was looked at. */
  readonly complete: boolean;
  /** Further measures by name, such as `accuracy`. */
  readonly metrics?: Readonly<Record<string, number>>;
}
