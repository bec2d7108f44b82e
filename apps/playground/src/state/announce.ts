import { signal } from "@preact/signals";

/** What screen readers are told, politely. */
export const announcement = signal("");

/** Milliseconds after which what is empty was noticed. */
const pause = 100;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Says it, also where the same was said last: what does not change is not heard. */
export function announce(text: string): void {
  announcement.value = "";
  clearTimeout(timer);
  timer = setTimeout(() => (announcement.value = text), pause);
}
