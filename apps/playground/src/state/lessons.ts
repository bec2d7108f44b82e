import { signal } from "@preact/signals";
import { lessonNames, stepsOf } from "../lessons/lessons.ts";
import type { LessonName } from "../lessons/lessons.ts";
import { indexOf, linked } from "./link.ts";

/** The lesson that is open, and where it is. */
export interface Place {
  readonly lesson: LessonName;
  readonly step: number;
}

/** Whether the panel is there, with the list or with a lesson. */
export const isTaught = signal(false);
export const place = signal<Place | undefined>(undefined);

/** Goes to a step of a lesson, and lets the page show what it speaks of. */
export function goTo(lesson: LessonName, step: number): void {
  const { screen, settings } = stepsOf(lesson)[step];
  isTaught.value = true;
  place.value = { lesson, step };
  location.hash = `#${screen}?${new URLSearchParams({ ...settings, lesson: name(place.value) }).toString()}`;
}

export function leave(): void {
  isTaught.value = false;
  place.value = undefined;
}

const name = ({ lesson, step }: Place): string => `${lesson}.${step + 1}`;

linked({
  name: "lesson",
  text: () => place.value && name(place.value),
  take: (text) => {
    const [named, number = ""] = text.split(".");
    const lesson = lessonNames.find((each) => each === named);
    const step = (indexOf(number) ?? 0) - 1;
    if (!lesson || step < 0 || step >= stepsOf(lesson).length) return;
    isTaught.value = true;
    place.value = { lesson, step };
  },
});
