import type { Screen } from "../../state/route.ts";
import type { themes } from "../../state/theme.ts";

/** The texts around the screens. */
export const frame = {
  title: "GPT Playground",
  skip: "Skip to the content",
  screensLabel: "Screens",
  screens: { tokens: "Tokens", inside: "Inside", train: "Train", write: "Write", tune: "Tune" } satisfies Record<Screen, string>,
  language: "Language",
  theme: "Theme",
  themes: { system: "As the system", light: "Light", dark: "Dark" } satisfies Record<(typeof themes)[number], string>,
  save: "Save the picture",
  saveAs: (kind: string) => `Save as ${kind}`,
  close: "Close",
  loseLearnt: "What the model has learnt is not saved. Let it go?",
  again: "Try again",
};
