import { signal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import type { BackendChoice, BackendReport, Places } from "../engine/api/backend.ts";
import type { ModelReport } from "../engine/api/model.ts";
import type { Failure } from "../engine/api/reply.ts";
import { EngineClient } from "../engine/client.ts";
import { failureOf } from "../engine/failure.ts";
import { oneOf, stored } from "./stored.ts";

export type Settled<T> = { readonly status: "ready"; readonly value: T } | { readonly status: "failed"; readonly failure: Failure };
export type Loading<T> = { readonly status: "loading" } | Settled<T>;

const loading = { status: "loading" } as const;

export const backendChoices = ["auto", "webgpu", "threads", "single"] as const satisfies readonly BackendChoice[];
export const backendChoice = stored<BackendChoice>("backend", oneOf(backendChoices), "auto");

export const places = signal<Places | undefined>(undefined);
export const backend = signal<Loading<BackendReport>>(loading);
export const model = signal<Loading<ModelReport>>(loading);
/** The run whose model is open; none where it is the one that comes with the page. */
export const openedRun = signal<string | undefined>(undefined);
/** Counts what changes the vocabularies, so that texts are encoded again. */
export const vocabularyVersion = signal(0);
export const modelVocabulary = signal<Loading<void>>(loading);
export const ownVocabulary = signal<(Loading<void> & { readonly name: string }) | undefined>(undefined);

/** The model that comes with the page. */
const shipped = new URL("models/stories", document.baseURI).href;

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
  ownVocabulary.value = openedRun.value = undefined;
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
  else await follow(model, openedRun.value === undefined ? engine.ask("openModel", shipped) : engine.ask("openRun", openedRun.value));
}

/** Opens the model of a run that was trained here. */
export async function openRun(name: string): Promise<Settled<ModelReport>> {
  const opened = await settled(engine.ask("openRun", name));
  if (opened.status === "ready") {
    openedRun.value = name;
    model.value = opened;
    vocabularyVersion.value++;
  }
  return opened;
}

async function openVocabulary(): Promise<void> {
  await follow(modelVocabulary, engine.ask("openVocabulary", shipped));
  vocabularyVersion.value++;
}

/** Reads a user's file of a vocabulary. */
export async function addVocabulary(file: File): Promise<void> {
  const { name } = file;
  ownVocabulary.value = { ...loading, name };
  ownVocabulary.value = { ...(await settled(engine.ask("addVocabulary", file))), name };
  vocabularyVersion.value++;
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
