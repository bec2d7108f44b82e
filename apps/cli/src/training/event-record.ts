import type { CheckpointEvent, DoneEvent, EvaluationEvent, StepEvent, TrainEvent } from "@gpt/train";

/** An event as one line of JSON has it, on standard output and in a run's folder. */
export function recordOf(event: TrainEvent): Record<string, unknown> & { readonly step: number } {
  switch (event.type) {
    case "step": return recordOfStep(event);
    case "evaluation": return recordOfEvaluation(event);
    case "checkpoint": return recordOfCheckpoint(event);
    case "done": return recordOfEnd(event);
  }
}

function recordOfStep({ step, loss, learningRate, gradientNorm, tokensPerSecond, experts }: StepEvent) {
  return { step, loss, lr: learningRate, gradientNorm, tokensPerSecond, ...experts };
}

function recordOfEvaluation({ step, loss, tokens, complete, metrics }: EvaluationEvent) {
  return { step, valLoss: loss, tokens, complete, ...metrics };
}

function recordOfCheckpoint({ step }: CheckpointEvent) {
  return { step, checkpoint: `checkpoints/step-${step}` };
}

function recordOfEnd({ interrupted, step, loss, validationLoss, metrics, best, seconds }: DoneEvent) {
  return { done: !interrupted, interrupted, step, loss, valLoss: validationLoss, ...metrics, best, seconds };
}
