import { effect } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";
import { words } from "./locale.ts";

const all: ReadonlySignal<boolean>[] = [];

/** Guards what was learnt here and is saved nowhere: before the tab goes, its visitor is asked. Gives what asks before it is lost otherwise. */
export function guarded(isUnsaved: ReadonlySignal<boolean>): () => boolean {
  all.push(isUnsaved);
  const holdPage = (event: Event): void => event.preventDefault();
  effect(() => {
    if (isUnsaved.value) addEventListener("beforeunload", holdPage);
    else removeEventListener("beforeunload", holdPage);
  });
  return () => mayLose([isUnsaved]);
}

/** Asks before all of it is lost. */
export function mayLoseAll(): boolean {
  return mayLose(all);
}

function mayLose(states: readonly ReadonlySignal<boolean>[]): boolean {
  return !states.some(({ value }) => value) || confirm(words.value.loseLearnt);
}
