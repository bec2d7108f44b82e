import { computed, signal } from "@preact/signals";
import { whenModelChanges } from "./engine.ts";
import { indexOf, linked } from "./link.ts";
import { words } from "./locale.ts";

/** How near the picture is: the whole model, a block, or a head of it. */
export interface Zoom {
  readonly block?: number;
  readonly head?: number;
}

/** What a user wrote; until then the opening text. */
const written = signal<string | undefined>(undefined);
export const text = computed(() => written.value ?? words.value.inside.opening);

/** Characters of a text: more than is looked at, and no more than a browser lays out at once. */
export const longestText = 20_000;

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

const ofScreen = { screen: "inside" } as const;
linked({ ...ofScreen, name: "text", text: () => written.value, take: (text) => setText(text.slice(0, longestText)) });
linked({ ...ofScreen, name: "token", text: () => followed.value?.toString(), take: (text) => (followed.value = indexOf(text)) });
linked({
  ...ofScreen, name: "at",
  text: () => {
    const { block, head } = zoom.value;
    return block === undefined ? undefined : head === undefined ? String(block) : `${block}.${head}`;
  },
  take: (text) => {
    const [block, head] = text.split(".").map(indexOf);
    zoom.value = block === undefined ? {} : { block, head };
  },
});
linked({
  ...ofScreen, name: "attention",
  text: () => (shownHead.value === "mean" ? undefined : String(shownHead.value)),
  take: (text) => (shownHead.value = indexOf(text) ?? "mean"),
});

whenModelChanges(() => {
  followed.value = undefined;
  zoom.value = {};
  shownHead.value = "mean";
});
