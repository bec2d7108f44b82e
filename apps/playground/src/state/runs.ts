import { signal } from "@preact/signals";
import type { RunHistory, RunSummary } from "../engine/api/training.ts";
import { engine, settled } from "./engine.ts";
import type { Loading, Settled } from "./engine.ts";
import { save } from "./saving.ts";

/** The runs that are kept in this browser. */
export const runs = signal<Loading<readonly RunSummary[]>>({ status: "loading" });
/** How the last thing that was done with a run ended, where it failed. */
export const failed = signal<(Settled<never> & { readonly status: "failed" }) | undefined>(undefined);
/** The courses of runs that are compared, by their names. */
export const compared = signal<ReadonlyMap<string, RunHistory>>(new Map());
/** As many as can be told apart. */
export const mostCompared = 4;

let refreshes = 0;

/** Lists them anew. A list that is overtaken by one that was asked for later is not shown. */
export async function refreshRuns(): Promise<void> {
  const own = ++refreshes;
  const listed = await settled(engine.ask("runs"));
  if (own === refreshes) runs.value = listed;
}

/** Does something with runs that are kept; what fails is shown beside them. */
export async function withRuns<T>(work: Promise<T>): Promise<T | undefined> {
  failed.value = undefined;
  const done = await settled(work);
  if (done.status === "ready") return done.value;
  failed.value = done;
  return undefined;
}

export async function compare(name: string, on: boolean): Promise<void> {
  if (!on) return forgetRuns(name);
  const history = await withRuns(engine.ask("runHistory", name));
  if (history) compared.value = new Map([...compared.value, [name, history]]);
}

/** Compares it no more. */
export function forgetRuns(name: string): void {
  compared.value = new Map([...compared.value].filter(([other]) => other !== name));
}

export async function remove(name: string): Promise<void> {
  await withRuns(engine.ask("removeRun", name));
  forgetRuns(name);
  await refreshRuns();
}

export async function takeOver(folder: FileSystemDirectoryHandle): Promise<void> {
  await withRuns(engine.ask("importRun", folder));
  await refreshRuns();
}

/** Lets the browser save an archive of a run. Gives whether it was made. */
export async function download(name: string, what: "model" | "run"): Promise<boolean> {
  const saved = await save(engine.ask("zipRun", name, what));
  failed.value = saved.status === "failed" ? saved : undefined;
  return saved.status === "ready";
}
