import { computed, effect, signal } from "@preact/signals";
import { oneOf, stored } from "./stored.ts";

export const themes = ["system", "light", "dark"] as const;

/** index.html reads it too, before anything is drawn. */
export const theme = stored("theme", oneOf(themes), "system");

const system = matchMedia("(prefers-color-scheme: dark)");
const prefersDark = signal(system.matches);
system.addEventListener("change", ({ matches }) => (prefersDark.value = matches));

/** Whether the page is dark: what is drawn on a canvas is drawn anew. */
export const isDark = computed(() => (theme.value === "system" ? prefersDark.value : theme.value === "dark"));

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});
