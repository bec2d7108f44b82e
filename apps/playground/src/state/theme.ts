import { effect } from "@preact/signals";
import { oneOf, stored } from "./stored.ts";

export const themes = ["system", "light", "dark"] as const;

/** index.html reads it too, before anything is drawn. */
export const theme = stored("theme", oneOf(themes), "system");

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});
