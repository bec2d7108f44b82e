/**
 * The settings that differ between two configurations, in words: `dim was 16 and is 32`. What the items of a list have in
 * common is said once: `blocks.attention.heads was 2 and is 4`.
 */
export function differences(before: object, now: object): string[] {
  const found = differencesOf(settingsOf(before), settingsOf(now));
  // The same values in other blocks.
  return found.length > 0 ? found : differencesOf(settingsOf(before, "eachItem"), settingsOf(now, "eachItem"));
}

/** The values of each setting, in the order in which they come. */
type Settings = ReadonlyMap<string, ReadonlySet<unknown>>;

function differencesOf(were: Settings, are: Settings): string[] {
  const show = (values: ReadonlySet<unknown> | undefined): string => (values ? [...values].join(", ") : "not set");
  const names = [...new Set([...were.keys(), ...are.keys()])];
  return names.flatMap((name) => {
    const [was, is] = [show(were.get(name)), show(are.get(name))];
    return was === is ? [] : [`${name} was ${was} and is ${is}`];
  });
}

/** The settings of an object. The items of a list are compared as one setting, or one by one. */
function settingsOf(value: unknown, of: "items" | "eachItem" = "items", path = "", found = new Map<string, Set<unknown>>()): Settings {
  if (typeof value !== "object" || value === null) return found.set(path, (found.get(path) ?? new Set()).add(value));
  if (Array.isArray(value)) settingsOf(value.length, of, `${path}.length`, found);
  for (const [name, item] of Object.entries(value)) {
    const isItem = Array.isArray(value);
    settingsOf(item, of, isItem ? (of === "items" ? path : `${path}[${name}]`) : path ? `${path}.${name}` : name, found);
  }
  return found;
}
