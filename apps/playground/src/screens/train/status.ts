import type { TrainingEnd } from "../../engine/api/training.ts";
import { count, duration, words } from "../../state/locale.ts";
import { isPaused, outcome, secondsLeft, shown, stage } from "../../state/train.ts";

/** How a run ended. */
export function endNote({ run, step, finished }: TrainingEnd): string {
  const { train } = words.value;
  const savedStep = shown.value?.savedStep;
  if (savedStep === undefined) return train.ended;
  if (savedStep !== step) return train.endedBehind(run, count(savedStep));
  return finished ? train.finished(run) : train.stopped(run);
}

/** What is done now, in a line. */
export function statusNote(): string {
  const { train } = words.value;
  if (stage.value) return train.stages[stage.value.stage];
  if (isPaused.value) return train.paused;
  return outcome.value?.status === "ready" ? endNote(outcome.value.value) : "";
}

/** The numbers of the run that is shown. */
export function facts(): string[] {
  const { train } = words.value;
  const run = shown.value;
  if (!run) return [];
  return [
    train.stepOf(count(run.step), count(run.steps)),
    ...(run.tokensPerSecond ? [train.perSecond(count(Math.round(run.tokensPerSecond)))] : []),
    ...(secondsLeft.value ? [train.left(duration(secondsLeft.value))] : []),
    ...(run.savedStep === undefined ? [] : [train.savedAt(count(run.savedStep))]),
  ];
}
