import { words } from "../state/locale.ts";
import type { Saving } from "../state/saving.ts";
import { FailureNote } from "./failure-note.tsx";

/** How far a file is that the browser is to save. */
export function SavingNote({ state }: { readonly state: Saving | undefined }) {
  const { making, given } = words.value.saving;
  if (!state) return null;
  if (state.status === "failed") return <FailureNote failure={state.failure} />;
  return <p class="soft" role="status">{state.status === "loading" ? making : given(state.value)}</p>;
}
