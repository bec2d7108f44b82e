import type { ExpertsReport } from "./experts.ts";
import type { GradientNorms } from "./gradient-norms.ts";

/** After every `logEvery` steps, and after the last one. */
export interface StepEvent {
  readonly type: "step";
  /** Steps taken so far. */
  readonly step: number;
  /** Steps of the whole run. */
  readonly steps: number;
  /** Mean training loss of the tokens since the last such event, in nats. */
  readonly loss: number;
  /** The learning rate of this step. */
  readonly learningRate: number;
  /** The norm of all gradients of this step, before clipping. */
  readonly gradientNorm: number;
  /** The same by parts of the model, where the run was told to (`gradientNorms`). */
  readonly gradientNorms?: GradientNorms;
  /** Over the steps since the last such event, without evaluations and checkpoints. */
  readonly tokensPerSecond: number;
  /** Where the run was told to follow the experts of its model (`experts`). */
  readonly experts?: ExpertsReport;
}

/** The validation data were evaluated. */
export interface EvaluationEvent {
  readonly type: "evaluation";
  readonly step: number;
  /** Mean validation loss, in nats. */
  readonly loss: number;
  /** Losses that it is the mean of: the tokens that were predicted, or the examples of a task of another kind. */
  readonly tokens: number;
  /** What else the task measures, by name, such as `accuracy`. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Whether all of the validation data was looked at. */
  readonly complete: boolean;
}

/** A checkpoint was written. */
export interface CheckpointEvent {
  readonly type: "checkpoint";
  readonly step: number;
  readonly directory: string;
}

/** The last event. */
export interface DoneEvent {
  readonly type: "done";
  /** Steps taken so far, by resumed runs before as well. */
  readonly step: number;
  /** Whether the signal ended the run before its last step; it can be resumed. */
  readonly interrupted: boolean;
  /** The state with the lowest validation loss, where the run was told to look for it (`patience`, `keepBest`). */
  readonly best?: { readonly step: number; readonly loss: number };
  /** Whether `patience` ended the run before its last step. */
  readonly stoppedEarly?: true;
  /** Training loss of the last step event; null where there was none. */
  readonly loss: number | null;
  /** Loss over all of the validation data; null where there is none, or the run was interrupted. */
  readonly validationLoss: number | null;
  /** What else the task measured on all of the validation data. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Time of this process, in seconds. */
  readonly seconds: number;
  /** Where the final model lies; null without a checkpointer or when interrupted. */
  readonly directory: string | null;
}

/** What `train` reports: plain objects, which can be sent to other threads. */
export type TrainEvent = StepEvent | EvaluationEvent | CheckpointEvent | DoneEvent;
