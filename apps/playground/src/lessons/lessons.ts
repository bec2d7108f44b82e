import type { Screen } from "../state/route.ts";

/** A step: where it leads, with all of the settings that it speaks of. */
export interface LessonStep {
  readonly screen: Screen;
  readonly settings?: Readonly<Record<string, string>>;
  readonly figure?: "scale";
}

const once = "Once there was a clever girl named Lily, whose hut was small and stood by the river. On a sunny day Lily";
const look = { text: once, at: "", attention: "" };

/** In their order; `i18n` has as many texts for each. */
const lessons = {
  tokens: [
    { screen: "tokens", settings: { text: "The cat sat. The unbelievable cat sat.", vocabularies: "gpt2", show: "text" } },
    { screen: "tokens", settings: { text: "The cat sat. The unbelievable cat sat.", vocabularies: "gpt2", show: "ids" } },
    { screen: "tokens", settings: { text: "Good morning! How are you today?\n早上好！你今天怎么样？", vocabularies: "gpt2,o200k_base", show: "text" } },
  ],
  attention: [
    { screen: "inside", settings: look },
    { screen: "inside", settings: { ...look, at: "0.0" } },
    { screen: "inside", settings: look },
  ],
  training: [
    { screen: "train", settings: { corpus: "stories" } },
    { screen: "train" },
    { screen: "train" },
  ],
  sampling: [
    { screen: "write", settings: { prompt: "Once there was a", temperature: "0", topP: "1", seed: "1" } },
    { screen: "write", settings: { prompt: "Once there was a", temperature: "2", topP: "1", seed: "1" } },
    { screen: "write", settings: { prompt: "Once there was a", temperature: "1", topP: "0.9", seed: "1" } },
  ],
  scale: [
    { screen: "inside", settings: look, figure: "scale" },
    { screen: "inside", settings: { ...look, at: "0" }, figure: "scale" },
  ],
  finetuning: [
    { screen: "tune", settings: { task: "labels", method: "head" } },
    { screen: "tune", settings: { task: "labels", method: "lora" } },
    { screen: "tune", settings: { task: "messages", method: "lora" } },
  ],
} as const satisfies Record<string, readonly LessonStep[]>;

export type LessonName = keyof typeof lessons;
export const lessonNames = Object.keys(lessons) as LessonName[];

export const stepsOf = (name: LessonName): readonly LessonStep[] => lessons[name];
