/** What is in the way of writing a model as an architecture has it. Imports nothing, so that bundles of GGUF carry no rules of config.json. */

/** The first of some things that a model has and an architecture does not, as text. */
export function firstOf(...obstacles: readonly (readonly [isThere: boolean | undefined, what: string])[]): string | undefined {
  return obstacles.find(([isThere]) => isThere)?.[1];
}

/** The one window that some layers have, or what is in its way: of two, as text. */
export function windowOf(windows: readonly (number | undefined)[]): number | undefined | string {
  const [window, ...others] = new Set(windows.filter((window) => window !== undefined));
  return others.length > 0 ? `windows of ${window} and of ${others[0]}` : window;
}

/** The one window that all layers have, if they have one; else what is in its way. */
export function commonWindow(windows: readonly (number | undefined)[]): number | undefined | string {
  const window = windowOf(windows);
  return typeof window === "number" && windows.includes(undefined) ? "windows in some blocks alone" : window;
}
