import type { ModelReport } from "./model.ts";
import type { MadeFile } from "./made-file.ts";
import type { Reply } from "./reply.ts";

/** What is learnt: texts that the page makes, or one's own. */
export type CorpusId = "stories" | "sums" | "own";

/** What a run is begun with. */
export interface TrainingSetup {
  readonly corpus: CorpusId;
  readonly vocabulary: "characters" | "pairs";
  /** Tokens that byte pair encoding learns. */
  readonly vocabSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly dim: number;
  readonly contextLength: number;
  readonly batchSize: number;
  readonly steps: number;
  readonly optimizer: "adamw" | "muon";
  readonly learningRate: number;
}

/** What a setup comes to. */
export interface TrainingPlan {
  readonly parameters: number;
  /** The most memory that it takes at once, and what there is beside the open model. */
  readonly bytes: number;
  readonly room: number;
  /** Of floating-point work, for each token that is read. */
  readonly flopsPerToken: number;
  /** As a first guess, by what a product of matrices takes here. */
  readonly tokensPerSecond: number;
}

/** How a step went. */
export interface StepPoint {
  readonly step: number;
  readonly loss: number;
  readonly rate: number;
  /** The norms of the gradients of the embeddings, of each block, and of the head. */
  readonly norms: readonly number[];
}

/** What was measured at an evaluation: the validation loss, and how the model writes by then. Before the first step there is no loss. */
export interface Moment {
  readonly step: number;
  readonly loss: number | null;
  /** What it was given, and what it wrote behind it. */
  readonly prompt: string;
  readonly sample: string;
}

/** All that was seen of a run, which is kept with it. */
export interface RunHistory {
  readonly points: readonly StepPoint[];
  readonly moments: readonly Moment[];
}

/** Where the heads look: for each layer and head the rows of a square, one behind the other. */
export interface AttentionFrame {
  readonly step: number;
  readonly tokens: readonly string[];
  readonly layers: number;
  readonly heads: number;
  readonly values: Float32Array;
}

/** What happens in a run, as it happens. */
export type TrainingNews =
  | { readonly type: "stage"; readonly stage: "text" | "vocabulary" | "tokens" | "model"; readonly share?: number }
  | { readonly type: "begun"; readonly run: string; readonly steps: number; readonly step: number; readonly savedStep: number | undefined; readonly tokensPerStep: number; readonly rateFactor: number; readonly history: RunHistory }
  | { readonly type: "point"; readonly point: StepPoint; readonly tokensPerSecond: number }
  | { readonly type: "moment"; readonly moment: Moment }
  | { readonly type: "attention"; readonly frame: AttentionFrame }
  | { readonly type: "saved"; readonly step: number }
  | { readonly type: "unsaved"; readonly message: string };

export interface TrainingEnd {
  readonly run: string;
  readonly step: number;
  /** Whether it came to its last step. */
  readonly finished: boolean;
}

/** A run that is kept. */
export interface RunSummary {
  readonly name: string;
  readonly bytes: number;
  /** Whether it is trained now, perhaps in another tab. */
  readonly inUse: boolean;
  readonly step: number;
  readonly steps: number;
  readonly parameters: number | null;
  readonly loss: number | null;
  readonly validationLoss: number | null;
  readonly optimizer: string;
  /** When it was saved last, in milliseconds since 1970. */
  readonly time: number;
}

export type OnTrainingNews = (news: readonly TrainingNews[]) => void | Promise<void>;

export interface TrainingArea {
  /** Keeps a user's text, or that of files, as the corpus `own`; gives its characters. */
  setOwnText(text: string | readonly File[]): Promise<Reply<number>>;
  planTraining(setup: TrainingSetup): Promise<Reply<TrainingPlan>>;
  /** Trains a new model until it is done, or `stop` of the same job. One run at a time. */
  train(job: number, setup: TrainingSetup, onNews: OnTrainingNews): Promise<Reply<TrainingEnd>>;
  /** Goes on with a run that is kept. One that came from elsewhere learns the text of this setup. */
  continueRun(job: number, run: string, setup: TrainingSetup, onNews: OnTrainingNews): Promise<Reply<TrainingEnd>>;
  /** Lets the running training wait between two steps, with all that it has in memory, or go on. */
  pauseTraining(paused: boolean): Promise<Reply<void>>;
  /** By what the scheduled learning rate is multiplied from the next step on. */
  setRateFactor(factor: number): Promise<Reply<void>>;
  runs(): Promise<Reply<readonly RunSummary[]>>;
  runHistory(run: string): Promise<Reply<RunHistory>>;
  removeRun(run: string): Promise<Reply<void>>;
  /** An archive: of the model's folder, or of the run's, with which the command goes on. */
  zipRun(run: string, what: "model" | "run"): Promise<Reply<MadeFile>>;
  /** Takes over the run of a folder; gives its name here. */
  importRun(folder: FileSystemDirectoryHandle): Promise<Reply<string>>;
  /** Opens the model of a run in the place of the one before. */
  openRun(run: string): Promise<Reply<ModelReport>>;
}
