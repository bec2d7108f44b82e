import type { GPT } from "@gpt/gpt";
import { quote } from "@gpt/tensor";
import { TrainError } from "../errors.ts";
import type { Optimizer } from "../optimizer/optimizer.ts";
import type { TrainSettings } from "./settings.ts";

/** All that decides a run's weights, by which a resumed run is compared with the one it continues. Plain data. */
export interface RunRecord {
  readonly settings: TrainSettings;
  /** What the model's dropout derives from. */
  readonly modelSeed: number;
  /** What `balanceExperts` was given. */
  readonly balanceLoss?: number;
  readonly zLoss?: number;
  readonly balanceTogether?: boolean;
  /** The task's name and options; missing where the run learns windows of a text. */
  readonly task?: Readonly<Record<string, string | number | boolean | null>>;
  /** What is done by validation losses; missing where nothing is. */
  readonly best?: BestRecord;
  /** The task's fingerprint of its training data. */
  readonly data: string;
  /** What tells the weights that checkpoints do not hold, as those beside an adapter, from others; missing where they hold all. */
  readonly otherWeights?: string;
  /** The backend's name, its build included. */
  readonly backend: string;
  /** The runtime and its version. */
  readonly runtime: string;
}

/** By which evaluations a run finds its best state, and what it does then. */
export interface BestRecord {
  /** After how many evaluations without a better loss it ends; null for never. */
  readonly patience: number | null;
  /** Whether it ends with the weights of its best state. */
  readonly keepBest: boolean;
  readonly evaluateEvery: number;
  readonly evaluationWindows: number;
}

/** What a run knows of its best state, by validation losses. */
export interface BestState {
  /** The step of the last evaluation. */
  readonly evaluated: number;
  /** The step of the evaluation with the lowest loss. */
  readonly step: number;
  /** That loss, in nats. */
  readonly loss: number;
  /** Evaluations since then, none of which was better. */
  readonly worse: number;
}

/** What a checkpoint holds. */
export interface TrainingState {
  /** Steps taken. */
  readonly step: number;
  readonly model: GPT;
  readonly optimizer: Optimizer;
  readonly record: RunRecord;
  /** By what the scheduled learning rate is multiplied; missing where that is 1. */
  readonly rateFactor?: number;
  /** The best state so far, whose checkpoint stays until there is a better one; missing where the run does not look for it. */
  readonly best?: BestState;
}

/** Where a run saves its state. */
export interface Checkpointer {
  /** Saves all that resuming needs, completely or not at all; returns where. */
  save(state: TrainingState): Promise<string>;
  /** Saves the model of a finished run; returns where. */
  finish(model: GPT): Promise<string>;
  /** Gives the model's trained weights the values that they had at a step that was saved, as the best one is. */
  restoreWeights?(step: number, model: GPT): Promise<void>;
  /** A short text that tells the weights that are not saved, since they do not learn, from others. */
  fingerprintOthers?(model: GPT): Promise<string | undefined>;
  /** Lets go of the place. `train` calls it at last, however the run ends; a later `save` takes hold of it again. */
  close?(): Promise<void>;
}

/** Where a run goes on. The model was loaded from there already. */
export interface ResumePoint {
  /** Steps taken. */
  readonly step: number;
  readonly record: RunRecord;
  readonly rateFactor?: number;
  readonly best?: BestState;
  loadOptimizer(optimizer: Optimizer): Promise<void>;
}

/** Refuses to go on under other conditions than before, since the weights would differ from an uninterrupted run's. */
export function checkResume(before: RunRecord, now: RunRecord): void {
  const inside = (name: string, values: object = {}): object =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [`${name}.${key}`, value as unknown]));
  const flat = ({ settings, task, best, ...rest }: RunRecord): Record<string, unknown> => ({
    ...settings, ...inside("task", task), ...inside("best", best), ...rest,
  });
  const [was, is] = [flat(before), flat(now)];
  const changes = Object.keys({ ...was, ...is })
    .filter((name) => was[name] !== is[name])
    .map((name) => `${name} was ${quote(was[name])} and is ${quote(is[name])}`);
  if (changes.length === 0) return;
  throw new TrainError(
    "resume-mismatch",
    `the run cannot be resumed as it was: ${changes.join("; ")}. Restore these, or allow changes (allowChanges); ` +
      "the result then differs from an uninterrupted run's",
  );
}
