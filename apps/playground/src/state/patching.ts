import { computed, signal } from "@preact/signals";
import type { PatchEnds, PatchQuestion, PatchRow, PatchSite } from "../engine/api/inside.ts";
import type { ModelReport } from "../engine/api/model.ts";
import type { Failure } from "../engine/api/reply.ts";
import { engine, newJob, settled, whenModelChanges } from "./engine.ts";
import { longestText } from "./inside.ts";
import { linked } from "./link.ts";
import { words } from "./locale.ts";

/** What a user wrote; until then the opening text. */
const written = signal<string | undefined>(undefined);
export const otherText = computed(() => written.value ?? words.value.inside.otherOpening);

export function setOtherText(value: string): void {
  written.value = value;
}

export const site = signal<PatchSite>("stream");
export const measure = signal<"probabilities" | "logits">("probabilities");
/** The answer that is watched: of a user's choice. */
export const target = signal<number | undefined>(undefined);

/** A map that is, or was, computed. */
export interface PatchRun {
  /** The model that computed it. */
  readonly of: ModelReport;
  readonly question: PatchQuestion;
  readonly ends: PatchEnds | undefined;
  /** By their numbers, as far as they are there. */
  readonly rows: readonly (PatchRow | undefined)[];
  readonly status: "running" | "ended" | "failed";
  readonly failure?: Failure;
}

export const patchRun = signal<PatchRun | undefined>(undefined);

let job: number | undefined;

/** Computes a map of so many rows, in the place of the one before. */
export async function patch(of: ModelReport, question: PatchQuestion, rows: number): Promise<void> {
  await stopPatching();
  const number = (job = newJob());
  patchRun.value = { of, question, ends: undefined, rows: new Array<undefined>(rows).fill(undefined), status: "running" };
  const change = (next: Partial<PatchRun>): void => {
    if (job === number && patchRun.value) patchRun.value = { ...patchRun.value, ...next };
  };
  const outcome = await settled(
    engine.ask("patch", number, question, (event) => {
      if (event.type === "ends") change({ ends: event });
      else change({ rows: patchRun.value?.rows.with(event.row, event) });
    }),
  );
  change(outcome.status === "failed" ? outcome : { status: "ended" });
}

export async function stopPatching(): Promise<void> {
  if (job !== undefined && patchRun.value?.status === "running") await engine.ask("stop", job).catch(() => undefined); // Then it fails as well.
}

linked({ screen: "inside", name: "other", text: () => written.value, take: (text) => setOtherText(text.slice(0, longestText)) });

whenModelChanges(() => {
  target.value = patchRun.value = undefined;
});
