import { batch, computed, effect, signal } from "@preact/signals";
import type { AttentionFrame, CorpusId, Moment, RunHistory, StepPoint, TrainingEnd, TrainingNews, TrainingPlan, TrainingSetup } from "../engine/api/training.ts";
import { backend, engine, newJob, settled } from "./engine.ts";
import type { Loading, Settled } from "./engine.ts";
import { linked } from "./link.ts";
import { download, failed, forgetRuns, refreshRuns, remove } from "./runs.ts";
import { guarded } from "./unsaved.ts";

type Size = Pick<TrainingSetup, "layers" | "heads" | "dim" | "contextLength">;

export const sizes = {
  tiny: { layers: 2, heads: 4, dim: 64, contextLength: 128 },
  small: { layers: 4, heads: 4, dim: 128, contextLength: 128 },
  medium: { layers: 6, heads: 8, dim: 256, contextLength: 256 },
} as const satisfies Record<string, Size>;
export type SizeName = keyof typeof sizes;

export const usualRates = { adamw: 0.005, muon: 0.01 } as const satisfies Record<TrainingSetup["optimizer"], number>;

/** What learns to write readable stories within a minute, where a few cores compute. */
const usual: TrainingSetup = {
  corpus: "stories", vocabulary: "pairs", vocabSize: 1024, ...sizes.tiny, batchSize: 8, steps: 1000, optimizer: "adamw", learningRate: usualRates.adamw,
};
export const setup = signal(usual);

export const ranges = {
  layers: { min: 1, max: 12, step: 1 },
  dim: { min: 32, max: 512, step: 32 },
  contextLength: { min: 32, max: 512, step: 32 },
  batchSize: { min: 1, max: 32, step: 1 },
  steps: { min: 100, max: 10_000, step: 100 },
} as const satisfies Partial<Record<keyof TrainingSetup, { readonly min: number; readonly max: number; readonly step: number }>>;
export type RangeName = keyof typeof ranges;

export const choices = {
  vocabSize: [512, 1024, 2048, 4096],
  // Each divides every width.
  heads: [1, 2, 4, 8, 16],
  learningRate: [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05],
} as const satisfies Partial<Record<keyof TrainingSetup, readonly number[]>>;

/** What else a link may choose: not a text of one's own. */
const named = { corpus: ["stories", "sums"], vocabulary: ["pairs", "characters"], optimizer: ["adamw", "muon"] } as const;

const isRange = (name: keyof TrainingSetup): name is RangeName => name in ranges;

/** A setting as a link has it, if it can be. */
function allowed(name: keyof TrainingSetup, text: string): string | number | undefined {
  if (!isRange(name)) return ({ ...choices, ...named })[name].find((value) => String(value) === text);
  const { min, max, step } = ranges[name];
  const value = Number(text);
  return value >= min && value <= max && value % step === 0 ? value : undefined;
}

for (const name of Object.keys(usual) as (keyof TrainingSetup)[]) {
  linked({
    screen: "train", name,
    text: () => (setup.value[name] === usual[name] || setup.value[name] === "own" ? undefined : String(setup.value[name])),
    take: (text) => {
      const value = allowed(name, text);
      if (value !== undefined) change({ [name]: value });
    },
  });
}

export const sizeName = computed(() => (Object.keys(sizes) as SizeName[]).find((name) => isOfSize(setup.value, sizes[name])));

function isOfSize(setup: TrainingSetup, size: Size): boolean {
  return (Object.keys(size) as (keyof Size)[]).every((name) => setup[name] === size[name]);
}

export function change(changes: Partial<TrainingSetup>): void {
  setup.value = { ...setup.value, ...changes };
}

/** One's own text. */
export const ownText = signal<{ readonly name: string; readonly characters: number } | undefined>(undefined);
export async function setOwnText(name: string, text: string): Promise<void> {
  await keepOwn(name, text);
}

/** Learns the text of files, one behind the other. The Worker reads them. */
export async function setOwnFiles(files: readonly File[]): Promise<void> {
  if (files.length > 0) await keepOwn(files.map(({ name }) => name).join(", "), files);
}

async function keepOwn(name: string, text: string | readonly File[]): Promise<void> {
  const read = await settled(engine.ask("setOwnText", text));
  if (read.status === "failed") plan.value = read;
  else ownText.value = read.value > 0 ? { name, characters: read.value } : undefined;
  change({ corpus: "own" });
}

/** Chooses a text, and the vocabulary that suits it. */
export function chooseCorpus(corpus: CorpusId): void {
  change({ corpus, ...(corpus !== "own" && { vocabulary: corpus === "sums" ? "characters" : "pairs" }) });
}

export const plan = signal<Loading<TrainingPlan>>({ status: "loading" });
/** Floating-point operations a second that the last run reached on this backend: a better measure than a guess. */
const reached = signal<number | undefined>(undefined);
effect(() => {
  if (backend.value.status === "loading") reached.value = undefined;
});

export async function makePlan(): Promise<void> {
  if (backend.value.status !== "ready") return;
  const asked = setup.value;
  const answer = await settled(engine.ask("planTraining", asked));
  if (asked === setup.value) plan.value = answer;
  // An engine that was started again has lost it.
  if (answer.status === "failed" && answer.failure.code === "empty-data") ownText.value = undefined;
}

/** Seconds that a run of this setup takes. */
export const plannedSeconds = computed(() => {
  if (plan.value.status !== "ready") return undefined;
  const { flopsPerToken, tokensPerSecond } = plan.value.value;
  const { steps, batchSize, contextLength } = setup.value;
  return (steps * batchSize * contextLength) / (reached.value === undefined ? tokensPerSecond : reached.value / flopsPerToken);
});

export type Stage = (TrainingNews & { readonly type: "stage" })["stage"];

/** The run that is shown: it is trained, or was. */
export interface ShownRun {
  readonly name: string;
  readonly steps: number;
  readonly step: number;
  readonly tokensPerStep: number;
  readonly points: readonly StepPoint[];
  readonly moments: readonly Moment[];
  readonly frames: readonly AttentionFrame[];
  readonly tokensPerSecond: number | undefined;
  readonly savedStep: number | undefined;
}

export const shown = signal<ShownRun | undefined>(undefined);
export const stage = signal<{ readonly stage: Stage; readonly share?: number } | undefined>(undefined);
export const unsaved = signal<string | undefined>(undefined);
export const isPaused = signal(false);
export const rateFactor = signal(1);
export const outcome = signal<Settled<TrainingEnd> | undefined>(undefined);
/** What the run that ended last has learnt, where the browser does not keep it: it is in the engine's memory until the next one begins. */
export const unkept = signal<{ readonly run: string; readonly step: number; readonly prompt: string | undefined; readonly isTaken: boolean } | undefined>(undefined);
effect(() => {
  if (backend.value.status !== "ready") unkept.value = undefined;
});
/** The evaluation that is looked at; undefined for the last one. */
export const moment = signal<number | undefined>(undefined);

const job = signal<number | undefined>(undefined);
export const isTraining = computed(() => job.value !== undefined);
/** Asks before what is kept nowhere is lost. */
const mayLoseTrained = guarded(computed(() => unkept.value?.isTaken === false || (isTraining.value && unsaved.value !== undefined)));

/** Seconds until the run is done. */
export const secondsLeft = computed(() => {
  const run = shown.value;
  if (!run?.tokensPerSecond || !isTraining.value) return undefined;
  return ((run.steps - run.step) * run.tokensPerStep) / run.tokensPerSecond;
});
/** What a token of the run that is trained takes, where it is known. */
let flopsPerToken: number | undefined;

export function begin(): Promise<void> {
  const asked = setup.value;
  flopsPerToken = plan.value.status === "ready" ? plan.value.value.flopsPerToken : undefined;
  return follow((number, onNews) => engine.ask("train", number, asked, onNews));
}

export function goOnWith(run: string): Promise<void> {
  const asked = setup.value;
  flopsPerToken = undefined;
  return follow((number, onNews) => engine.ask("continueRun", number, run, asked, onNews));
}

async function follow(ask: (number: number, onNews: (news: readonly TrainingNews[]) => void) => Promise<TrainingEnd>): Promise<void> {
  if (isTraining.value || !mayLoseTrained()) return;
  const number = (job.value = newJob());
  clear();
  stage.value = { stage: "text" };
  const end = await settled(ask(number, (news) => batch(() => news.forEach(take))));
  job.value = stage.value = undefined;
  isPaused.value = false;
  outcome.value = end.status === "failed" && end.failure.code === "stopped" ? undefined : end;
  if (end.status === "ready" && end.value.step > (shown.value?.savedStep ?? 0)) {
    unkept.value = { ...end.value, prompt: shown.value?.moments.at(-1)?.prompt, isTaken: false };
  }
  if (shown.value) forgetRuns(shown.value.name);
  await refreshRuns();
}

function clear(): void {
  shown.value = outcome.value = unsaved.value = unkept.value = moment.value = undefined;
  isPaused.value = false;
  rateFactor.value = 1;
}

function take(news: TrainingNews): void {
  switch (news.type) {
    case "stage":
      stage.value = news;
      return;
    case "unsaved":
      unsaved.value = news.message;
      return;
    case "begun": {
      const { run: name, steps, step, savedStep, tokensPerStep, history } = news;
      stage.value = undefined;
      rateFactor.value = news.rateFactor;
      shown.value = { name, steps, step, savedStep, tokensPerStep, ...history, frames: [], tokensPerSecond: undefined };
      void refreshRuns();
      return;
    }
    default:
      if (shown.value) shown.value = after(shown.value, news);
  }
}

type NewsOfRun = Exclude<TrainingNews, { readonly type: "stage" | "unsaved" | "begun" }>;

function after(run: ShownRun, news: NewsOfRun): ShownRun {
  switch (news.type) {
    case "point":
      if (flopsPerToken !== undefined) reached.value = flopsPerToken * news.tokensPerSecond;
      return { ...run, step: news.point.step, points: [...run.points, news.point], tokensPerSecond: news.tokensPerSecond };
    case "moment":
      return { ...run, moments: [...run.moments.filter(({ step }) => step !== news.moment.step), news.moment] };
    case "attention":
      return { ...run, frames: [...run.frames.filter(({ step }) => step !== news.frame.step), news.frame] };
    case "saved":
      unsaved.value = undefined;
      void refreshRuns();
      return { ...run, savedStep: news.step };
  }
}

export async function pause(paused: boolean): Promise<void> {
  isPaused.value = paused;
  await engine.ask("pauseTraining", paused).catch(() => undefined); // Then the training fails as well, which is shown.
}

export async function stop(): Promise<void> {
  if (job.value !== undefined) await engine.ask("stop", job.value).catch(() => undefined); // Then the training fails as well.
}

export function setRateFactor(factor: number): void {
  rateFactor.value = factor;
  void engine.ask("setRateFactor", factor).catch(() => undefined); // Then the training fails as well, which is shown.
}

/** Deletes a run that is kept. What is shown of it stays, and is not said to be kept any more. */
export async function deleteRun(name: string): Promise<void> {
  await remove(name);
  if (failed.value || isTraining.value) return;
  batch(() => {
    unsaved.value = undefined; // There is room again.
    if (unkept.value?.run === name) unkept.value = undefined;
    if (shown.value?.name !== name) return;
    outcome.value = undefined;
    shown.value = { ...shown.value, savedStep: undefined };
  });
}

/** Lets the browser save the model that it does not keep. */
export async function takeAlong(): Promise<void> {
  const { value } = unkept;
  if (value && (await download(value.run, "model")) && unkept.value === value) unkept.value = { ...value, isTaken: true };
}

/** Shows a run that is kept. */
export function show(name: string, history: RunHistory, { steps, step }: Pick<ShownRun, "steps" | "step">): void {
  if (isTraining.value) return;
  outcome.value = unsaved.value = moment.value = undefined;
  shown.value = { name, steps, step, savedStep: step, tokensPerStep: 0, ...history, frames: [], tokensPerSecond: undefined };
}
