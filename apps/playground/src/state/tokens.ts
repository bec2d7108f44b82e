import { computed, signal } from "@preact/signals";
import type { VocabularyId } from "../engine/api/tokens.ts";
import { linked } from "./link.ts";
import { words } from "./locale.ts";
import { oneOf } from "./stored.ts";

export const vocabularyIds = ["gpt2", "cl100k_base", "o200k_base", "model", "own"] as const satisfies readonly VocabularyId[];
const views = ["text", "ids", "bytes"] as const;

/** What a user wrote; until then the opening text of the language. */
const written = signal<string | undefined>(undefined);

export const text = {
  get value(): string {
    return written.value ?? words.value.tokens.opening;
  },
  set value(value: string) {
    written.value = value;
  },
};

/** Unicode code points of the text, and its bytes in UTF-8. */
export const textSize = computed(() => {
  let characters = 0;
  for (const _ of text.value) characters++;
  return { characters, bytes: new TextEncoder().encode(text.value).length };
});

const usualVocabularies: readonly VocabularyId[] = ["gpt2", "o200k_base", "model"];
export const chosenVocabularies = signal(usualVocabularies);
export const view = signal<(typeof views)[number]>("text");
export const readsSpecial = signal(true);

/** The token that is explained: of a user's choice, or the longest. */
export const chosenToken = signal<{ readonly vocabulary: VocabularyId; readonly index: number | "longest" }>({ vocabulary: "gpt2", index: "longest" });

export function setText(value: string): void {
  text.value = value;
  // Indices are those of another text now.
  chosenToken.value = { ...chosenToken.value, index: "longest" };
}

export function toggleVocabulary(id: VocabularyId, on: boolean): void {
  const chosen = chosenVocabularies.value.filter((each) => each !== id);
  chosenVocabularies.value = vocabularyIds.filter((each) => chosen.includes(each) || (on && each === id));
}

const ofScreen = { screen: "tokens" } as const;
linked({ ...ofScreen, name: "text", text: () => written.value, take: setText });
linked({
  ...ofScreen, name: "vocabularies",
  text: () => {
    // A file of one's own is in no address.
    const names = chosenVocabularies.value.filter((id) => id !== "own").join();
    return names === usualVocabularies.join() ? undefined : names;
  },
  take: (text) => {
    const names = text.split(",");
    chosenVocabularies.value = vocabularyIds.filter((id) => id !== "own" && names.includes(id));
  },
});
linked({ ...ofScreen, name: "show", text: () => (view.value === "text" ? undefined : view.value), take: (text) => (view.value = oneOf(views)(text) ?? view.value) });
linked({ ...ofScreen, name: "special", text: () => (readsSpecial.value ? undefined : "no"), take: (text) => (readsSpecial.value = text !== "no") });
