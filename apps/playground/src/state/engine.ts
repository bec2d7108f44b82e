import { batch, computed, effect, signal, untracked } from "@preact/signals";
import type { Signal } from "@preact/signals";
import type { BackendChoice, BackendReport, Places } from "../engine/api/backend.ts";
import type { ModelReport, ModelSource, OpenOptions } from "../engine/api/model.ts";
import type { Failure } from "../engine/api/reply.ts";
import type { VocabularyId } from "../engine/api/tokens.ts";
import { EngineClient } from "../engine/client.ts";
import { failureOf } from "../engine/failure.ts";
import { forgetOpened, noteOpened, repositoryOf } from "./opened-names.ts";
import { oneOf, stored } from "./stored.ts";

export type Settled<T> = { readonly status: "ready"; readonly value: T } | { readonly status: "failed"; readonly failure: Failure };
export type Loading<T> = { readonly status: "loading" } | Settled<T>;

const loading = { status: "loading" } as const;

export const backendChoices = ["auto", "webgpu", "threads", "single"] as const satisfies readonly BackendChoice[];
export const backendChoice = stored<BackendChoice>("backend", oneOf(backendChoices), "auto");

export const places = signal<Places | undefined>(undefined);
export const backend = signal<Loading<BackendReport>>(loading);
export const model = signal<Loading<ModelReport>>(loading);
/** Count what changes the vocabularies, so that texts are encoded again: those of the open model and of a user's file, and all where the engine starts anew. */
const [ownVersion, engineVersion] = [signal(0), signal(0)];
/** Vocabularies that come with the tokenizer stay what they are. */
export const versionOf = (id: VocabularyId): number => engineVersion.value + (id === "model" || id === "own" ? ownVersion.value : 0);
export const modelVocabulary = signal<Loading<void>>(loading);
export const ownVocabulary = signal<(Loading<void> & { readonly name: string }) | undefined>(undefined);

/** Where a model is from: one that is loaded, a run that was trained here, or another model that was tuned here. */
export type OpenSource =
  | ModelSource
  | { readonly kind: "run"; readonly name: string }
  | { readonly kind: "tuned"; readonly of: ChosenModel };

/** The model that comes with the page. */
export const shipped: ModelSource & { readonly kind: "shipped" } = { kind: "shipped", address: new URL("models/stories.gguf", document.baseURI).href };

/** A model of the hub that was open, for the next visit. */
interface Remembered {
  readonly name: string;
  readonly asInt8: boolean;
}

const remembered = stored<Remembered | null>("model", readRemembered, null);

function readRemembered(value: unknown): Remembered | undefined {
  const { name, asInt8 } = (typeof value === "object" && value !== null ? value : {}) as Partial<Remembered>;
  return typeof name === "string" && typeof asInt8 === "boolean" ? { name, asInt8 } : undefined;
}

export interface ChosenModel {
  readonly source: OpenSource;
  readonly asInt8: boolean;
}

/** What is opened on the backend, and again on another one. At a visit nothing is asked of the hub: what is kept is opened. */
export const chosenModel = signal<ChosenModel>(
  remembered.value ? { source: { kind: "hub", name: remembered.value.name, isKept: true }, asInt8: remembered.value.asInt8 } : { source: shipped, asInt8: false },
);
/** Where the model is from that is open, or is to be. */
export const modelSource = computed(() => chosenModel.value.source);

/** Lets a screen forget what was of the model before. */
export function whenModelChanges(forget: () => void): void {
  let last = modelSource.peek();
  effect(() => {
    if (modelSource.value === last) return;
    last = modelSource.value;
    untracked(forget);
  });
}

export let engine = new EngineClient(died);

function died(error: Error): void {
  backend.value = model.value = { status: "failed", failure: failureOf(error) };
}

/** Starts the engine, and opens the model: the vocabulary first, which needs no backend. */
export async function startEngine(): Promise<void> {
  await Promise.all([openVocabulary(), startBackend()]);
}

/** Ends a Worker that is lost, and starts anew. A user's own vocabulary went with it. */
export async function restartEngine(): Promise<void> {
  engine.end();
  engine = new EngineClient(died);
  ownVocabulary.value = undefined;
  adding = Promise.resolve();
  engineVersion.value++;
  await startEngine();
}

let lastJob = 0;

/** The number of long work, by which it is stopped. */
export function newJob(): number {
  return ++lastJob;
}

let starting = Promise.resolve();

/** Starts the chosen backend and opens the model on it, once an earlier start has ended. */
export function startBackend(): Promise<void> {
  return (starting = starting.then(start));
}

async function start(): Promise<void> {
  backend.value = model.value = loading;
  const started = await follow(backend, engine.ask("start", backendChoice.value));
  places.value = await engine.ask("places").catch(() => undefined);
  if (started.status === "failed") model.value = started;
  else await reopen();
}

/** A model that was open and is not here any more. */
export const lost = signal<{ readonly source: OpenSource; readonly failure: Failure } | undefined>(undefined);

/** Opens the chosen model on a backend that has just started. Where it is not here any more, the page's own is opened. */
async function reopen(): Promise<void> {
  const { source, asInt8 } = chosenModel.value;
  if (source.kind === "tuned") {
    // It ended with its backend.
    chosenModel.value = source.of;
    return reopen();
  }
  const asked = source.kind === "run" ? engine.ask("openRun", source.name) : engine.ask("openModel", newJob(), source, { asInt8, isAlone: true }, () => undefined);
  const opened = await settled(asked);
  if (opened.status === "failed" && source.kind !== "shipped" && backend.value.status === "ready") {
    lost.value = { source, failure: opened.failure };
    remembered.value = null;
    chosenModel.value = { source: shipped, asInt8: false };
    await reopen();
  } else takeModel(opened);
}

let replacing: Promise<unknown> = Promise.resolve();

/** Ends when a model can be opened: on a backend that has started, and once an earlier one is open or given up, so that nothing is taken for what the other is. */
export async function whenFree(): Promise<void> {
  await replacing;
  await starting;
}

/** Opens another model in the place of the one that is open, which stays where that fails; the page's own takes its place where it had to go first. */
export function replaceModel(...asked: Parameters<typeof replace>): Promise<Settled<ModelReport>> {
  const replaced = replace(...asked);
  replacing = replaced;
  return replaced;
}

async function replace(
  source: ModelSource, options: OpenOptions, job: number, onBytes: (bytes: number, totalBytes: number) => void,
): Promise<Settled<ModelReport>> {
  const opened = await settled(engine.ask("openModel", job, source, options, onBytes));
  const { asInt8 } = options;
  if (opened.status === "ready") choose({ source, asInt8 }, opened);
  else if (options.isAlone) await (starting = starting.then(fallBack));
  return opened;
}

/** Opens the page's own model where none is open. */
async function fallBack(): Promise<void> {
  if (backend.value.status !== "ready" || (await engine.ask("hasModel").catch(() => true))) return;
  model.value = loading;
  chosenModel.value = { source: shipped, asInt8: false };
  await reopen();
}

/** A model that was made here: that of a run, or a copy of what was tuned. */
export type MadeSource = Exclude<OpenSource, ModelSource>;

/** Puts a model that was made here in the place of the one that is open. */
export function takeMade(source: MadeSource): Promise<Settled<ModelReport>> {
  const taken = take(source);
  replacing = taken;
  return taken;
}

async function take(source: MadeSource): Promise<Settled<ModelReport>> {
  await whenFree();
  const opened = await settled(source.kind === "run" ? engine.ask("openRun", source.name) : engine.ask("openTuned"));
  if (opened.status === "ready") choose({ source, asInt8: false }, opened);
  return opened;
}

function choose({ source, asInt8 }: ChosenModel, opened: Settled<ModelReport>): void {
  if (source.kind === "hub") noteOpened(source.name);
  if (source.kind !== "tuned") remembered.value = source.kind === "hub" ? { name: source.name, asInt8 } : null;
  batch(() => {
    chosenModel.value = { source, asInt8 };
    takeModel(opened);
  });
}

function takeModel(opened: Settled<ModelReport>): void {
  model.value = opened;
  if (opened.status === "failed") return;
  modelVocabulary.value = { status: "ready", value: undefined };
  ownVersion.value++;
}

/** The next visit begins with another model than one of this repository of the hub. */
export function forgetModel(repository: string): void {
  forgetOpened(repository);
  if (remembered.value && repositoryOf(remembered.value.name) === repository) remembered.value = null;
}

async function openVocabulary(): Promise<void> {
  const { value } = modelSource;
  await follow(modelVocabulary, engine.ask("openVocabulary", value.kind === "run" || value.kind === "tuned" ? shipped : value));
  ownVersion.value++;
}

let adding: Promise<unknown> = Promise.resolve();

/** Reads a user's file of a vocabulary, after an earlier one: the last that was chosen stays. */
export async function addVocabulary(file: File): Promise<void> {
  const { name } = file;
  ownVocabulary.value = { ...loading, name };
  const read = adding.then(() => settled(engine.ask("addVocabulary", file)));
  adding = read;
  const found = await read;
  if (adding !== read) return;
  ownVocabulary.value = { ...found, name };
  ownVersion.value++;
}

/** Shows how work ends. */
async function follow<T>(state: Signal<Loading<T>>, work: Promise<T>): Promise<Settled<T>> {
  return (state.value = await settled(work));
}

export async function settled<T>(work: Promise<T>): Promise<Settled<T>> {
  try {
    return { status: "ready", value: await work };
  } catch (error) {
    return { status: "failed", failure: failureOf(error) };
  }
}
