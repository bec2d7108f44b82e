import { computed, effect, signal, untracked } from "@preact/signals";
import type { KeptModel, ModelForecast, ModelReport, ModelSource, OpenOptions } from "../engine/api/model.ts";
import type { Failure } from "../engine/api/reply.ts";
import { isHubName } from "@gpt/gpt/web";
import { announce } from "./announce.ts";
import { backend, engine, forgetModel, lost, modelSource, newJob, replaceModel, settled, takeMade, whenFree, whenModelChanges } from "./engine.ts";
import type { MadeSource, OpenSource, Settled } from "./engine.ts";
import { linked } from "./link.ts";
import { words } from "./locale.ts";
import { save } from "./saving.ts";
import type { Saving } from "./saving.ts";

/** How far another model is. */
export type Opening =
  /** An address names it, which may be anyone's: a click opens it. */
  | { readonly source: ModelSource; readonly stage: "linked" }
  | { readonly source: ModelSource; readonly stage: "reading"; readonly bytes: number; readonly totalBytes: number }
  /** As its files have it, it does not fit: in int8 it may. */
  | { readonly source: ModelSource; readonly stage: "too-large"; readonly forecast: ModelForecast }
  | { readonly source: OpenSource; readonly stage: "failed"; readonly failure: Failure; readonly asInt8: boolean };

export const opening = signal<Opening | undefined>(undefined);

/** A token of an account of the hub, as it was written. It is kept nowhere. */
export const token = signal("");
/** Whether it can be one: a request takes no other characters. */
export const isToken = computed(() => /^[\x21-\x7e]*$/.test(token.value.trim()));
let job: number | undefined;

/** Looks at a model, and opens it where it fits. Another one that is on its way is given up. Default: matrices as its files have them. */
export async function openModel(place: ModelSource, asInt8 = false): Promise<void> {
  const source = withToken(place);
  const own = begin(source);
  await whenFree();
  if (own !== job) return;
  const found = await settled(engine.ask("forecastModel", own, source, follow(own, source)));
  if (own !== job) return;
  if (found.status === "failed") return end({ source, stage: "failed", failure: found.failure, asInt8 });
  const { bytes, bytesAsInt8, room, roomBeside } = found.value;
  const needed = asInt8 ? bytesAsInt8 : bytes;
  if (needed > room) end({ source, stage: "too-large", forecast: found.value });
  else await load(own, source, { asInt8, isAlone: needed > roomBeside });
}

/** The hub is asked with the token that there is. */
function withToken(source: ModelSource): ModelSource {
  const written = token.value.trim();
  return source.kind === "hub" && !source.isKept ? { kind: "hub", name: source.name, ...(written !== "" && isToken.value && { token: written }) } : source;
}

/** Opens a model once its files are listed. */
export async function openListed(name: string, source: Promise<ModelSource>): Promise<void> {
  const listed = await settled(source);
  if (listed.status === "ready") return openModel(listed.value);
  cancel();
  end({ source: { kind: "files", name, files: [] }, stage: "failed", failure: { ...listed.failure, code: "read-failed" }, asInt8: false });
}

/** Opens a model that was made here. Another one that is on its way is given up: else it would take this one's place once it is there. */
export function openMade(source: MadeSource): Promise<Settled<ModelReport>> {
  cancel();
  return takeMade(source);
}

export function cancel(): void {
  if (job !== undefined) void engine.ask("stop", job).catch(() => undefined);
  end(undefined);
}

// What was on its way to a backend that ends is given up with it, and what was too large for it.
effect(() => {
  if (backend.value.status !== "ready" && (job !== undefined || opening.peek()?.stage === "too-large")) untracked(cancel);
});

effect(() => {
  if (lost.value) opening.value = { ...lost.value, stage: "failed", asInt8: false };
});

function begin(source: ModelSource): number {
  cancel();
  opening.value = { source, stage: "reading", bytes: 0, totalBytes: 0 };
  return (job = newJob());
}

function end(state: Opening | undefined): void {
  job = undefined;
  opening.value = state;
}

function follow(own: number, source: ModelSource): (bytes: number, totalBytes: number) => void {
  return (bytes, totalBytes) => {
    if (own === job) opening.value = { source, stage: "reading", bytes, totalBytes };
  };
}

async function load(own: number, source: ModelSource, options: OpenOptions): Promise<void> {
  const opened = await replaceModel(source, options, own, follow(own, source));
  if (own !== job) return;
  if (opened.status === "failed") end({ source, stage: "failed", failure: opened.failure, asInt8: options.asInt8 });
  else {
    end(undefined);
    announce(words.value.model.opened(nameOf(source)));
    if (source.kind === "hub") await persist();
  }
  await lookAtStorage();
}

export function nameOf(source: OpenSource): string {
  const { name, tuned } = words.value.model;
  return source.kind === "shipped" ? name : source.kind === "tuned" ? tuned(nameOf(source.of.source)) : source.name;
}

/** The open model as one HTML file, which is made. */
export const page = signal<Saving | undefined>(undefined);
whenModelChanges(() => (page.value = undefined));

export async function saveAsPage(): Promise<void> {
  page.value = { status: "loading" };
  page.value = await save(engine.ask("modelAsPage", nameOf(modelSource.value)));
}

/** What this page keeps in the browser. */
export interface Storage {
  readonly models: readonly KeptModel[];
  /** Bytes of all that it keeps, and that it may keep. */
  readonly usage: number;
  readonly quota: number;
  /** Whether the browser deletes nothing of it by itself. */
  readonly isPersistent: boolean;
}

export const storage = signal<Storage | undefined>(undefined);

/** Why a model that is kept could not be deleted. */
export const removal = signal<Failure | undefined>(undefined);

/** Where nothing tells, nothing is shown: a page that came by plain http keeps nothing, and an engine that ended is shown elsewhere. */
export async function lookAtStorage(): Promise<void> {
  const found = await settled(readStorage());
  storage.value = found.status === "ready" ? found.value : undefined;
}

async function readStorage(): Promise<Storage> {
  const [{ usage = 0, quota = 0 }, isPersistent] = await Promise.all([navigator.storage.estimate(), navigator.storage.persisted()]);
  return { models: await engine.ask("keptModels"), usage, quota, isPersistent };
}

export async function askToPersist(): Promise<void> {
  await persist();
  await lookAtStorage();
}

async function persist(): Promise<void> {
  try {
    await navigator.storage.persist();
  } catch {
    // Where there is no storage, nothing is kept either.
  }
}

export async function removeKept(name: string): Promise<void> {
  removal.value = undefined;
  const removed = await settled(engine.ask("removeKeptModel", name));
  if (removed.status === "ready") forgetModel(name);
  else removal.value = removed.failure;
  await lookAtStorage();
}

linked({
  name: "model",
  text() {
    const { value } = modelSource;
    return value.kind === "hub" ? value.name : value.kind === "host" ? new URL(value.address).pathname : undefined;
  },
  take: (name) => {
    const { value } = modelSource;
    const { origin, href } = URL.canParse(name, location.origin) ? new URL(name, location.origin) : { origin: "", href: "" };
    if (name.startsWith("/") && origin === location.origin) {
      // What the page's own host has is no download; behind the start of the engine.
      const source: ModelSource = { kind: "host", name: name.slice(name.lastIndexOf("/") + 1), address: href };
      if (!(value.kind === "host" && value.address === href)) queueMicrotask(() => void openModel(source));
    } else if (isHubName(name) && !(value.kind === "hub" && value.name === name)) opening.value = { source: { kind: "hub", name }, stage: "linked" };
  },
});
