import { signal } from "@preact/signals";

/** Screens, in the order of the bar. */
export const screens = ["tokens", "write"] as const;
export type Screen = (typeof screens)[number];

/** The screen that the address names, or the first. */
export const screen = signal(named());

addEventListener("hashchange", () => {
  // Other parts of the address, such as that of the skip link, name no screen.
  if (screens.some((name) => location.hash === `#${name}`)) screen.value = named();
});

function named(): Screen {
  return screens.find((name) => location.hash === `#${name}`) ?? screens[0];
}
