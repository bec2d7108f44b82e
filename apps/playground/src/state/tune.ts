import { computed, effect, signal } from "@preact/signals";
import type {
  TunedPackage, TuningEvaluation, TuningEvent, TuningMessage, TuningSettings, TuningSource, TuningStart, TuningTask,
} from "../engine/api/tuning.ts";
import type { Failure } from "../engine/api/reply.ts";
import { backend, chosenModel, engine, newJob, settled } from "./engine.ts";
import type { ChosenModel, Settled } from "./engine.ts";
import type { Point } from "../ui/chart-scale.ts";
import { linked } from "./link.ts";
import { openMade } from "./models.ts";
import { save } from "./saving.ts";
import type { Saving } from "./saving.ts";
import { guarded } from "./unsaved.ts";

export const task = signal<TuningTask>("labels");
const drafts = signal<Readonly<Record<TuningTask, string>>>({ labels: "", messages: "" });
const chosenFiles = signal<Readonly<Record<TuningTask, readonly File[]>>>({ labels: [], messages: [] });

export const text = computed(() => drafts.value[task.value]);
export const files = computed(() => chosenFiles.value[task.value]);
/** What is learnt: files, or else what was written. */
export const source = computed((): TuningSource => (files.value.length > 0 ? files.value : text.value));
export const isEmpty = computed(() => files.value.length === 0 && text.value.trim() === "");

export function setText(value: string): void {
  drafts.value = { ...drafts.value, [task.value]: value };
}

export function setFiles(value: readonly File[]): void {
  chosenFiles.value = { ...chosenFiles.value, [task.value]: value };
}

/** What can be chosen. */
export const choices = {
  method: ["head", "lora", "full"],
  rank: ["4", "8", "16", "32"],
  targets: ["all", "attention"],
  epochs: ["3", "6", "10", "20", "40"],
  rate: ["0.3", "1", "3"],
  heldOut: ["0", "0.1", "0.2", "0.3"],
} as const;

const common = { method: "lora", rank: 8, targets: "all", rate: 1, heldOut: 0.2, seed: 1, balanced: false } as const;
const usual: Readonly<Record<TuningTask, TuningSettings>> = { labels: { ...common, epochs: 6 }, messages: { ...common, epochs: 20 } };
const settingsByTask = signal(usual);
export const settings = computed(() => settingsByTask.value[task.value]);

export function setSettings(change: Partial<TuningSettings>): void {
  settingsByTask.value = { ...settingsByTask.value, [task.value]: { ...settings.value, ...change } };
}

const here = { screen: "tune" } as const;
linked({
  ...here, name: "task", text: () => (task.value === "labels" ? undefined : task.value),
  take: (text) => {
    if (text === "labels" || text === "messages") task.value = text;
  },
});
for (const name of Object.keys(choices) as (keyof typeof choices)[]) {
  linked({
    ...here, name, text: () => (settings.value[name] === usual[task.value][name] ? undefined : String(settings.value[name])),
    take: (text) => {
      const chosen = choices[name].find((value) => value === text && !(value === "head" && task.value === "messages"));
      if (chosen !== undefined) setSettings({ [name]: typeof usual.labels[name] === "number" ? Number(chosen) : chosen });
    },
  });
}

/** A run that has begun. */
export interface Run extends TuningStart {
  /** The model as it was. */
  readonly of: ChosenModel;
  readonly phase: "running" | "stopped" | "finished";
  readonly losses: readonly Point[];
  readonly validation: readonly Point[];
  readonly evaluation?: TuningEvaluation;
  /** Milliseconds a step, of late. */
  readonly pace?: number;
  readonly failure?: Failure;
}

export const run = signal<Run | undefined>(undefined);
/** Why no run has begun. */
export const refusal = signal<Failure | undefined>(undefined);
export const isBeginning = signal(false);
export const isRunning = computed(() => run.value?.phase === "running");
/** Whether something works with the tuned model, so that nothing else can. */
export const isBusy = computed(() => isBeginning.value || isRunning.value || isAnswering.value || isOpening.value || packed.value?.status === "loading");

/** The step whose weights were saved last. */
const savedStep = signal(0);
const isUnsaved = computed(() => (run.value?.losses.at(-1)?.step ?? 0) > savedStep.value);

/** What was tuned lives on the backend. */
effect(() => {
  if (backend.value.status !== "ready") run.value = undefined;
});

/** Asks before what was tuned and not saved is lost. */
const mayLoseTuned = guarded(isUnsaved);

let job: number | undefined;

/** Tunes the open model by the data that were read last. */
export async function begin(): Promise<void> {
  if (isBusy.value || !mayLoseTuned()) return;
  isBeginning.value = true;
  refusal.value = chatFailure.value = run.value = undefined;
  chat.value = [];
  savedStep.value = 0;
  packed.value = undefined;
  const [of, on] = [chosenModel.value, backend.value];
  const begun = await settled(engine.ask("beginTuning", settings.value));
  isBeginning.value = false;
  if (backend.value !== on) return; // It went with the backend that it was on.
  if (begun.status === "failed") refusal.value = begun.failure;
  else {
    run.value = { ...begun.value, of, phase: "stopped", losses: [], validation: [] };
    await goOn();
  }
}

export async function goOn(): Promise<void> {
  if (!run.value || isBusy.value) return;
  change({ phase: "running", failure: undefined });
  job = newJob();
  let [told, toldAt] = [run.value.losses.length, performance.now()];
  const ended = await settled(engine.ask("tune", job, (events) => {
    take(events);
    const [steps, now] = [(run.value?.losses.length ?? 0) - told, performance.now()];
    if (now - toldAt < 1000 || steps < 1) return;
    change({ pace: (now - toldAt) / steps });
    [told, toldAt] = [told + steps, now];
  }));
  if (ended.status === "failed") change({ phase: "finished", failure: ended.failure });
  else change({ phase: ended.value ? "finished" : "stopped" });
}

export async function stop(): Promise<void> {
  if (job !== undefined) await engine.ask("stop", job).catch(() => undefined); // Then the run fails as well.
}

function change(changes: Partial<Run>): void {
  if (run.value) run.value = { ...run.value, ...changes };
}

function take(events: readonly TuningEvent[]): void {
  if (!run.value) return;
  const steps = events.filter((event) => event.type === "step");
  const evaluations = events.filter((event) => event.type === "evaluation");
  const points = (found: readonly TuningEvent[]): Point[] => found.map(({ step, loss }) => ({ step, loss }));
  change({
    losses: [...run.value.losses, ...points(steps)],
    validation: [...run.value.validation.filter(({ step }) => evaluations.every((one) => one.step !== step)), ...points(evaluations)],
    ...(evaluations.length > 0 && { evaluation: evaluations.at(-1) }),
  });
}

/** A text that is classified. */
export const tried = signal<string | undefined>(undefined);

/** A turn of the chat: beside the tuned model's answer that of the model as it was, where both are asked for. */
export interface Turn {
  readonly message: string;
  readonly tuned: string;
  readonly base?: string;
}

export const chat = signal<readonly Turn[]>([]);
export const compares = signal(false);
export const isAnswering = signal(false);
export const chatFailure = signal<Failure | undefined>(undefined);

let answering: number | undefined;

export async function stopAnswer(): Promise<void> {
  compared = false;
  if (answering !== undefined) await engine.ask("stop", answering).catch(() => undefined); // Then the answer fails as well.
}

/** Whether what the model would have said before is still to come. */
let compared = false;

/** Asks the tuned model, and where they are compared the one before, which goes on with its own answers. */
export async function ask(message: string): Promise<void> {
  if (isBusy.value) return;
  isAnswering.value = true;
  chatFailure.value = undefined;
  const before = chat.value;
  compared = compares.value;
  const turn = (changes: Partial<Turn>): void => {
    chat.value = [...before, { ...(chat.value[before.length] ?? { message, tuned: "" }), ...changes }];
  };
  turn({});
  const answerOf = async (side: "tuned" | "base"): Promise<Settled<void>> => {
    const messages = before.flatMap((one): TuningMessage[] => [
      { role: "user", content: one.message }, { role: "assistant", content: one[side] || one.tuned },
    ]);
    let answer = "";
    const asked = engine.ask("chatTuned", (answering = newJob()), [...messages, { role: "user", content: message }], side === "tuned", (text) => turn({ [side]: (answer += text) }));
    return settled(asked);
  };
  const answered = await answerOf("tuned");
  const last = compared && answered.status === "ready" ? await answerOf("base") : answered;
  if (last.status === "failed") chatFailure.value = last.failure;
  isAnswering.value = false;
}

/** Whether a copy of the tuned model is put in the place of the open one. */
const isOpening = signal(false);

/** Opens a copy of the tuned model, unless that fails. */
export async function openCopy(): Promise<boolean> {
  if (!run.value || isBusy.value) return false;
  isOpening.value = true;
  const opened = await openMade({ kind: "tuned", of: run.value.of });
  isOpening.value = false;
  chatFailure.value = opened.status === "failed" ? opened.failure : undefined;
  return opened.status === "ready";
}

/** What is made to be saved, and how that ended. */
export const packed = signal<Saving | undefined>(undefined);

export async function takeAway(kind: TunedPackage): Promise<void> {
  if (isBusy.value) return;
  packed.value = { status: "loading" };
  const step = run.value?.losses.at(-1)?.step ?? 0;
  packed.value = await save(engine.ask("packTuned", kind));
  if (packed.value.status === "ready") savedStep.value = step;
}
