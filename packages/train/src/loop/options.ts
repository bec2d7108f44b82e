import type { GPT } from "@gpt/gpt";
import { callback, flag, objectWith, optional } from "@gpt/tensor";
import type { Expectations } from "@gpt/tensor";
import { check, checkAll, checkSource, count, invalidOption, modelExpected, signalExpected } from "../checks.ts";
import type { TrainingData } from "../data/token-source.ts";
import type { Checkpointer, ResumePoint } from "./checkpointer.ts";
import type { ExpertsTraining } from "./experts.ts";
import type { TrainSettings } from "./settings.ts";
import type { OnEvaluated, Task } from "./task.ts";

/** How a model is trained, and on what. */
export interface TrainOptions extends Partial<TrainSettings> {
  readonly steps: number;
  /** A text, which is learnt by windows: see `windowTask`. */
  readonly data?: TrainingData;
  /** What is learnt instead. */
  readonly task?: Task;
  /** Steps between two step events. Default 10. */
  readonly logEvery?: number;
  /** Steps between two evaluations on the validation data; the last step has one in any case. Default 250. */
  readonly evaluateEvery?: number;
  /** The most windows or examples of an evaluation before the last one, which looks at everything. Default 256. */
  readonly evaluationWindows?: number;
  /**
   * Ends the run in good order after as many evaluations without a better validation loss. The checkpoint of the best state stays
   * beside the newest ones. Default: never.
   */
  readonly patience?: number;
  /**
   * Lets the run end with the weights of its best state, by validation loss, in place of the last: model, folder and the last
   * evaluation are of that. Needs a checkpointer. Default false.
   */
  readonly keepBest?: boolean;
  /** Steps between two checkpoints; the first and the last state are saved in any case. Default 250. */
  readonly checkpointEvery?: number;
  /**
   * By what the scheduled learning rate is multiplied, asked before each step: so the rate changes while the run goes on. Checkpoints
   * hold the factor that is in force; a resumed run goes on with that where this is left out. Default: 1.
   */
  readonly rateFactor?: () => number;
  /** Whether step events tell the norms of the gradients by parts of the model: a kernel for each parameter then. Default false. */
  readonly gradientNorms?: boolean;
  /** Where to save. Default: nowhere. */
  readonly checkpointer?: Checkpointer;
  /**
   * Called where a checkpoint cannot be written (`write-failed`), since storage is full for instance: the run goes on, and tries again at the
   * next interval. Without it the run ends with that error.
   */
  readonly onSaveFailed?: (error: Error) => void;
  /** Where to go on instead of beginning; the model was loaded from there. */
  readonly resume?: ResumePoint;
  /** Goes on even where settings, data, backend or runtime differ from those before. Default false. */
  readonly allowChanges?: boolean;
  /** Called after each step, which a GPU may still compute. */
  readonly onStep?: OnStep;
  /** Called while an evaluation goes on. */
  readonly onEvaluated?: OnEvaluated;
  /** Ends the run after the running step: it is saved and can be resumed. */
  readonly signal?: AbortSignal;
  /** Computes the blocks again in the backward pass, from less memory: see `ForwardOptions`. Not with `experts`. Default false. */
  readonly checkpointBlocks?: boolean;
  /** For a mixture of experts: how they are balanced, and that step events speak of them. See `balanceExperts`. */
  readonly experts?: ExpertsTraining;
}

/** Called with how many steps were taken, and how many the run has. */
export type OnStep = (progress: { readonly step: number; readonly steps: number }) => void;

/** What is expected of the options; those that decide the weights are checked as settings. */
const optionsExpected: Expectations<Omit<TrainOptions, keyof TrainSettings>> = {
  data: optional(objectWith("an object with train, a source of tokens")),
  task: optional(objectWith("a task, as windowTask makes", "fingerprint()", "batch()", "loss()")),
  logEvery: optional(count),
  evaluateEvery: optional(count),
  evaluationWindows: optional(count),
  patience: optional(count),
  keepBest: optional(flag),
  checkpointEvery: optional(count),
  rateFactor: optional(callback),
  gradientNorms: optional(flag),
  checkpointer: optional(objectWith("a checkpointer, as createRun makes", "save()", "finish()")),
  onSaveFailed: optional(callback),
  resume: optional(objectWith("a resume, as resumeRun makes", "loadOptimizer()")),
  allowChanges: optional(flag),
  onStep: optional(callback),
  onEvaluated: optional(callback),
  signal: signalExpected,
  checkpointBlocks: optional(flag),
  experts: optional(objectWith("what balanceExperts makes", "start()", "options")),
};

/** Refuses options that are of another type, or do not go together. */
export function checkOptions(model: GPT, options: TrainOptions): void {
  check("model", model, modelExpected);
  check("options", options, objectWith("an object with steps and data"));
  checkAll<Partial<TrainOptions>>(options, optionsExpected);
  const { data, task, experts, checkpointBlocks } = options;
  if (experts && checkpointBlocks) throw invalidOption("experts are followed by hooks, which checkpointBlocks does not allow; leave one of them out");
  if (!data === !task) throw invalidOption(data ? "data and task are both given; give one" : "data is missing: give some, or a task");
  if (!data) return;
  checkSource("data.train", data.train);
  if (data.validation !== undefined) checkSource("data.validation", data.validation);
}
