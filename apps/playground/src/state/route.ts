import { signal } from "@preact/signals";

/** Screens, in the order of the bar. */
export const screens = ["tokens", "inside", "train", "write", "tune"] as const;
export type Screen = (typeof screens)[number];

/** The screen that the page opens with. */
const first: Screen = "inside";

/** The screen that the address names, or that one. */
export const screen = signal(named() ?? first);

addEventListener("hashchange", () => {
  // Other parts of the page, such as what the skip link leads to, are no screens.
  screen.value = named() ?? screen.value;
});

/** The screen that the address names: `#write`, or `#write?prompt=Once`. */
export function named(): Screen | undefined {
  return screens.find((name) => location.hash.split("?")[0] === `#${name}`);
}

/** What the address says besides. */
export function parameters(): URLSearchParams {
  const at = location.hash.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : location.hash.slice(at + 1));
}
