import { signal } from "@preact/signals";

/** Screens, in the order of the bar. */
export const screens = ["tokens", "inside", "write"] as const;
export type Screen = (typeof screens)[number];

/** The screen that the page opens with. */
const first: Screen = "inside";

/** The screen that the address names, or that one. */
export const screen = signal(named());

addEventListener("hashchange", () => {
  // Other parts of the address, such as that of the skip link, name no screen.
  if (screens.some((name) => location.hash === `#${name}`)) screen.value = named();
});

function named(): Screen {
  return screens.find((name) => location.hash === `#${name}`) ?? first;
}
