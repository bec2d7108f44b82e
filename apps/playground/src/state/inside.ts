import { computed, signal } from "@preact/signals";
import { words } from "./locale.ts";

/** How near the picture is: the whole model, a block, or a head of it. */
export interface Zoom {
  readonly block?: number;
  readonly head?: number;
}

/** What a user wrote; until then the opening text. */
const written = signal<string | undefined>(undefined);
export const text = computed(() => written.value ?? words.value.inside.opening);

export function setText(value: string): void {
  written.value = value;
  // Indices are those of another text now.
  followed.value = undefined;
}

/** The token that is followed: of a user's choice, or the last. */
export const followed = signal<number | undefined>(undefined);
export const zoom = signal<Zoom>({});
/** Whose attention the whole picture shows: that of one head of each block, or the mean of all. */
export const shownHead = signal<number | "mean">("mean");

/** One step farther. */
export function outOf({ block, head }: Zoom): Zoom {
  return head === undefined ? {} : { block };
}
