import type { MadeFile } from "./made-file.ts";
import type { ModelReport } from "./model.ts";
import type { Reply } from "./reply.ts";

/** What is learnt: the label of a text, or the assistant's answers of dialogues. */
export type TuningTask = "labels" | "messages";

/** A text that was pasted, or files that were chosen. */
export type TuningSource = string | readonly File[];

/** A run of tokens: what the model learns to write, or what it only reads. */
export interface SamplePart {
  readonly text: string;
  readonly learnt: boolean;
}

/** An example as the model reads it. */
export interface TuningSample {
  readonly parts: readonly SamplePart[];
  readonly tokens: number;
  readonly label?: string;
}

/** What is wrong with the data, and in which line. */
export interface DataProblem {
  readonly code: string;
  readonly message: string;
  readonly line?: number;
}

export interface DataReport {
  readonly examples: number;
  /** Of labels, how many examples have each. */
  readonly labels: readonly { readonly label: string; readonly count: number }[];
  readonly samples: readonly TuningSample[];
  /** Examples that are longer than what the model reads, and so are cut. */
  readonly cut: number;
  /** What ended the reading; what came before it is counted. */
  readonly problem?: DataProblem;
  /** Whether the model brings no chat template, so that the project's plain one is taken. */
  readonly plainTemplate: boolean;
}

export interface TuningSettings {
  /** Of labels the head alone; adapters beside the layers (of labels with the head); or all weights. */
  readonly method: "head" | "lora" | "full";
  readonly rank: number;
  readonly targets: "all" | "attention";
  readonly epochs: number;
  /** As a multiple of the rate that suits the model and the method. */
  readonly rate: number;
  /** The share of the examples that is kept back to validate with. */
  readonly heldOut: number;
  readonly seed: number;
  /** Whether all labels weigh alike. */
  readonly balanced: boolean;
}

/** What a run is going to take. */
export interface TuningPlan {
  readonly trained: number;
  readonly parameters: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly training: number;
  readonly validation: number;
  /** Bytes that it takes at most, and those that there is room for. */
  readonly bytes: number;
  readonly room: number;
  readonly seconds: number;
}

export interface TuningStep {
  readonly type: "step";
  readonly step: number;
  readonly loss: number;
}

export interface TuningEvaluation {
  readonly type: "evaluation";
  readonly step: number;
  readonly loss: number;
  readonly accuracy?: number;
  readonly f1?: number;
  /** Rows are true labels, columns what they were taken for. */
  readonly confusion?: readonly (readonly number[])[];
  readonly answer?: { readonly asked: string; readonly wanted: string; readonly written: string };
}

export type TuningEvent = TuningStep | TuningEvaluation;

/** Where a run stands that has begun. */
export interface TuningStart {
  readonly task: TuningTask;
  readonly method: TuningSettings["method"];
  readonly labels: readonly string[];
  readonly steps: number;
}

export interface ClassifiedText {
  readonly labels: readonly { readonly label: string; readonly probability: number }[];
  /** Whether held-out texts calibrated the probabilities. */
  readonly calibrated: boolean;
  readonly cut: boolean;
}

/** An alias, so that it is a message of any template. */
export type TuningMessage = { readonly role: "user" | "assistant"; readonly content: string };

export type TunedPackage = "peft" | "gguf-q8_0" | "gguf-f16" | "folder";

export interface TuningArea {
  /** Reads what the model is to learn: what was understood, and what is wrong. The next run learns it. */
  readTuningData(task: TuningTask, source: TuningSource): Promise<Reply<DataReport>>;
  planTuning(settings: TuningSettings): Promise<Reply<TuningPlan>>;
  /** Copies the open model, to tune the copy. The copy that was tuned before is freed; the open model does not change. */
  beginTuning(settings: TuningSettings): Promise<Reply<TuningStart>>;
  /** Trains until the end, or `stop` of the same job; then it goes on where it stopped. Gives whether it is at its end. */
  tune(job: number, onEvents: (events: readonly TuningEvent[]) => void | Promise<void>): Promise<Reply<boolean>>;
  classifyTuned(text: string): Promise<Reply<ClassifiedText>>;
  /** Answers a chat by the tuned model, or by what it was before. */
  chatTuned(job: number, messages: readonly TuningMessage[], tuned: boolean, onText: (text: string) => void | Promise<void>): Promise<Reply<void>>;
  packTuned(kind: TunedPackage): Promise<Reply<MadeFile>>;
  /** Opens a copy of the tuned model in the place of the model that is open. */
  openTuned(): Promise<Reply<ModelReport>>;
}
