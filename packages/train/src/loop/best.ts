import { invalidOption } from "../checks.ts";
import type { BestRecord, BestState, Checkpointer, ResumePoint } from "./checkpointer.ts";
import type { EvaluationEvent } from "./events.ts";

/** What decides which states of a run are compared, and what is done then. */
export interface BestOptions {
  readonly patience?: number;
  readonly keepBest?: boolean;
  readonly evaluateEvery: number;
  readonly evaluationWindows: number;
  readonly checkpointer?: Checkpointer;
  readonly resume?: ResumePoint;
}

/** Follows the validation losses of a run: which of its states is the best, and whether it is time to end. */
export class BestFollower {
  readonly record: BestRecord;
  state: BestState | undefined;
  /** The best state before the last one that was better. */
  #before: BestState | undefined;

  constructor({ patience, keepBest = false, evaluateEvery, evaluationWindows, checkpointer, resume }: BestOptions, hasValidation: boolean) {
    const option = keepBest ? "keepBest" : "patience";
    if (!hasValidation) throw invalidOption(`${option} compares validation losses, and there are no validation data; give some`);
    if (keepBest && !checkpointer?.restoreWeights) throw invalidOption("keepBest needs a checkpointer that can restoreWeights(), as createRun makes");
    this.record = { patience: patience ?? null, keepBest, evaluateEvery, evaluationWindows };
    this.state = resume?.best;
  }

  /** Takes an evaluation into account. */
  take({ step, loss }: EvaluationEvent): void {
    const { state } = this;
    const isBest = !state || loss < state.loss;
    if (isBest) this.#before = state;
    this.state = isBest ? { evaluated: step, step, loss, worse: 0 } : { ...state, evaluated: step, worse: state.worse + 1 };
  }

  /** Goes back to the best state before, where that of a step could not be saved, to which the run would end. */
  forget(step: number): void {
    if (!this.record.keepBest || this.state?.step !== step) return;
    this.state = this.#before && { ...this.#before, evaluated: step, worse: 0 };
  }

  /** Whether the last evaluations were no better, as many of them as there is patience for. */
  get isOver(): boolean {
    const { patience } = this.record;
    return patience !== null && this.state !== undefined && this.state.worse >= patience;
  }
}
