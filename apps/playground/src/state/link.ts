import { computed, effect, signal } from "@preact/signals";
import { named, parameters, screen } from "./route.ts";
import type { Screen } from "./route.ts";

/** A part of what is seen that the address reproduces. */
export interface LinkedPart {
  /** The screen that it belongs to; without one, it is of all. */
  readonly screen?: Screen;
  readonly name: string;
  /** As the address has it; nothing, where it is as usual. */
  text(): string | undefined;
  /** Takes what an address has, which may be anyone's: what cannot be is left alone. */
  take(text: string): void;
}

/** Characters of a part: what messengers and servers take of an address has bounds. */
const longest = 4_000;
/** Between a change and the address that has it, in milliseconds: browsers bound how often it is set. */
const pause = 300;

const parts = signal<readonly LinkedPart[]>([]);
/** What the address had when it last led here; parts of screens that are loaded later find theirs. */
let given = parameters();

/** Lets the address reproduce a part of the state. */
export function linked(part: LinkedPart): void {
  parts.value = [...parts.value, part];
  takeGiven(part);
}

const present = computed(() => parts.value.flatMap((part) => {
  const text = isHere(part, screen.value) ? part.text() : undefined;
  return text === undefined ? [] : [{ name: part.name, text }];
}));

/** Whether a text is too long for an address. */
export const isCut = computed(() => present.value.some(({ text }) => text.length > longest));

/** What the address has behind the page's own: the screen and what is seen of it. */
export const hash = computed(() => {
  const short = present.value.filter(({ text }) => text.length <= longest).map(({ name, text }) => [name, text]);
  return `#${screen.value}${short.length > 0 ? `?${new URLSearchParams(short).toString()}` : ""}`;
});

/** Keeps the address as what is seen, and what is seen as an address that is opened. */
export function followAddress(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let heard = location.hash;
  const writeSoon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const next = hash.peek();
      // An address that somebody has just gone to counts, though nobody has heard of it yet.
      if (location.hash !== heard || heard === next) return;
      history.replaceState(history.state, "", next);
      heard = location.hash;
    }, pause);
  };
  effect(() => {
    void hash.value;
    writeSoon();
  });
  addEventListener("hashchange", () => {
    heard = location.hash;
    if (!named()) return;
    given = parameters();
    for (const part of parts.value) takeGiven(part);
    writeSoon();
  });
}

function takeGiven(part: LinkedPart): void {
  const text = isHere(part, named()) ? given.get(part.name) : null;
  if (text !== null) part.take(text);
}

function isHere({ screen }: LinkedPart, shown: Screen | undefined): boolean {
  return screen === undefined || screen === shown;
}

/** An index that an address has; whether there is something of it shows later. */
export function indexOf(text: string): number | undefined {
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}
